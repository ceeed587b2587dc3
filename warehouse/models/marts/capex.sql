with companies as (
    select
        symbol, case period when 'quarter' then 'quarter' else 'fiscal_year' end as period,
        period_end, calendar_quarter, value_usd as capex_usd,
        case period when 'quarter' then 'quarters' else 'fiscal_year' end as basis, known_from
    from core.fundamentals
    where item = 'capex'
    union all
    select symbol, 'ttm', period_end, calendar_quarter, value_usd, basis, known_from
    from core.twelve_months
    where item = 'capex'
    union all
    select symbol, 'calendar_year', period_end, calendar_quarter, value_usd, basis, known_from
    from core.twelve_months
    where item = 'capex' and extract(month from calendar_quarter) = 12
),

-- Fiscal years end on different days: those that end in one calendar year are summed.
aligned as (
    select
        *,
        case
            when period = 'fiscal_year'
                then cast(date_trunc('year', calendar_quarter) + interval 1 year - interval 1 day as date)
            else calendar_quarter
        end as sum_end
    from companies
),

terms as (
    select symbol, period, sum_end, capex_usd, basis, known_from
    from aligned
    qualify row_number() over (partition by symbol, period, sum_end, known_from order by period_end desc) = 1
),

-- What each filing adds to a sum.
changes as (
    select
        symbol, period, sum_end, known_from,
        capex_usd - coalesce(lag(capex_usd) over history, 0) as change_usd,
        case when lag(capex_usd) over history is null then 1 else 0 end as arrived,
        case basis when 'fiscal_year' then 1 else 0 end
            - case lag(basis) over history when 'fiscal_year' then 1 else 0 end as whole_years
    from terms
    window history as (partition by symbol, period, sum_end order by known_from)
),

sums as (
    select
        m.basket as symbol, c.period, c.sum_end, c.known_from,
        sum(sum(c.change_usd)) over history as capex_usd,
        sum(sum(c.arrived)) over history as n,
        sum(sum(c.whole_years)) over history as n_whole_years
    from changes as c
    inner join core.basket_members as m on c.symbol = m.symbol
    group by m.basket, c.period, c.sum_end, c.known_from
    window history as (partition by m.basket, c.period, c.sum_end order by c.known_from)
),

sizes as (
    select basket, count(*) as n_members from core.basket_members group by basket
),

everything as (
    select symbol, period, period_end, calendar_quarter, capex_usd, basis, 1 as coverage, known_from
    from companies
    union all
    select
        s.symbol, s.period, s.sum_end, s.sum_end, s.capex_usd,
        case s.n_whole_years when 0 then 'quarters' when s.n then 'fiscal_year' else 'mixed' end,
        cast(s.n as double) / z.n_members, s.known_from
    from sums as s
    inner join sizes as z on s.symbol = z.basket
)

select
    symbol, period, period_end, calendar_quarter, cast(extract(year from calendar_quarter) as integer) as year,
    capex_usd, basis, coverage, cast(known_from - interval 1 day as date) as filed_date, known_from,
    lead(known_from) over history as known_until,
    lead(known_from) over history is null as is_latest
from everything
window history as (partition by symbol, period, period_end order by known_from)
