-- How extreme is each component of the stress composite today, against its own history?
with newest as (
    select * from marts.market_stress where composite is not null order by date desc limit 1
)
, components as (
    select date, unnest([
        {'component': 'QQQ drawdown', 'percentile': drawdown_qqq_percentile},
        {'component': 'IGV drawdown', 'percentile': drawdown_igv_percentile},
        {'component': 'SaaS drawdown', 'percentile': drawdown_saas_percentile},
        {'component': 'BTC drawdown', 'percentile': drawdown_btc_percentile},
        {'component': 'QQQ volatility', 'percentile': volatility_qqq_percentile},
        {'component': 'BTC volatility', 'percentile': volatility_btc_percentile},
        {'component': 'VIX', 'percentile': vix_close_percentile},
        {'component': 'BTC-QQQ correlation', 'percentile': correlation_btc_qqq_percentile},
        {'component': 'Realized losses', 'percentile': realized_loss_percentile}
    ], recursive := true)
    from newest
)
select date, component, round(percentile, 1) as percentile
from components
where percentile is not null
order by percentile, component
