-- Under which windows, providers or definitions would the claims that do not hold as stated hold?
select w.claim_id, c.verdict, w.label, w.measured_value, c.claimed_value, c.unit, w.window_start, w.window_end
from marts.claim_windows as w
inner join marts.claims as c using (claim_id)
where c.verdict <> 'supported' and w.would_hold
order by w.claim_id, w.label
