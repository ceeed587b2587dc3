-- How much market value did each basket and all of crypto lose from the start to the end of each named episode?
select
    e.name as episode, i.name, l.start_date, l.date as end_date, round(l.start_value_usd / 1e12, 2) as start_trillion_usd,
    round(l.market_value_usd / 1e12, 2) as end_trillion_usd, round(l.change_usd / 1e12, 2) as change_trillion_usd,
    round(100 * l.change_usd / l.start_value_usd, 1) as change_percent, round(l.coverage, 2) as coverage
from marts.market_value_losses as l
inner join core.named_episodes as e on l."window" = e.episode
inner join core.instruments as i on l.basket = i.symbol
qualify row_number() over (partition by l.basket, e.episode order by l.date desc) = 1
order by e.start_date desc, i.name
