-- How much did bitcoin holders lose a day, by provider, and when was it extreme?
select
    provider, date, round(loss_7d_mean_usd / 1e9, 3) as loss_7d_mean_billion_usd,
    round(realized_loss_usd / 1e9, 3) as realized_loss_billion_usd, round(percentile, 1) as percentile,
    is_extreme, fault
from marts.realized_losses
where asset = 'BTC' and loss_7d_mean_usd is not null
order by provider, date
