-- What was claimed, what is measured, and does it hold?
select claim_id, claimed_value as claimed, round(measured_value, 3) as measured, unit, verdict
from marts.claims
order by verdict, claim_id
