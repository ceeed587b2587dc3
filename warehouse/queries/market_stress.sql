-- How stressed are tech and bitcoin against their own history, and which component says so?
select
    date, round(composite) as composite, label, n_components, round(drawdown_igv_percentile) as igv_drawdown,
    round(drawdown_btc_percentile) as btc_drawdown, round(volatility_btc_percentile) as btc_volatility,
    round(vix_close_percentile) as vix, round(correlation_btc_qqq_percentile) as btc_qqq_correlation,
    round(realized_loss_percentile) as realized_loss
from marts.market_stress
order by date desc
limit 30
