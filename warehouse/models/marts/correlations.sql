with legs as (
    select r.symbol, r.date, r.alignment, r.log_return, i.is_correlation_base, i.calendar = '24/7' as is_crypto
    from core.returns as r
    inner join core.instruments as i on r.symbol = i.symbol
),

-- An exchange-traded leg has one sampling and goes with each of crypto's; two crypto legs share theirs.
pairs as (
    select
        b.symbol as base_symbol, o.symbol as other_symbol, o.date,
        case when b.is_crypto then b.alignment else o.alignment end as alignment,
        b.log_return as x, o.log_return as y
    from legs as b
    inner join legs as o on b.date = o.date and b.symbol <> o.symbol
    where
        b.is_correlation_base
        and (b.alignment = o.alignment or b.is_crypto <> o.is_crypto)
        and not (o.is_correlation_base and o.symbol < b.symbol)
        -- Naive pairs of two 24-hour markets would count calendar days, not sessions.
        and not (b.is_crypto and o.is_crypto and b.alignment = 'naive')
),

rolling as (
    select
        base_symbol, other_symbol, date, 30 as window_sessions, alignment,
        corr(x, y) over month as r, count(*) over month as n
    from pairs
    window month as (
        partition by base_symbol, other_symbol, alignment order by date rows between 29 preceding and current row
    )
    union all
    select
        base_symbol, other_symbol, date, 90 as window_sessions, alignment,
        corr(x, y) over quarter as r, count(*) over quarter as n
    from pairs
    window quarter as (
        partition by base_symbol, other_symbol, alignment order by date rows between 89 preceding and current row
    )
),

bounded as (
    select
        *,
        case when isnan(r) then null else r end as correlation,
        atanh(case when not isnan(r) then greatest(least(r, 0.999999999999), -0.999999999999) end) as z
    from rolling
    where n = window_sessions
)

select
    base_symbol, other_symbol, date, window_sessions, 'pearson' as method, alignment, correlation,
    tanh(z - 1.959963984540054 / sqrt(n - 3)) as ci_low,
    tanh(z + 1.959963984540054 / sqrt(n - 3)) as ci_high,
    n
from bounded
