-- How far below its highest close so far stood each basket, bitcoin and the benchmarks, day by day?
select case when i.kind = 'etf' then i.symbol else i.name end as name, d.date, round(100 * d.drawdown, 1) as drawdown_percent
from marts.drawdowns as d
inner join core.instruments as i using (symbol)
where d.basis = 'price' and (i.kind = 'basket' or i.symbol in ('BTC', 'QQQ', 'IGV')) and i.symbol <> 'basket:benchmarks'
order by i.kind, 1, d.date
