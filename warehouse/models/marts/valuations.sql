with twelve_months as (
    select
        symbol, item, period_end, value_usd, basis, known_from,
        coalesce(known_until, date '9999-12-31') as known_until
    from core.twelve_months
    where item in ('revenue', 'gross_profit')
),

revenues as (
    select m.symbol, m.known_from as since, r.period_end, r.basis, r.known_from, r.value_usd as revenue_usd
    from (select distinct symbol, known_from from twelve_months) as m
    inner join twelve_months as r
        on m.symbol = r.symbol and r.known_from <= m.known_from and m.known_from < r.known_until
    where r.item = 'revenue'
    qualify row_number() over (partition by m.symbol, m.known_from order by r.period_end desc) = 1
),

-- The year before as it was known then.
figures as (
    select r.*, g.value_usd as gross_profit_usd, b.value_usd as revenue_before_usd
    from revenues as r
    left join twelve_months as g
        on
            r.symbol = g.symbol and g.item = 'gross_profit' and r.period_end = g.period_end
            and g.known_from <= r.since and r.since < g.known_until
    left join twelve_months as b
        on
            r.symbol = b.symbol and b.item = 'revenue'
            and date_diff('day', b.period_end, r.period_end) between 350 and 380
            and b.known_from <= r.since and r.since < b.known_until
    qualify row_number() over (partition by r.symbol, r.since order by b.period_end desc) = 1
),

spans as (
    select *, coalesce(lead(since) over (partition by symbol order by since), date '9999-12-31') as until
    from figures
),

-- An annual report follows its year by up to 90 days: what is older than a year and that is no longer the newest.
-- Decimals add up to the same in any order.
companies as (
    select s.*, d.date, cast(c.market_cap_usd as decimal(38, 2)) as market_cap_usd
    from spans as s
    inner join core.sessions as d on s.since <= d.date and d.date < s.until
    left join core.market_caps as c on s.symbol = c.symbol and d.date = c.date and c.is_headline
    where date_diff('day', s.period_end, d.date) <= 460
),

-- A company is a basket of its own.
members as (
    select basket, symbol, count(*) over (partition by basket) as n_members from core.basket_members
    union all
    select symbol, symbol, 1 from (select distinct symbol from figures) as alone
)

select
    m.basket as symbol, c.date,
    case when min(c.basis) = max(c.basis) then min(c.basis) else 'mixed' end as basis,
    min(c.period_end) as period_end,
    max(c.known_from) as known_from,
    sum(c.revenue_usd) as revenue_ttm_usd,
    sum(c.revenue_usd) filter (where c.revenue_before_usd is not null) / nullif(sum(c.revenue_before_usd), 0) - 1
        as revenue_growth,
    cast(count(c.revenue_before_usd) as double) / max(m.n_members) as growth_coverage,
    sum(c.gross_profit_usd) as gross_profit_ttm_usd,
    sum(c.gross_profit_usd) / nullif(sum(c.revenue_usd) filter (where c.gross_profit_usd is not null), 0)
        as gross_margin,
    cast(count(c.gross_profit_usd) as double) / max(m.n_members) as margin_coverage,
    cast(sum(c.market_cap_usd) as double) as market_cap_usd,
    cast(sum(c.market_cap_usd) as double) / nullif(sum(c.revenue_usd), 0) as market_cap_to_revenue,
    cast(count(c.market_cap_usd) as double) / max(m.n_members) as coverage
from companies as c
inner join members as m on c.symbol = m.symbol
where c.market_cap_usd is not null or m.basket = m.symbol
group by m.basket, c.date
