-- What share of revenue stayed as gross profit over the last twelve months known that day, by basket?
select
    i.name || printf(' (%.0f %% of members)', 100 * last_value(v.margin_coverage) over newest_last) as name, v.date,
    round(100 * v.gross_margin, 2) as gross_margin_percent, round(v.margin_coverage, 2) as coverage,
    v.period_end
from marts.valuations as v
inner join core.instruments as i using (symbol)
where i.kind = 'basket' and v.gross_margin is not null
window newest_last as (partition by v.symbol order by v.date rows between unbounded preceding and unbounded following)
order by i.name, v.date
