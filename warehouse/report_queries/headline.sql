-- What is the state of the story today: stress, falls, correlation, realized losses?
with stress as (
    select * from marts.market_stress where composite is not null order by date desc limit 1
)
, falls as (
    select * from marts.drawdowns
    where basis = 'price' and symbol in ('BTC', 'IGV', 'QQQ', 'basket:saas')
    qualify row_number() over (partition by symbol order by date desc) = 1
)
, correlation as (
    select * from marts.correlations
    where
        base_symbol = 'BTC' and other_symbol = 'IGV' and window_sessions = 30
        and alignment = 'exchange_close' and method = 'pearson' and correlation is not null
    order by date desc limit 1
)
, losses as (
    select * from marts.realized_losses
    where asset = 'BTC' and loss_7d_mean_usd is not null
    order by date desc, loss_to_realized_cap is null, provider limit 1
)
select 1 as place, 'Market stress' as what, printf('%.0f of 100', composite) as value,
    label || ', mean of ' || n_components || ' percentiles' as detail, label = 'stress' as is_alarming, date
from stress
union all
select 1 + row_number() over (order by f.symbol), case when i.kind = 'etf' then i.symbol else i.name end, printf('%.1f %%', 100 * f.drawdown),
    'below the close of ' || f.peak_date, f.drawdown <= -0.2, f.date
from falls as f
inner join core.instruments as i using (symbol)
union all
select 6, 'Bitcoin with IGV', printf('%.2f', correlation),
    printf('30-session correlation, 95 %%: %.2f to %.2f', ci_low, ci_high), ci_low > 0.5, date
from correlation
union all
select 7, 'Realized losses', printf('%.2f B USD', loss_7d_mean_usd / 1e9),
    'a day, 7-day mean by ' || provider || coalesce(printf(', percentile %.0f', percentile), ''),
    coalesce(is_extreme, false), date
from losses
order by place
