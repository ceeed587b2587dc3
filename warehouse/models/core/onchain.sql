with days as (
    select
        symbol as asset, date, source as provider, 'raw' as variant,
        max(value) filter (where metric = 'price_usd') as price_usd,
        max(value) filter (where metric = 'market_cap_usd') as market_cap_usd,
        max(value) filter (where metric = 'supply_btc') as supply,
        coalesce(
            max(value) filter (where metric = 'realized_cap_usd'),
            max(value) filter (where metric = 'market_cap_usd') / max(value) filter (where metric = 'mvrv_ratio')
        ) as realized_cap_usd,
        max(value) filter (where metric = 'realized_price_usd') as realized_price_usd,
        max(value) filter (where metric = 'realized_loss_usd') as loss_of_day,
        max(value) filter (where metric = 'realized_profit_usd') as profit_of_day,
        max(value) filter (where metric = 'realized_loss_cumulative_usd') as loss_to_date,
        max(value) filter (where metric = 'realized_profit_cumulative_usd') as profit_to_date,
        false as is_counted
    from latest.onchain
    group by symbol, date, source
    union all
    select
        'BTC', date, provider, 'raw', max(price_usd), null, null, null, null,
        sum(realized_loss_usd), sum(realized_profit_usd), null, null, true
    from core.spent_output_days
    group by date, provider
),

neighbours as (
    select
        *,
        date_diff('day', lag(date) over series, date) = 1 as follows,
        lag(loss_to_date) over series as last_loss,
        lag(profit_to_date) over series as last_profit,
        lag(realized_cap_usd) over series as last_realized_cap,
        lag(supply) over series as last_supply
    from days
    window series as (partition by asset, provider, variant order by date)
),

-- A step of a cumulative series is known only when the day before is there too.
flows as (
    select
        *,
        coalesce(loss_of_day, case when follows then loss_to_date - last_loss end) as realized_loss_usd,
        coalesce(profit_of_day, case when follows then profit_to_date - last_profit end) as realized_profit_usd,
        case when follows then realized_cap_usd - last_realized_cap end as realized_cap_change,
        case when follows then (supply - last_supply) * price_usd end as issuance
    from neighbours
),

balances as (
    select
        *,
        coalesce(realized_profit_usd, 0) + issuance - realized_cap_change as balance,
        lag(realized_loss_usd) over (partition by asset, provider, variant order by date) as loss_before
    from flows
),

implied as (
    select *, case when balance < 0 then 0 else balance end as implied_loss_usd
    from balances
)

select
    asset, date, provider, variant, price_usd, market_cap_usd, supply, realized_cap_usd, realized_price_usd,
    realized_loss_usd, realized_profit_usd, implied_loss_usd,
    case
        -- What we count ourselves is exact, and a day without a loss no fault.
        when is_counted then null
        -- Differences of a cumulative series carry its rounding: two cents decide what is equal.
        when realized_loss_usd <= -0.02 then 'fell'
        when realized_loss_usd < 0.02 then 'zero'
        when abs(realized_loss_usd - loss_before) < 0.02 then 'repeat'
        when
            implied_loss_usd - realized_loss_usd > 0.2 * implied_loss_usd
            and implied_loss_usd - realized_loss_usd > 0.0002 * realized_cap_usd
            then 'too_small'
    end as fault
from implied
