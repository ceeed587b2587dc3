-- table: core.shares_outstanding
-- severity: warning
-- message: The share count on today's split basis changed by more than half between two filings; a split may be missing, or the count of one filing is wrong
with ordered as (
    select symbol, filed_date, shares, tag, lag(shares) over (partition by symbol order by filed_date) as shares_before
    from core.shares_outstanding
)

select *
from ordered
where shares > 1.5 * shares_before or shares < shares_before / 1.5
order by filed_date desc, symbol
