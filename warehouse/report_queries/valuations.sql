-- What was each basket worth against the revenue of its last twelve months known that day?
select
    i.name, v.date, round(v.market_cap_to_revenue, 2) as market_cap_to_revenue, round(v.coverage, 2) as coverage,
    v.period_end, v.basis
from marts.valuations as v
inner join core.instruments as i using (symbol)
where i.kind = 'basket' and v.market_cap_to_revenue is not null
order by i.name, v.date
