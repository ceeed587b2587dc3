-- table: marts.capex
-- severity: critical
-- message: Versions of a figure must follow each other, the newest open, and no later one may count fewer members
with ordered as (
    select *, lag(coverage) over (partition by symbol, period, period_end order by known_from) as coverage_before
    from marts.capex
)

select symbol, period, period_end, known_from, known_until, is_latest, coverage, coverage_before
from ordered
where
    known_until <= known_from
    or (known_until is null) <> is_latest
    or (period_end >= known_from and symbol not like 'basket:%')
    or coverage < coverage_before
