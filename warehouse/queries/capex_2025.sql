-- How much did Alphabet, Meta and Microsoft pay for property and equipment in 2025, and how many of them are known?
select
    coalesce(symbol, 'together') as symbol,
    round(sum(capex_usd) filter (where period = 'calendar_year') / 1e9, 1) as calendar_2025_billion_usd,
    count(*) filter (where period = 'calendar_year') as calendar_years_known,
    round(sum(capex_usd) filter (where period = 'fiscal_year') / 1e9, 1) as fiscal_2025_billion_usd,
    max(period_end) filter (where period = 'fiscal_year') as fiscal_year_end
from marts.capex
where symbol in ('GOOGL', 'META', 'MSFT') and year = 2025 and is_latest
group by rollup (symbol)
order by symbol nulls last
