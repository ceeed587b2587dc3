with closes as (
    select date, close as price_usd, source from core.prices where symbol = 'BTC'
),

before as (
    select o.date, o.value as price_usd, o.source
    from latest.onchain as o
    left join (select min(date) as first_date from closes) as f on true
    where o.symbol = 'BTC' and o.source = 'brk' and o.metric = 'price_usd' and o.value > 0
        and (f.first_date is null or o.date < f.first_date)
)

select date, price_usd, source from closes
union all
select date, price_usd, source from before
