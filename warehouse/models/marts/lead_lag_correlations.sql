with lags as (
    select lag_sessions
    from (values (-5), (-4), (-3), (-2), (-1), (0), (1), (2), (3), (4), (5)) as shifts(lag_sessions)
),

base_sessions as (
    select p.base_symbol, p.other_symbol, p.date, p.base_return, l.lag_sessions, p.session_number - l.lag_sessions as other_session
    from core.benchmark_pairs as p
    cross join lags as l
),

-- The newer of the two returns dates the pair, so that nothing after it counts.
shifted as (
    select
        b.base_symbol, b.other_symbol, b.lag_sessions, greatest(b.date, o.date) as date,
        b.base_return as x, o.other_return as y
    from base_sessions as b
    inner join core.benchmark_pairs as o
        on b.base_symbol = o.base_symbol and b.other_symbol = o.other_symbol and b.other_session = o.session_number
),

numbered as (
    select *, row_number() over (partition by lag_sessions, base_symbol, other_symbol order by date) as position
    from shifted
),

-- Spark takes constant frames only, so positions are counted in windows: what lies less than one back is in the window.
rolling as (
    select
        s.base_symbol, s.other_symbol, w.window_sessions, s.date, s.lag_sessions,
        corr(s.x, s.y) over span as r, least(s.position, w.window_sessions) as n
    from numbered as s
    cross join core.correlation_windows as w
    window span as (
        partition by w.window_sessions, s.lag_sessions, s.base_symbol, s.other_symbol
        order by cast(s.position as double) / w.window_sessions
        range between cast(0.9999 as double) preceding and current row
    )
),

-- Which session is its week's last is known only when the next week has begun; which is its first, at once.
weekly as (
    select date from (
        select date, date_trunc('week', date) <> date_trunc('week', lag(date) over (order by date)) as begins_week
        from core.sessions
    ) as sessions
    where begins_week
),

bounded as (
    select
        r.base_symbol, r.other_symbol, r.window_sessions, r.date, r.lag_sessions, r.n,
        case when not isnan(r.r) then r.r end as correlation,
        atanh(case when not isnan(r.r) then greatest(least(r.r, 0.999999999999), -0.999999999999) end) as z
    from rolling as r
    inner join weekly as w on r.date = w.date
    where r.n = r.window_sessions
)

select
    base_symbol, other_symbol, window_sessions, date, lag_sessions, correlation,
    tanh(z - 1.959963984540054 / sqrt(n - 3)) as ci_low,
    tanh(z + 1.959963984540054 / sqrt(n - 3)) as ci_high,
    n
from bounded
