-- How much did all of crypto lose until 5 February 2026, counted from 29 January, from 28 January and from 14 January?
select
    f.date as since, round(f.market_value_usd / 1e12, 3) as value_then_trillion_usd,
    round((t.market_value_usd - f.market_value_usd) / 1e12, 2) as change_trillion_usd,
    round(100 * (t.market_value_usd / f.market_value_usd - 1), 1) as change_percent, t.method, t.coverage
from marts.market_value_losses as f
inner join marts.market_value_losses as t using (basket, "window")
where
    f.basket = 'CRYPTO_TOTAL' and "window" = 'running_peak' and t.date = '2026-02-05'
    and f.date in ('2026-01-14', '2026-01-28', '2026-01-29')
order by since desc
