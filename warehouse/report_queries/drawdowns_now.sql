-- Which instruments are furthest below their highest close today, and since when?
with newest as (
    select i.name, i.symbol, d.date, d.peak_date, round(100 * d.drawdown, 1) as drawdown_percent
    from marts.drawdowns as d
    inner join core.instruments as i using (symbol)
    where d.basis = 'price' and i.kind in ('equity', 'etf', 'crypto')
    qualify row_number() over (partition by d.symbol order by d.date desc) = 1
)
, deepest as (select * from newest order by drawdown_percent, symbol limit 20)
select * from deepest order by drawdown_percent desc, symbol desc
