-- table: core.onchain
-- severity: warning
-- message: Over the last 60 days two providers' realized losses fit each other better when one is moved by a day; one of the two has its dates off by one
with changes as (
    select
        asset, provider, variant, date,
        ln(realized_loss_usd / lag(realized_loss_usd) over (partition by asset, provider, variant order by date)) as change
    from core.onchain
    where realized_loss_usd > 0
),

moved as (
    select *, 0 as days_moved, date as other_date from changes
    union all
    select *, 1, date + 1 from changes
    union all
    select *, -1, date - 1 from changes
),

correlations as (
    select
        a.asset, a.provider, a.variant, b.provider as other_provider, b.variant as other_variant, a.days_moved,
        count(*) as n, corr(a.change, b.change) as correlation
    from moved as a
    inner join changes as b on a.asset = b.asset and a.other_date = b.date and a.provider < b.provider
    cross join latest.run_window as w
    where a.date > w.as_of - 60 and a.change is not null and b.change is not null
    group by a.asset, a.provider, a.variant, b.provider, b.variant, a.days_moved
),

known as (
    -- Fewer than twenty changes, or none that move, say nothing.
    select * from correlations where n >= 20 and correlation between -1.001 and 1.001
)

select m.asset, m.provider, m.other_provider, m.days_moved, m.n, m.correlation, k.correlation as correlation_as_dated
from known as m
inner join known as k
    on m.asset = k.asset and m.provider = k.provider and m.variant = k.variant
    and m.other_provider = k.other_provider and m.other_variant = k.other_variant and k.days_moved = 0
where m.days_moved <> 0 and m.correlation > 0.5 and m.correlation > k.correlation
order by m.asset, m.provider, m.other_provider, m.days_moved
