-- table: core.onchain
-- severity: warning
-- message: Realized loss was negative, zero, a repeat of the day before, or too small to conserve realized cap; the 7-day mean takes the implied loss there
select asset, date, provider, fault, realized_loss_usd, implied_loss_usd
from core.onchain
where fault is not null
order by date desc
