-- table: marts.correlation_breaks
-- severity: critical
-- message: A pair's segments must follow each other without overlap, only the newest without an end, all labelled retrospective
with ordered as (
    select *, lead(start_date) over (partition by base_symbol, other_symbol order by start_date) as next_start
    from marts.correlation_breaks
)

select *
from ordered
where (end_date is null) <> (next_start is null) or end_date >= next_start or not is_retrospective
