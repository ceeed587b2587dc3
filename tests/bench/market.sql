-- A simulated market of one coin and getvariable('n_symbols') stocks and ETFs over the weekdays from first_day to
-- last_day: random walks of 2 % a day. Every 50th symbol is an ETF; there is a basket of twenty for every hundred symbols.
select setseed(0.5);

create temp table days as
select cast(day as date) as date
from generate_series(getvariable('first_day'), getvariable('last_day'), interval 1 day) as r(day);

insert into core.sessions by name
select
    date, date + interval 870 minute as open_at, date + interval 21 hour as close_at, false as is_early_close,
    row_number() over (order by date) as session_number
from days
where isodow(date) <= 5;

insert into core.instruments by name
select
    case when i = 1 then 'BTC' else printf('S%05d', i) end as symbol, symbol as name,
    case when i = 1 then 'crypto' when i % 50 = 0 then 'etf' else 'equity' end as kind,
    case when i = 1 then '24/7' else 'XNYS' end as calendar, i = 1 as is_correlation_base,
    'vendor' as daily_source, case when i = 1 then 'vendor' end as hourly_source
from range(getvariable('n_symbols')) as r(i)
union all
select printf('basket:%d', i), printf('basket:%d', i), 'basket', 'XNYS', false, null, null
from range(getvariable('n_symbols') // 100) as r(i);

insert into core.basket_members by name
select printf('basket:%d', b.i) as basket, printf('S%05d', 2 + b.i * 20 + m.i) as symbol
from range(getvariable('n_symbols') // 100) as b(i) cross join range(20) as m(i);

insert into core.correlation_windows values (30), (90);

insert into core.named_episodes values ('spring', 'A spring', '2020-02-20', '2020-04-07'), ('now', 'Now', '2025-05-01', null);

create temp table closes as
with steps as (
    select i.symbol, d.date, 0.02 * sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()) as step
    from core.instruments as i cross join days as d
    where i.kind <> 'basket' and (i.calendar = '24/7' or isodow(d.date) <= 5)
)
select symbol, date, 100 * exp(sum(step) over (partition by symbol order by date)) as close from steps;

-- One bar in a thousand has been restated.
insert into raw.daily_bars by name
select
    symbol, date, close as open, close * 1.02 as high, close * 0.99 as low, close, 1e6 as volume, 'vendor' as source,
    date + interval 1 day as known_at, 1 as load_id, 'payload' as payload_id
from closes
union all
select symbol, date, close, close * 1.02, close * 0.99, close * 1.001, 1e6, 'vendor', date + interval 2 day, 2, 'payload'
from closes
where hash(symbol, date) % 1000 = 0;

-- Every other stock pays a dividend each quarter, and one in ten has been split once.
insert into raw.dividends by name
select
    c.symbol, c.date, 0.2 as amount_usd, 'vendor' as source, c.date + interval 1 day as known_at, 1 as load_id,
    'payload' as payload_id
from closes as c
inner join core.sessions as s on c.date = s.date
where s.session_number % 63 = 0 and c.symbol <> 'BTC' and hash(c.symbol) % 2 = 0;

insert into raw.splits by name
select
    c.symbol, c.date, 4 as numerator, 1 as denominator, 'vendor' as source, c.date + interval 1 day as known_at,
    1 as load_id, 'payload' as payload_id
from closes as c
inner join core.sessions as s on c.date = s.date
where s.session_number = 1500 and c.symbol <> 'BTC' and hash(c.symbol) % 10 = 0;

insert into raw.hourly_bars by name
select
    c.symbol, c.date + interval (h.i) hour as start_at, c.close as open, c.close as high, c.close as low,
    c.close * exp(0.001 * (h.i - 23)) as close, 1.0 as volume, 'vendor' as source,
    c.date + interval 1 day as known_at, 1 as load_id, 'payload' as payload_id
from closes as c cross join range(24) as h(i)
where c.symbol = 'BTC';

insert into core.shares_outstanding by name
select
    c.symbol, c.date as filed_date, c.date as known_from, c.date as as_of_date, c.date as basis_date,
    1e9 as shares_reported, 1.0 as split_factor, 1e9 + 1e6 * s.session_number as shares, 'shares' as tag,
    'sec' as source, c.date + interval 1 day as known_at
from closes as c
inner join core.sessions as s on c.date = s.date
inner join core.instruments as i on c.symbol = i.symbol
where s.session_number % 63 = 1 and i.kind = 'equity';
