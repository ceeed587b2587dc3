-- What is in stress now: falls, correlation of bitcoin with tech, realized losses?
with newest as (
    select d.*, i.name from marts.drawdowns as d inner join core.instruments as i using (symbol)
    where d.basis = 'price' qualify row_number() over (partition by symbol order by date desc) = 1
)
, stress as (
    (select 1 as place, drawdown as rank, 'drawdown' as what, symbol || ' (' || name || ')' as who,
        printf('%.1f %%', 100 * drawdown) as value, 'since ' || peak_date as detail, date
    from newest where drawdown <= -0.2 and symbol not like 'basket:%' order by drawdown, symbol limit 5)
    union all
    select 2, drawdown, 'basket drawdown', name, printf('%.1f %%', 100 * drawdown), 'since ' || peak_date, date
    from newest where symbol like 'basket:%' and drawdown <= -0.1
    union all
    select 3, -c.correlation, '30-session correlation', 'BTC with ' || c.other_symbol,
        printf('%.2f [%.2f, %.2f]', c.correlation, c.ci_low, c.ci_high),
        r.state || ' since ' || r.start_date, c.date
    from marts.correlations as c
    inner join marts.correlation_regimes as r using (base_symbol, other_symbol, window_sessions)
    where base_symbol = 'BTC' and other_symbol in ('QQQ', 'IGV') and window_sessions = 30
        and c.alignment = 'exchange_close' and c.method = 'pearson'
        and r.end_date is null and c.correlation is not null
    qualify row_number() over (partition by other_symbol order by c.date desc) = 1
    union all
    select 4, null, '7-day realized loss', asset || ' by ' || provider,
        printf('%.2f B USD a day', loss_7d_mean_usd / 1e9),
        case when is_extreme then 'extreme' when is_extreme is null then 'not enough history to rank'
            else 'not extreme' end || coalesce(printf(', percentile %.0f', percentile), ''), date
    from marts.realized_losses where loss_7d_mean_usd is not null
    qualify row_number() over (partition by asset, provider, variant order by date desc) = 1
)
select what, who, value, detail, date from stress order by place, rank, who
