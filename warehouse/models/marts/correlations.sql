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

numbered as (
    select *, row_number() over (partition by base_symbol, other_symbol, alignment order by date) as position
    from pairs
),

-- Spark takes constant frames only, so positions are counted in windows: what lies less than one back is in the window.
rolling as (
    select
        p.base_symbol, p.other_symbol, p.date, w.window_sessions, p.alignment,
        corr(p.x, p.y) over span as r, least(p.position, w.window_sessions) as n
    from numbered as p
    cross join core.correlation_windows as w
    window span as (
        partition by w.window_sessions, p.base_symbol, p.other_symbol, p.alignment
        order by cast(p.position as double) / w.window_sessions
        range between cast(0.9999 as double) preceding and current row
    )
),

methods as (
    select
        base_symbol, other_symbol, date, window_sessions, 'pearson' as method, alignment,
        case when not isnan(r) then r end as correlation, n
    from rolling
    where n = window_sessions
    union all
    select
        base_symbol, other_symbol, date, window_sessions, method, 'exchange_close' as alignment,
        correlation, n
    from core.alternative_correlations
),

bounded as (
    select
        *,
        atanh(case when correlation is not null then greatest(least(correlation, 0.999999999999), -0.999999999999) end) as z,
        1.959963984540054
            * sqrt((1 + case when method = 'spearman' then correlation * correlation / 2 else 0 end) / (n - 3)) as width
    from methods
)

select
    base_symbol, other_symbol, date, window_sessions, method, alignment, correlation,
    tanh(z - width) as ci_low,
    tanh(z + width) as ci_high,
    n
from bounded
