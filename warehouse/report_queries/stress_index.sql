-- How stressed were tech and bitcoin on each session, against their own history until then?
select date, round(composite, 1) as composite, label, n_components
from marts.market_stress
where composite is not null
order by date
