with counted as (
    select distinct provider from core.spent_output_days
)

select
    o.date, o.asset, o.variant, o.provider, v.provider as other_provider,
    o.realized_loss_usd,
    v.realized_loss_usd as other_realized_loss_usd,
    v.fault as other_fault,
    o.realized_loss_usd - v.realized_loss_usd as loss_difference_usd,
    case when v.realized_loss_usd > 0 then o.realized_loss_usd / v.realized_loss_usd end as loss_ratio,
    o.realized_profit_usd,
    v.realized_profit_usd as other_realized_profit_usd,
    o.realized_profit_usd - v.realized_profit_usd as profit_difference_usd,
    case when v.realized_profit_usd > 0 then o.realized_profit_usd / v.realized_profit_usd end as profit_ratio
from marts.realized_losses as o
inner join counted as c on o.provider = c.provider
inner join marts.realized_losses as v
    on o.date = v.date and o.asset = v.asset and o.variant = v.variant and o.provider <> v.provider
