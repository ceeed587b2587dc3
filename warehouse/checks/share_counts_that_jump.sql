-- table: core.shares_outstanding
-- severity: warning
-- message: The share count on today's split basis changed by more than half between two filings; a split may be missing, or the count of one filing is wrong
with priced as (
    -- Splits before the first price are not known, so older counts cannot be put on today's basis.
    select symbol, min(date) as first_date from latest.daily_bars group by symbol
),

ordered as (
    select
        s.symbol, s.filed_date, s.shares, s.tag,
        lag(s.shares) over (partition by s.symbol order by s.filed_date) as shares_before
    from core.shares_outstanding as s
    inner join priced as p on s.symbol = p.symbol and s.basis_date >= p.first_date
)

select *
from ordered
where shares > 1.5 * shares_before or shares < shares_before / 1.5
order by filed_date desc, symbol
