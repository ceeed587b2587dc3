-- table: marts.correlations
-- severity: critical
-- message: A correlation must lie inside its own interval
select *
from marts.correlations
where correlation < ci_low - 1e-9 or correlation > ci_high + 1e-9
