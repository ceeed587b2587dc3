with present as (
    select source, 'daily_bars' as dataset, symbol, date from latest.daily_bars
    union all
    select source, 'hourly_bars', symbol, cast(start_at as date) from latest.hourly_bars
    group by source, symbol, cast(start_at as date)
    having count(*) = 24
    union all
    select distinct source, 'onchain', symbol, date from latest.onchain
),

spans as (
    select
        p.source, p.dataset, p.symbol, i.calendar, w.last_complete_day, w.last_complete_session,
        min(p.date) as first_date, max(p.date) as newest_date, count(*) as n_present
    from present as p
    inner join core.instruments as i on p.symbol = i.symbol
    cross join latest.run_window as w
    group by p.source, p.dataset, p.symbol, i.calendar, w.last_complete_day, w.last_complete_session
),

days as (
    select 'XNYS' as calendar, date from core.sessions
    union all
    select '24/7', cast(day as date) from latest.calendar_days
),

missing as (
    select s.source, s.dataset, s.symbol, count(*) as n_expected, count(p.date) as n_found,
        max(case when p.date is null then d.date end) as last_missing_date
    from spans as s
    inner join days as d on s.calendar = d.calendar and d.date between s.first_date and s.newest_date
    left join present as p
        on s.source = p.source and s.dataset = p.dataset and s.symbol = p.symbol and d.date = p.date
    group by s.source, s.dataset, s.symbol
),

judged as (
    select
        s.source, s.dataset, s.symbol, s.first_date, s.newest_date,
        case when s.calendar = '24/7' then s.last_complete_day else s.last_complete_session end as due_date,
        m.n_expected, m.n_found as n_present, m.n_expected - m.n_found as n_missing, m.last_missing_date
    from spans as s
    inner join missing as m on s.source = m.source and s.dataset = m.dataset and s.symbol = m.symbol
)

select
    *,
    greatest(date_diff('day', newest_date, due_date), 0) as days_late,
    case when newest_date < due_date then 'late' when n_missing > 0 then 'gap' else 'ok' end as status
from judged
