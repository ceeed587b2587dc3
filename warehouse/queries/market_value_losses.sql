-- How much market value had each basket and all of crypto lost by 5 February 2026: in a week, since 28 January, at all?
select
    basket, "window", start_date, peak_date, round(market_value_usd / 1e9) as value_billion_usd,
    round(change_usd / 1e9) as change_since_start, round(loss_usd / 1e9) as loss_since_peak,
    round(100 * loss_fraction, 1) as loss_percent, round(coverage, 2) as coverage
from marts.market_value_losses
where date = '2026-02-05'
order by basket, start_date
