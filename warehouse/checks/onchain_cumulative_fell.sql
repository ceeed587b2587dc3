-- table: core.onchain
-- severity: critical
-- message: A cumulative loss or profit fell, which it cannot; the provider reorganised or the payload is wrong
select asset, date, provider, realized_loss_usd, realized_profit_usd
from core.onchain
where realized_loss_usd < -0.02 or realized_profit_usd < -0.02
