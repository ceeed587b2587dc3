-- table: core.prices
-- severity: warning
-- message: Our dividend-adjusted close is over 0.1 % away from the vendor's; a dividend or split may be missing
select p.symbol, p.date, p.close_adjusted, v.close_adjusted_vendor
from core.prices as p
inner join latest.daily_bars as v on p.symbol = v.symbol and p.date = v.date and p.source = v.source
where abs(p.close_adjusted / v.close_adjusted_vendor - 1) > 0.001
order by abs(p.close_adjusted / v.close_adjusted_vendor - 1) desc
