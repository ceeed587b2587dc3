-- table: marts.lead_lag_correlations
-- severity: critical
-- message: A shifted correlation must lie inside its own interval and come from a full window
select *
from marts.lead_lag_correlations
where correlation < ci_low - 1e-9 or correlation > ci_high + 1e-9 or n <> window_sessions
