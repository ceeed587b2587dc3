-- table: marts.claim_windows
-- severity: critical
-- message: A window must have a value and say whether the claim would hold, or else a reason; the deviation must follow from both values
select claim_id, label, measured_value, deviation, would_hold, reason, window_end
from marts.claim_windows
where
    (would_hold is null) <> (reason is not null)
    or (would_hold is not null and measured_value is null)
    or (measured_value is null) <> (deviation is null)
    or (measured_value is null and window_end is not null)
