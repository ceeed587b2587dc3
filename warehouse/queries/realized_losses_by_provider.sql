-- Realized losses of each provider side by side, in billions a day: who says what about the same days?
select
    date,
    round(max(realized_loss_usd) filter (where provider = 'brk') / 1e9, 3) as brk,
    round(max(realized_loss_usd) filter (where provider = 'bgeometrics') / 1e9, 3) as bgeometrics,
    round(max(realized_loss_usd) filter (where provider = 'glassnode') / 1e9, 3) as glassnode,
    round(max(loss_7d_mean_usd) filter (where provider = 'brk') / 1e9, 3) as brk_7d_mean,
    round(max(loss_7d_mean_usd) filter (where provider = 'bgeometrics') / 1e9, 3) as bgeometrics_7d_mean
from marts.realized_losses
where asset = 'BTC' and date >= date '2025-11-01'
group by date
order by date desc
