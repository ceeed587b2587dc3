-- table: marts.correlation_regimes
-- severity: critical
-- message: Spells of a pair must follow each other, and only the last may be open
with ordered as (
    select
        *,
        lead(start_date) over (partition by base_symbol, other_symbol, window_sessions order by start_date) as next_start
    from marts.correlation_regimes
)

select base_symbol, other_symbol, window_sessions, start_date, end_date, next_start
from ordered
where (end_date is null) <> (next_start is null) or end_date >= next_start
