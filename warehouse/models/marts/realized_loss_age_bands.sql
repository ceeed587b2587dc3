with bands as (
    select date, provider, age_band, spent_sat, unpriced_sat, spent_value_usd, created_value_usd,
        realized_profit_usd, realized_loss_usd
    from core.spent_output_days
    union all
    select date, provider, 'all', sum(spent_sat), sum(unpriced_sat),
        cast(sum(cast(spent_value_usd as decimal(38, 6))) as double),
        cast(sum(cast(created_value_usd as decimal(38, 6))) as double),
        cast(sum(cast(realized_profit_usd as decimal(38, 6))) as double),
        cast(sum(cast(realized_loss_usd as decimal(38, 6))) as double)
    from core.spent_output_days
    group by date, provider
)

select
    date, 'BTC' as asset, provider, 'raw' as variant, age_band,
    spent_sat / 1e8 as spent_btc,
    1 - unpriced_sat / nullif(cast(spent_sat as double), 0) as priced_fraction,
    realized_profit_usd, realized_loss_usd,
    realized_profit_usd - realized_loss_usd as net_realized_profit_usd,
    spent_value_usd / nullif(created_value_usd, 0) as sopr
from bands
