-- Which sentences of the story hold against the data, and why not?
select claim_id, verdict, measured_value, claimed_value, unit, reason
from marts.claims
order by story, verdict, claim_id
