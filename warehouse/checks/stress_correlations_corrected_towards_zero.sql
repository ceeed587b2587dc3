-- table: marts.stress_correlations
-- severity: critical
-- message: Taking out higher variance must bring a correlation nearer to zero with its sign kept, and a correlation must lie inside its interval
select *
from marts.stress_correlations
where
    correlation_stress * correlation_stress_corrected < 0
    or variance_increase * (abs(correlation_stress_corrected) - abs(correlation_stress)) > 1e-9
    or correlation_calm < ci_low_calm - 1e-9
    or correlation_calm > ci_high_calm + 1e-9
    or correlation_stress < ci_low_stress - 1e-9
    or correlation_stress > ci_high_stress + 1e-9
