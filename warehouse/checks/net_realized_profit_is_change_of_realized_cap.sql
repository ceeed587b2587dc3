-- table: core.spent_output_days
-- severity: critical
-- message: Net realized profit must be the change of realized cap less issuance at the day's price, on days whose outputs all have a price
with days as (
    select
        provider, date,
        sum(realized_profit_usd) - sum(realized_loss_usd) as net_realized_profit,
        sum(created_value_usd) as leaving_realized_cap
    from core.spent_output_days
    group by provider, date
    having sum(unpriced_sat) = 0
)

select
    d.provider, d.date, d.net_realized_profit,
    c.created_sat / 1e8 * p.price_usd - d.leaving_realized_cap as realized_cap_change,
    (c.coinbase_sat - c.fee_sat) / 1e8 * p.price_usd as issuance
from days as d
inner join raw.chain_days as c on d.provider = c.provider and d.date = c.date
inner join core.coin_prices as p on d.date = p.date
where abs(
    c.created_sat / 1e8 * p.price_usd - d.leaving_realized_cap
    - (c.coinbase_sat - c.fee_sat) / 1e8 * p.price_usd - d.net_realized_profit
) > 1 + 1e-9 * c.created_sat / 1e8 * p.price_usd
