-- How much less than at their peak were each basket and all of crypto worth, day by day?
select
    i.name, l.date, round(l.loss_usd / 1e12, 3) as loss_trillion_usd, round(100 * l.loss_fraction, 1) as loss_percent,
    round(l.coverage, 2) as coverage
from marts.market_value_losses as l
inner join core.instruments as i on l.basket = i.symbol
where l."window" = 'running_peak'
order by i.name, l.date
