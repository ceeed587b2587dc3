with totals as (
    select symbol, method from core.market_caps where symbol = 'CRYPTO_TOTAL' and is_headline group by symbol, method
),

-- All crypto is one series where a vendor gives it; else it is the sum over its pinned basket.
members as (
    select basket, symbol, 'sum' as method from core.basket_members
    union all
    select symbol, symbol, method from totals where method <> 'sum'
    union all
    select t.symbol, m.symbol, t.method
    from totals as t
    cross join core.basket_members as m
    where t.method = 'sum' and m.basket = 'basket:crypto_total'
),

-- Decimals add up exactly in any order, so that a day at the peak is found again by its value.
amounts as (
    select
        m.basket, c.symbol, c.date, cast(c.market_cap_usd as decimal(38, 2)) as amount_usd
    from members as m
    inner join core.market_caps as c on m.symbol = c.symbol
    inner join core.instruments as i on m.basket = i.symbol
    where
        c.is_headline and c.method <> 'sum'
        and (i.calendar = '24/7' or c.date in (select date from core.sessions))
),

-- A member's change is against the last day it had a value, so its arrival is no gain and its absence no loss.
steps as (
    select
        basket, symbol, date, amount_usd,
        amount_usd - lag(amount_usd) over (partition by basket, symbol order by date) as change_usd
    from amounts
),

days as (
    select
        basket, date, cast(sum(amount_usd) as double) as market_value_usd, count(*) as n_present,
        string_agg(symbol, ' ' order by symbol) as present,
        row_number() over (partition by basket order by date) as day_number
    from steps
    group by basket, date
),

-- Days on which the same members had a value are one group, called by its first day.
grouped as (
    select
        basket, date, day_number, market_value_usd, n_present,
        min(date) over (partition by basket, present) as group_date,
        max(day_number) over (partition by basket, present) as last_number
    from days
),

-- What a group's members gained since history began, each counting from its first value on.
gains as (
    select
        g.basket, g.group_date, d.date, d.day_number, d.group_date = g.group_date as is_own,
        d.market_value_usd, d.n_present,
        sum(sum(coalesce(c.change_usd, 0))) over (partition by g.basket, g.group_date order by d.date) as gain_usd
    from grouped as g
    inner join steps as m on g.basket = m.basket and g.date = m.date
    inner join grouped as d on g.basket = d.basket and d.day_number <= g.last_number
    left join steps as c on m.basket = c.basket and m.symbol = c.symbol and d.date = c.date
    where g.date = g.group_date
    group by g.basket, g.group_date, d.date, d.day_number, d.group_date, d.market_value_usd, d.n_present
),

spans as (
    select
        basket, 'running_peak' as span, min(date) as start_date, min(date) as first_date, date '9999-12-31' as last_date
    from days
    group by basket
    union all
    select d.basket, e.episode, max(d.date), e.start_date, coalesce(e.end_date, date '9999-12-31')
    from core.named_episodes as e
    inner join days as d on d.date <= e.start_date
    group by d.basket, e.episode, e.start_date, e.end_date
),

growing as (
    select
        g.basket, g.group_date, s.span, s.start_date, g.date, g.is_own and g.date >= s.first_date as is_row,
        g.market_value_usd, g.n_present, g.gain_usd,
        first_value(g.gain_usd) over sofar as start_gain_usd,
        max(g.gain_usd) over sofar as peak_gain_usd
    from spans as s
    inner join gains as g on s.basket = g.basket and g.date between s.start_date and s.last_date
    window sofar as (partition by g.basket, g.group_date, s.span order by g.date)
),

moving_days as (
    select
        g.basket, g.group_date, cast(w.n_days as varchar) as span, g.date, g.market_value_usd, g.n_present, g.gain_usd,
        g.day_number - w.n_days as start_number,
        unnest(generate_series(g.day_number - w.n_days, g.day_number)) as day_number
    from gains as g
    cross join core.loss_windows as w
    where g.is_own and g.day_number > w.n_days
),

moving as (
    select
        m.basket, m.group_date, m.span, min(g.date) as start_date, m.date, m.market_value_usd, m.n_present, m.gain_usd,
        max(case when g.day_number = m.start_number then g.gain_usd end) as start_gain_usd,
        max(g.gain_usd) as peak_gain_usd
    from moving_days as m
    inner join gains as g on m.basket = g.basket and m.group_date = g.group_date and m.day_number = g.day_number
    group by m.basket, m.group_date, m.span, m.date, m.market_value_usd, m.n_present, m.gain_usd
),

windows as (
    select
        basket, group_date, span, start_date, date, market_value_usd, n_present,
        gain_usd - start_gain_usd as change_usd, peak_gain_usd - gain_usd as loss_usd, peak_gain_usd
    from growing
    where is_row
    union all
    select
        basket, group_date, span, start_date, date, market_value_usd, n_present,
        gain_usd - start_gain_usd, peak_gain_usd - gain_usd, peak_gain_usd
    from moving
),

-- Of equal peaks the last.
peaks as (
    select w.basket, w.span, w.date, max(g.date) as peak_date
    from windows as w
    inner join gains as g
        on
            w.basket = g.basket and w.group_date = g.group_date and w.peak_gain_usd = g.gain_usd
            and g.date between w.start_date and w.date
    group by w.basket, w.span, w.date
),

sizes as (
    select basket, min(method) as method, count(*) as n_members from members group by basket
),

amounts_lost as (
    select
        w.basket, w.date, w.span, s.method, w.start_date, p.peak_date, w.market_value_usd,
        cast(w.change_usd as double) as change_usd, cast(w.loss_usd as double) as loss_usd,
        cast(w.n_present as double) / s.n_members as coverage
    from windows as w
    inner join peaks as p on w.basket = p.basket and w.span = p.span and w.date = p.date
    inner join sizes as s on w.basket = s.basket
)

select
    basket, date, span as "window", method, start_date, peak_date, market_value_usd,
    market_value_usd - change_usd as start_value_usd, change_usd,
    market_value_usd + loss_usd as peak_value_usd, loss_usd, loss_usd / (market_value_usd + loss_usd) as loss_fraction,
    coverage
from amounts_lost
