-- How much did each hyperscaler pay for property and equipment in each fiscal year?
select i.name, c.year, c.period_end, round(c.capex_usd / 1e9, 1) as capex_billion_usd, c.filed_date
from marts.capex as c
inner join core.basket_members as m on c.symbol = m.symbol and m.basket = 'basket:hyperscalers'
inner join core.instruments as i on c.symbol = i.symbol
where c.period = 'fiscal_year' and c.is_latest and c.year >= (select max(year) - 7 from marts.capex)
order by i.name, c.year
