-- What was each basket worth against the revenue of its last twelve months known that day?
select
    i.name || printf(' (%.0f %% of members)', 100 * last_value(v.coverage) over newest_last) as name, v.date,
    round(v.market_cap_to_revenue, 2) as market_cap_to_revenue, round(v.coverage, 2) as coverage,
    v.period_end, v.basis
from marts.valuations as v
inner join core.instruments as i using (symbol)
where i.kind = 'basket' and v.market_cap_to_revenue is not null
window newest_last as (partition by v.symbol order by v.date rows between unbounded preceding and unbounded following)
order by i.name, v.date
