with daily as (
    select
        date, asset, provider, variant, realized_loss_usd, realized_profit_usd, implied_loss_usd, realized_cap_usd, fault,
        case when fault is null then realized_loss_usd end as good_loss,
        case when fault is null then realized_loss_usd else implied_loss_usd end as best_loss
    from core.onchain
    where realized_loss_usd is not null
),

means as (
    select
        *,
        case when count(good_loss) over week >= 4 then avg(best_loss) over week end as loss_7d_mean_usd,
        case when count(good_loss) over week >= 4 then avg(good_loss) over week end as loss_7d_mean_good_days_usd,
        avg(realized_loss_usd) over week as loss_7d_mean_reported_usd,
        count(good_loss) over week as n_good_days
    from daily
    window week as (
        partition by asset, provider, variant order by date
        range between interval 6 day preceding and current row
    )
),

scaled as (
    select
        *,
        loss_7d_mean_usd / realized_cap_usd as loss_to_realized_cap,
        median(loss_7d_mean_usd) over (partition by asset, provider, variant order by date) as median_so_far
    from means
),

-- Every day against all days until then: nothing after t enters the row of t.
ranks as (
    select
        t.date, t.asset, t.provider, t.variant,
        count(s.loss_7d_mean_usd) as n_history,
        100.0 * count(case when s.loss_7d_mean_usd <= t.loss_7d_mean_usd then 1 end)
            / nullif(count(s.loss_7d_mean_usd), 0) as percentile,
        100.0 * count(case when s.loss_to_realized_cap <= t.loss_to_realized_cap then 1 end)
            / nullif(count(s.loss_to_realized_cap), 0) as cap_percentile,
        median(abs(s.loss_7d_mean_usd - t.median_so_far)) as deviation
    from scaled as t
    inner join scaled as s
        on t.asset = s.asset and t.provider = s.provider and t.variant = s.variant and s.date <= t.date
    group by t.date, t.asset, t.provider, t.variant
),

ranked as (
    select
        s.*,
        r.n_history,
        case when r.n_history >= 730 and s.loss_7d_mean_usd is not null then r.percentile end as percentile,
        case when r.n_history >= 730 and s.loss_to_realized_cap is not null then r.cap_percentile end as cap_percentile,
        case when r.n_history >= 730 then
            (s.loss_7d_mean_usd - s.median_so_far) / nullif(1.4826 * r.deviation, 0) end as robust_z
    from scaled as s
    inner join ranks as r
        on s.date = r.date and s.asset = r.asset and s.provider = r.provider and s.variant = r.variant
)

select
    date, asset, provider, variant, realized_loss_usd, realized_profit_usd, implied_loss_usd, fault,
    loss_7d_mean_usd, loss_7d_mean_good_days_usd, loss_7d_mean_reported_usd, n_good_days, loss_to_realized_cap, percentile, cap_percentile, robust_z, n_history,
    percentile >= 99 and cap_percentile >= 99 and robust_z >= 3 as is_extreme
from ranked
