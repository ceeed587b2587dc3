-- table: marts.market_stress
-- severity: critical
-- message: The composite must lie between the lowest and the highest of its percentiles, be there if one of them is, and have the label of its value
with ranges as (
    select
        *,
        least(
            drawdown_qqq_percentile, drawdown_igv_percentile, drawdown_saas_percentile, drawdown_btc_percentile,
            volatility_qqq_percentile, volatility_btc_percentile, vix_close_percentile,
            correlation_btc_qqq_percentile, realized_loss_percentile
        ) as lowest,
        greatest(
            drawdown_qqq_percentile, drawdown_igv_percentile, drawdown_saas_percentile, drawdown_btc_percentile,
            volatility_qqq_percentile, volatility_btc_percentile, vix_close_percentile,
            correlation_btc_qqq_percentile, realized_loss_percentile
        ) as highest
    from marts.market_stress
)

select date, composite, lowest, highest, n_components, label
from ranges
where
    composite < lowest - 1e-9
    or composite > highest + 1e-9
    or (composite is null) <> (lowest is null)
    or (composite is null) <> (n_components = 0)
    or label is distinct from
        case when composite < 50 then 'calm' when composite < 80 then 'elevated' when composite >= 80 then 'stress' end
