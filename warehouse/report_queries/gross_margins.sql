-- What share of revenue stayed as gross profit over the last twelve months known that day, by basket?
select
    i.name, v.date, round(100 * v.gross_margin, 2) as gross_margin_percent, round(v.margin_coverage, 2) as coverage,
    v.period_end
from marts.valuations as v
inner join core.instruments as i using (symbol)
where i.kind = 'basket' and v.gross_margin is not null
order by i.name, v.date
