-- table: marts.market_value_losses
-- severity: critical
-- message: Value and loss must add up to the peak, which lies inside its window and is no lower than the start
select *
from marts.market_value_losses
where
    abs(market_value_usd + loss_usd - peak_value_usd) > 1e-9 * peak_value_usd
    or abs(market_value_usd - change_usd - start_value_usd) > 1e-9 * peak_value_usd
    or peak_value_usd < start_value_usd - 1e-9 * peak_value_usd
    or peak_date < start_date
    or peak_date > date
