-- What are companies and baskets worth against a year's revenue now and a year ago, and what became of their margins?
select
    n.symbol, n.date, n.period_end, round(n.market_cap_to_revenue, 1) as multiple, round(b.market_cap_to_revenue, 1)
        as multiple_year_before, round(100 * n.gross_margin, 1) as gross_margin_percent,
    round(100 * b.gross_margin, 1) as margin_year_before, round(100 * n.revenue_growth, 1) as growth_percent,
    n.basis, round(n.coverage, 2) as coverage
from marts.valuations as n
left join marts.valuations as b on n.symbol = b.symbol and b.date = n.date - interval 364 day
qualify row_number() over (partition by n.symbol order by n.date desc) = 1
order by multiple desc nulls last, n.symbol
