-- table: core.prices
-- severity: warning
-- message: A dividend's ex-date has no price, so it is not in the total return
select d.symbol, d.date, d.amount_usd
from latest.dividends as d
inner join core.instruments as i on d.symbol = i.symbol and d.source = i.daily_source
left join core.prices as p on d.symbol = p.symbol and d.date = p.date
where p.symbol is null and d.date >= (select min(date) from core.prices as f where f.symbol = d.symbol)
