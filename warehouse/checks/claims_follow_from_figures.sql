-- table: marts.claims
-- severity: critical
-- message: A claim's deviation and verdict must follow from its measured and claimed value and its tolerances
with missed as (
    select
        *, 1e-9 * greatest(1, abs(claimed_value)) as rounding,
        case comparison when 'about' then abs(deviation) when 'at_least' then -deviation else deviation end as miss
    from marts.claims
)

select claim_id, claimed_value, measured_value, deviation, comparison, tolerance, partly_tolerance, verdict
from missed
where
    abs(measured_value - claimed_value - deviation) > rounding
    or (measured_value is null) <> (deviation is null)
    or (measured_value is null and (verdict <> 'not_measurable' or window_end is not null))
    or (verdict = 'supported' and miss > tolerance + rounding)
    or (verdict = 'partly' and (miss <= tolerance or miss > partly_tolerance + rounding))
    or (verdict = 'not_supported' and miss <= partly_tolerance)
    or (verdict <> 'not_measurable' and coverage < min_coverage)
