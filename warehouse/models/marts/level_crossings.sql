with days as (
    select symbol, date, low, high, close, lag(close) over (partition by symbol order by date) as previous_close
    from core.prices
    where symbol in (select symbol from core.price_levels)
),

-- What reached furthest down and up that day: by close the close itself, intraday the low and the high.
reaches as (
    select *, 'close' as basis, close as lowest, close as highest from days
    union all
    select *, 'intraday' as basis, low as lowest, high as highest from days
),

sides as (
    select
        r.*, l.level,
        case
            when r.previous_close >= l.level and r.lowest < l.level then 'below'
            when r.previous_close < l.level and r.highest >= l.level then 'above'
        end as direction
    from reaches as r
    inner join core.price_levels as l on r.symbol = l.symbol
),

crossings as (
    select
        *,
        row_number() over kind as crossing_number,
        lag(date) over kind as previous_date
    from sides
    where direction is not null
    window kind as (partition by symbol, level, basis, direction order by date)
)

select
    symbol, level, basis, direction, date, crossing_number,
    crossing_number = 1 as is_first,
    case when direction = 'below' then lowest else highest end as price,
    low, high, close, previous_close,
    date_diff('day', previous_date, date) as days_since_previous
from crossings
