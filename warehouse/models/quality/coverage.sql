with present as (
    select source, 'daily_bars' as dataset, symbol, date from latest.daily_bars
    union all
    select source, 'hourly_bars', symbol, cast(start_at as date) from latest.hourly_bars
    group by source, symbol, cast(start_at as date)
    having count(*) = 24
    union all
    select distinct source, 'onchain', symbol, date from latest.onchain
    union all
    select source, 'market_caps', symbol, date from latest.market_caps
    union all
    select distinct source, 'market_snapshots', symbol, date from latest.market_snapshots
    union all
    select distinct source, 'facts', symbol, filed_date from latest.facts
    union all
    select c.provider, 'spent_outputs', 'BTC', c.date
    from raw.chain_days as c
    cross join latest.run_window as w
    where c.date <= w.last_complete_day
),

spans as (
    select source, dataset, symbol, min(date) as first_date, max(date) as newest_date, count(*) as n_present
    from present
    group by source, dataset, symbol
),

-- Filings and snapshots come when they come: no calendar says which days they should have.
-- A day is shown two hours after a session's close, an hour after a day's end in UTC.
days as (
    select 'XNYS' as calendar, date, close_at + interval 2 hour as shown_by from core.sessions
    union all
    select '24/7', cast(day as date), cast(day as timestamp) + interval 25 hour from latest.calendar_days
),

calendars as (
    select
        s.*,
        case when s.dataset in ('facts', 'market_snapshots') then 'none' else i.calendar end as calendar,
        coalesce(q.days_behind, 0) as days_behind
    from spans as s
    inner join core.instruments as i on s.symbol = i.symbol
    left join quality.sources as q on s.source = q.source
),

due as (
    select
        c.source, c.dataset, c.symbol, w.known_until,
        coalesce(max(d.date), case when c.dataset = 'facts' then w.as_of - 140 else w.last_complete_day end) as due_date,
        max(d.shown_by + c.days_behind * interval 1 day) as calendars_deadline,
        max(case when d.shown_by + c.days_behind * interval 1 day <= w.known_until then d.date end) as calendars_late_date
    from calendars as c
    cross join latest.run_window as w
    left join days as d
        on c.calendar = d.calendar
        and d.date <= case when c.calendar = '24/7' then w.last_complete_day else w.last_complete_session end - c.days_behind
    group by c.source, c.dataset, c.symbol, w.known_until, w.as_of, w.last_complete_day
),

-- `late_date` is the newest day whose deadline has passed.
deadlines as (
    select
        source, dataset, symbol, due_date, deadline_at,
        coalesce(calendars_late_date, due_date - case when deadline_at <= known_until then 0 else 1 end) as late_date
    from (
        select *, coalesce(calendars_deadline, cast(due_date as timestamp) + interval 25 hour) as deadline_at
        from due
    ) as timed
),

missing as (
    select c.source, c.dataset, c.symbol, count(*) as n_expected, count(p.date) as n_found,
        max(case when p.date is null then d.date end) as last_missing_date
    from calendars as c
    inner join days as d on c.calendar = d.calendar and d.date between c.first_date and c.newest_date
    left join present as p
        on c.source = p.source and c.dataset = p.dataset and c.symbol = p.symbol and d.date = p.date
    group by c.source, c.dataset, c.symbol
),

pairs as (
    select
        o.source, 'daily_bars' as dataset, o.symbol, i.daily_source as reference_source,
        o.date, abs(o.close / u.close - 1) as spread, i.cross_check_tolerance as tolerance
    from latest.daily_bars as o
    inner join core.instruments as i on o.symbol = i.symbol and o.source <> i.daily_source
    inner join latest.daily_bars as u on o.symbol = u.symbol and o.date = u.date and u.source = i.daily_source
),

spreads as (
    select *, spread = max(spread) over (partition by source, symbol, reference_source) as is_largest from pairs
),

-- Of equally large spreads the first.
compared as (
    select
        source, dataset, symbol, reference_source,
        count(*) as n_compared,
        median(spread) as median_spread,
        max(spread) as largest_spread,
        min(case when is_largest then date end) as largest_spread_date,
        count(case when spread > tolerance then 1 end) as n_apart
    from spreads
    group by source, dataset, symbol, reference_source
),

judged as (
    select
        s.source, s.dataset, s.symbol, s.first_date, s.newest_date, u.due_date, u.deadline_at, u.late_date,
        coalesce(m.n_expected, s.n_present) as n_expected,
        coalesce(m.n_found, s.n_present) as n_present,
        coalesce(m.n_expected - m.n_found, 0) as n_missing,
        m.last_missing_date,
        c.reference_source, c.n_compared, c.median_spread, c.largest_spread, c.largest_spread_date, c.n_apart
    from spans as s
    inner join deadlines as u on s.source = u.source and s.dataset = u.dataset and s.symbol = u.symbol
    left join missing as m on s.source = m.source and s.dataset = m.dataset and s.symbol = m.symbol
    left join compared as c on s.source = c.source and s.dataset = c.dataset and s.symbol = c.symbol
)

select
    source, dataset, symbol, first_date, newest_date, due_date, deadline_at, n_expected, n_present, n_missing,
    last_missing_date,
    greatest(date_diff('day', newest_date, due_date), 0) as days_late,
    case
        when newest_date < late_date then 'late'
        when newest_date < due_date then 'due'
        when n_missing > 0 then 'gap'
        else 'ok'
    end as status,
    reference_source, n_compared, median_spread, largest_spread, largest_spread_date, n_apart
from judged
