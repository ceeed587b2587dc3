with versions as (
    select 'daily_bars' as table_name, source, symbol, date, 'close' as item, close as value, known_at, load_id
    from raw.daily_bars
    union all
    select 'dividends', source, symbol, date, 'amount_usd', amount_usd, known_at, load_id from raw.dividends
    union all
    select 'splits', source, symbol, date, 'ratio', numerator / denominator, known_at, load_id from raw.splits
    union all
    select 'onchain', source, symbol, date, metric, value, known_at, load_id from raw.onchain
    union all
    select 'market_caps', source, symbol, date, 'market_cap_usd', market_cap_usd, known_at, load_id from raw.market_caps
    union all
    select 'facts', source, symbol, end_date, tag || ' from ' || start_date, value, cast(filed_date as timestamp), load_id
    from raw.facts
),

-- Almost everything was given once and never again.
repeated as (
    select table_name, source, symbol, date, item
    from versions
    group by table_name, source, symbol, date, item
    having count(*) > 1
),

-- Asked twice at the same instant, the later answer counts.
newest_of_instant as (
    select v.*
    from versions as v
    inner join repeated as r
        on
            v.table_name = r.table_name and v.source = r.source and v.symbol = r.symbol and v.date = r.date
            and v.item = r.item
    qualify row_number() over (
        partition by v.table_name, v.source, v.symbol, v.date, v.item, v.known_at order by v.load_id desc
    ) = 1
),

changes as (
    select
        v.*,
        lag(v.value) over history as old_value,
        lag(v.known_at) over history as known_before_at
    from newest_of_instant as v
    cross join latest.run_window as w
    where v.known_at <= w.known_until and v.date <= w.as_of
    window history as (partition by v.table_name, v.source, v.symbol, v.date, v.item order by v.known_at, v.load_id)
)

select table_name, source, symbol, date, item, old_value, value as new_value, known_before_at,
    known_at as seen_at, load_id
from changes
where known_before_at is not null and old_value is distinct from value
