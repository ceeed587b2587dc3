-- How much less than at their peak were each basket and all of crypto worth, day by day?
select
    i.name || printf(' (%.0f %% of members)', 100 * last_value(l.coverage) over newest_last) as name, l.date,
    round(l.loss_usd / 1e12, 3) as loss_trillion_usd, round(100 * l.loss_fraction, 1) as loss_percent,
    round(l.coverage, 2) as coverage
from marts.market_value_losses as l
inner join core.instruments as i on l.basket = i.symbol
where l."window" = 'running_peak'
window newest_last as (partition by l.basket order by l.date rows between unbounded preceding and unbounded following)
order by i.name, l.date
