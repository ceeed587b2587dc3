-- How far is each instrument below its highest close, today?
select d.symbol, i.name, d.date, d.close, d.peak_date, round(100 * d.drawdown, 1) as drawdown_percent
from marts.drawdowns as d
inner join core.instruments as i using (symbol)
where d.basis = 'price'
qualify row_number() over (partition by d.symbol order by d.date desc) = 1
order by d.drawdown
