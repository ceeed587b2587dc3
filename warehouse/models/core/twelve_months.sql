-- From here on a row is what was known from its first day until another, that day excluded; only rows that overlap are
-- joined.
with known as (
    select
        symbol, item, period, period_start, period_end, calendar_quarter, value_usd, known_from,
        coalesce(
            lead(known_from) over (partition by symbol, item, period, period_end order by known_from), date '9999-12-31'
        ) as known_until
    from core.fundamentals
),

quarters as (
    select * from known where period = 'quarter'
),

halves as (
    select
        l.symbol, l.item, e.period_start, e.period_end as middle, l.period_end, l.calendar_quarter,
        e.value_usd + l.value_usd as value_usd,
        greatest(e.known_from, l.known_from) as known_from, least(e.known_until, l.known_until) as known_until
    from quarters as l
    inner join quarters as e
        on
            l.symbol = e.symbol and l.item = e.item
            and date_diff('day', e.period_end, l.period_end) between 80 and 100
            and e.known_from < l.known_until and l.known_from < e.known_until
),

candidates as (
    select
        l.symbol, l.item, e.period_start, l.period_end, l.calendar_quarter, e.value_usd + l.value_usd as value_usd,
        'quarters' as basis, 1 as preference,
        greatest(e.known_from, l.known_from) as known_from, least(e.known_until, l.known_until) as known_until
    from halves as l
    inner join halves as e
        on
            l.symbol = e.symbol and l.item = e.item
            and date_diff('day', e.period_end, l.middle) between 80 and 100
            and e.known_from < l.known_until and l.known_from < e.known_until
    union all
    select
        symbol, item, period_start, period_end, calendar_quarter, value_usd, 'fiscal_year', 2, known_from, known_until
    from known
    where period = 'year'
),

chosen as (
    select
        c.symbol, c.item, c.period_start, c.period_end, c.calendar_quarter, c.value_usd, c.basis, d.known_from
    from (select distinct symbol, item, period_end, known_from from candidates) as d
    inner join candidates as c
        on
            d.symbol = c.symbol and d.item = c.item and d.period_end = c.period_end
            and c.known_from <= d.known_from and d.known_from < c.known_until
    qualify row_number() over (
        partition by d.symbol, d.item, d.period_end, d.known_from
        order by c.preference, c.known_from desc, c.period_start desc
    ) = 1
),

changes as (
    select *
    from chosen
    qualify
        value_usd is distinct from lag(value_usd) over (partition by symbol, item, period_end order by known_from)
        or basis is distinct from lag(basis) over (partition by symbol, item, period_end order by known_from)
)

select
    symbol, item, period_start, period_end, calendar_quarter, value_usd, basis, known_from,
    lead(known_from) over (partition by symbol, item, period_end order by known_from) as known_until
from changes
