-- Which sentences of the story hold against the data, and why not?
select
    story, claim_id, statement, claimed_value, comparison, measured_value, unit, verdict, reason, source,
    window_start, window_end, coverage, sql
from marts.claims
order by story, claim_id
