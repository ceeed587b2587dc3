with steps as (
    select
        p.symbol, p.date,
        case when i.calendar = '24/7' then 'utc_day' else 'exchange_close' end as alignment,
        lag(p.date) over series as previous_date,
        s.session_number - lag(s.session_number) over series as n_steps,
        ln(p.close_total_return / lag(p.close_total_return) over series) as log_return
    from core.prices as p
    inner join core.instruments as i on p.symbol = i.symbol
    inner join core.sessions as s on p.date = s.date
    window series as (partition by p.symbol order by p.date)
    union all
    select
        c.symbol, c.date, 'exchange_close' as alignment,
        lag(c.date) over series as previous_date,
        s.session_number - lag(s.session_number) over series as n_steps,
        ln(c.close / lag(c.close) over series) as log_return
    from core.session_closes as c
    inner join core.sessions as s on c.date = s.date
    window series as (partition by c.symbol order by c.date)
    union all
    select
        p.symbol, p.date, 'naive' as alignment,
        lag(p.date) over series as previous_date,
        date_diff('day', lag(p.date) over series, p.date) as n_steps,
        ln(p.close_total_return / lag(p.close_total_return) over series) as log_return
    from core.prices as p
    inner join core.instruments as i on p.symbol = i.symbol
    where i.calendar = '24/7'
    window series as (partition by p.symbol order by p.date)
)

-- A return over a missing session or day would not be comparable with its neighbours, so there is none.
select symbol, date, alignment, previous_date, log_return
from steps
where n_steps = 1
