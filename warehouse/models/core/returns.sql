with exchange_traded as (
    select p.symbol, s.date, s.session_number, 'exchange_close' as alignment, p.close_total_return as close
    from core.prices as p
    inner join core.instruments as i on p.symbol = i.symbol
    inner join core.sessions as s on p.date = s.date
    where i.calendar = 'XNYS'
),

sampled as (
    select c.symbol, s.date, s.session_number, 'exchange_close' as alignment, c.close
    from core.session_closes as c
    inner join core.sessions as s on c.date = s.date
),

round_the_clock as (
    select p.symbol, p.date, p.close_total_return as close
    from core.prices as p
    inner join core.instruments as i on p.symbol = i.symbol
    where i.calendar = '24/7'
),

at_midnight as (
    select r.symbol, s.date, s.session_number, 'utc_day' as alignment, r.close
    from round_the_clock as r
    inner join core.sessions as s on r.date = s.date
),

by_session as (
    select
        symbol, date, alignment,
        lag(date) over series as previous_date,
        session_number - lag(session_number) over series as n_sessions,
        ln(close / lag(close) over series) as log_return
    from (
        select * from exchange_traded
        union all
        select * from sampled
        union all
        select * from at_midnight
    ) as closes
    window series as (partition by symbol, alignment order by date)
),

by_day as (
    select
        symbol, date, 'naive' as alignment,
        lag(date) over series as previous_date,
        date_diff('day', lag(date) over series, date) as n_days,
        ln(close / lag(close) over series) as log_return
    from round_the_clock
    window series as (partition by symbol order by date)
)

-- A return over a missing session or day would not be comparable with its neighbours, so there is none.
select symbol, date, alignment, previous_date, log_return from by_session where n_sessions = 1
union all
select symbol, date, alignment, previous_date, log_return from by_day where n_days = 1
