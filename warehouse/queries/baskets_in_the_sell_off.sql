-- What did each basket, bitcoin and IGV do between 28 January and 5 February 2026?
select
    b.symbol, round(b.close, 2) as close_28_january, round(a.close, 2) as close_5_february,
    round(100 * (a.close / b.close - 1), 1) as change_percent
from core.prices as b
inner join core.prices as a on b.symbol = a.symbol and a.date = '2026-02-05'
where b.date = '2026-01-28' and (b.symbol like 'basket:%' or b.symbol in ('BTC', 'IGV', 'QQQ'))
order by change_percent
