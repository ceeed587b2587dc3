with bars as (
    select b.symbol, b.date, b.open, b.high, b.low, b.close, b.volume, b.source, b.known_at
    from latest.daily_bars as b
    inner join core.instruments as i on b.symbol = i.symbol and b.source = i.daily_source
),

events as (
    select
        bars.*,
        lag(bars.close) over (partition by bars.symbol order by bars.date) as previous_close,
        coalesce(d.amount_usd, 0) as dividend,
        coalesce(s.numerator / s.denominator, 1) as split_ratio
    from bars
    left join latest.dividends as d on bars.symbol = d.symbol and bars.date = d.date and bars.source = d.source
    left join latest.splits as s on bars.symbol = s.symbol and bars.date = s.date and bars.source = s.source
),

-- Reinvesting a dividend multiplies the holding by 1 / (1 - dividend / close of the day before).
steps as (
    select
        *,
        case when dividend > 0 and dividend < previous_close then ln(1 - dividend / previous_close) else 0 end as step
    from events
),

-- The newest row before the days that are made goes on in them; of a symbol made whole there is none. Factors and sums
-- of logarithms have twelve decimals, so that they are found again exactly.
singles as (
    select
        s.symbol, s.date, s.open, s.high, s.low, s.close, s.volume, s.source, s.known_at,
        s.close * exp(coalesce(sum(s.step) over later, 0)) as close_adjusted,
        s.close
        * round(coalesce(b.close_total_return / b.close, 1) * exp(-sum(s.step) over sofar), 12) as close_total_return,
        s.close * round(exp(coalesce(sum(ln(s.split_ratio)) over later, 0)), 9) as close_unadjusted
    from steps as s
    left join latest.prices_before as b on s.symbol = b.symbol
    window
        sofar as (partition by s.symbol order by s.date rows between unbounded preceding and current row),
        later as (partition by s.symbol order by s.date rows between 1 following and unbounded following)
),

member_closes as (
    select symbol, date, close, close_total_return, known_at from singles
    union all
    select symbol, date, close, close_total_return, known_at from latest.prices_before
),

member_returns as (
    select
        m.basket, s.date, s.known_at,
        s.close / lag(s.close) over member - 1 as price_return,
        s.close_total_return / lag(s.close_total_return) over member - 1 as total_return
    from member_closes as s
    inner join core.basket_members as m on s.symbol = m.symbol
    window member as (partition by m.basket, s.symbol order by s.date)
),

basket_days as (
    select
        basket, date,
        round(coalesce(ln(1 + avg(price_return)), 0), 12) as price_step,
        round(coalesce(ln(1 + avg(total_return)), 0), 12) as total_step,
        count(*) as n_members,
        max(known_at) as known_at
    from member_returns
    group by basket, date
),

basket_sizes as (
    select basket, count(*) as n_members from core.basket_members group by basket
),

baskets as (
    select
        d.basket, d.date, d.known_at,
        100 * exp(round(coalesce(round(ln(b.close / 100), 12), 0) + sum(d.price_step) over sofar, 12)) as close,
        100
        * exp(round(coalesce(round(ln(b.close_total_return / 100), 12), 0) + sum(d.total_step) over sofar, 12))
        as close_total_return,
        round(sum(d.price_step - d.total_step) over later, 12) as later_step,
        cast(d.n_members as double) / z.n_members as coverage
    from basket_days as d
    inner join basket_sizes as z on d.basket = z.basket
    left join latest.prices_before as b on d.basket = b.symbol
    window
        sofar as (partition by d.basket order by d.date rows between unbounded preceding and current row),
        later as (partition by d.basket order by d.date rows between 1 following and unbounded following)
)

select
    symbol, date, open, high, low, close, close_adjusted, close_total_return, close_unadjusted, volume,
    cast(1 as double) as coverage, source, known_at
from singles
union all
select
    basket as symbol, date, null as open, null as high, null as low, close,
    close * exp(coalesce(later_step, 0)) as close_adjusted,
    close_total_return, null as close_unadjusted, null as volume,
    coverage, 'derived' as source, known_at
from baskets
