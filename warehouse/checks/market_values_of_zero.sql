-- table: core.market_caps
-- severity: warning
-- message: The vendor gave a market value of zero, which means missing; these days are left out
select symbol, source, count(*) as n_days, min(date) as first_date, max(date) as last_date
from latest.market_caps
where market_cap_usd = 0
group by symbol, source
order by symbol
