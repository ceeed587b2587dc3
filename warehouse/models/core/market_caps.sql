with shares as (
    select
        symbol, known_from, shares, source, known_at,
        coalesce(lead(known_from) over (partition by symbol order by known_from), date '9999-12-31') as known_until
    from core.shares_outstanding
),

-- Count and close are both on today's split basis: a split moves neither the product nor its history.
companies as (
    select
        p.symbol, p.date, 'shares_at_close' as method, s.source || '+' || p.source as source,
        s.shares * p.close as market_cap_usd, greatest(s.known_at, p.known_at) as known_at
    from core.prices as p
    inner join shares as s on p.symbol = s.symbol and s.known_from <= p.date and p.date < s.known_until
),

-- A source may give a coin's value among its on-chain metrics too.
vendors as (
    select symbol, date, 'vendor' as method, source, market_cap_usd, known_at
    from (
        select symbol, date, source, market_cap_usd, known_at, 1 as preference from latest.market_caps
        union all
        select symbol, date, source, value, known_at, 2 from latest.onchain where metric = 'market_cap_usd'
    )
    where market_cap_usd > 0
    qualify row_number() over (partition by symbol, date, source order by preference) = 1
),

snapshots as (
    select symbol, date, 'snapshot' as method, source, market_cap_usd, known_at
    from latest.market_snapshots
    qualify row_number() over (
        partition by symbol, date, source
        order by abs(date_diff('second', taken_at, date + interval 1 day)), taken_at desc
    ) = 1
),

-- One source for a coin's whole history: sources count differently and are never joined.
headlines as (
    select symbol, source
    from vendors
    group by symbol, source
    qualify row_number() over (
        partition by symbol
        order by case source when 'coinmetrics' then 1 when 'brk' then 2 when 'coingecko' then 3 else 4 end, source
    ) = 1
),

members as (
    select symbol, count(*) over () as n_members
    from core.basket_members
    where basket = 'basket:crypto_majors'
),

sums as (
    select
        'CRYPTO_TOTAL' as symbol, v.date, 'sum' as method, 'derived' as source,
        cast(sum(cast(v.market_cap_usd as decimal(38, 2))) as double) as market_cap_usd,
        cast(count(*) as double) / max(m.n_members) as coverage,
        max(v.known_at) as known_at
    from vendors as v
    inner join headlines as h on v.symbol = h.symbol and v.source = h.source
    inner join members as m on v.symbol = m.symbol
    group by v.date
)

select symbol, date, method, source, market_cap_usd, cast(1 as double) as coverage, true as is_headline, known_at
from companies
union all
select v.symbol, v.date, v.method, v.source, v.market_cap_usd, 1, h.symbol is not null, v.known_at
from vendors as v
left join headlines as h on v.symbol = h.symbol and v.source = h.source
union all
select symbol, date, method, source, market_cap_usd, 1, false, known_at
from snapshots
union all
select s.symbol, s.date, s.method, s.source, s.market_cap_usd, s.coverage, h.symbol is null, s.known_at
from sums as s
left join headlines as h on s.symbol = h.symbol
