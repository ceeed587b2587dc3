-- How far is each instrument below its highest close today, and since when?
select i.name, i.symbol, d.date, d.peak_date, round(100 * d.drawdown, 1) as drawdown_percent
from marts.drawdowns as d
inner join core.instruments as i using (symbol)
where d.basis = 'price' and i.kind in ('equity', 'etf', 'crypto')
qualify row_number() over (partition by d.symbol order by d.date desc) = 1
order by drawdown_percent desc, i.symbol
