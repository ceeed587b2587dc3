-- table: core.spent_output_days
-- severity: critical
-- message: A counted day must spend what it makes plus its fees less what its miners made, and its ages must add up to all it spends
with spent as (
    select provider, date, sum(spent_sat) as spent_sat, sum(n_outputs) as n_outputs
    from core.spent_output_days
    group by provider, date
)

select d.provider, d.date, d.spent_sat, d.created_sat, d.coinbase_sat, d.fee_sat, s.spent_sat as spent_by_age_sat
from raw.chain_days as d
cross join latest.run_window as w
left join spent as s on d.provider = s.provider and d.date = s.date
where d.date <= w.last_complete_day
    and (
        d.spent_sat + d.coinbase_sat <> d.created_sat + d.fee_sat
        or coalesce(s.spent_sat, 0) <> d.spent_sat or coalesce(s.n_outputs, 0) <> d.n_outputs
    )
