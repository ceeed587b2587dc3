-- On which days since October 2025 did bitcoin trade or close below 107,000 USD?
select date, low, close, close < 107000 as closed_below
from core.prices
where symbol = 'BTC' and date >= '2025-10-01' and low < 107000
order by date
limit 20
