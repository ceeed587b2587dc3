with extremes as (
    select
        *,
        case
            when date_diff('day', lag(date) over (partition by asset, provider, variant order by date), date) <= 7 then 0
            else 1
        end as starts
    from marts.realized_losses
    where is_extreme
),

numbered as (
    select *, sum(starts) over (partition by asset, provider, variant order by date) as spell
    from extremes
),

peaks as (
    select *, max(loss_7d_mean_usd) over (partition by asset, provider, variant, spell) as peak
    from numbered
),

spells as (
    select
        asset, provider, variant, spell,
        min(date) as start_date,
        max(date) as last_date,
        min(case when loss_7d_mean_usd = peak then date end) as peak_date,
        max(peak) as peak_loss_7d_mean_usd,
        count(*) as n_extreme_days
    from peaks
    group by asset, provider, variant, spell
),

newest as (
    select asset, provider, variant, max(date) as newest_date
    from marts.realized_losses
    group by asset, provider, variant
),

totals as (
    select
        s.asset, s.provider, s.variant, s.spell,
        sum(case when r.fault is null then r.realized_loss_usd else 0 end) as total_loss_usd
    from spells as s
    inner join marts.realized_losses as r
        on s.asset = r.asset and s.provider = r.provider and s.variant = r.variant
        and r.date between s.start_date and s.last_date
    group by s.asset, s.provider, s.variant, s.spell
)

select
    s.asset, s.provider, s.variant, s.start_date,
    case when date_diff('day', s.last_date, n.newest_date) > 7 then s.last_date end as end_date,
    s.peak_date, s.peak_loss_7d_mean_usd, t.total_loss_usd, s.n_extreme_days,
    date_diff('day', s.last_date, n.newest_date) <= 7 as is_open
from spells as s
inner join newest as n on s.asset = n.asset and s.provider = n.provider and s.variant = n.variant
inner join totals as t on s.asset = t.asset and s.provider = t.provider and s.variant = t.variant and s.spell = t.spell
