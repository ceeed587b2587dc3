with priced as (
    select
        s.provider, s.date, s.n_outputs, s.spent_sat, p.price_usd,
        case
            when s.created_date is null then 'unknown'
            when date_diff('day', s.created_date, s.date) < 155 then 'under_155_days'
            else 'from_155_days'
        end as age_band,
        case when c.price_usd is not null then s.spent_sat / 1e8 * p.price_usd end as spent_value,
        case when p.price_usd is not null then s.spent_sat / 1e8 * c.price_usd end as created_value
    from raw.spent_coin_days as s
    cross join latest.run_window as w
    left join core.coin_prices as p on s.date = p.date
    left join core.coin_prices as c on s.created_date = c.date
    where s.date <= w.last_complete_day
),

-- Without a price there is no gain, rather than one of nothing.
gains as (
    select *, spent_value - created_value as gain from priced
)

-- Summed as decimals: the order in which threads add floats would change the last digits.
select
    provider, date, age_band,
    max(price_usd) as price_usd,
    sum(n_outputs) as n_outputs,
    sum(spent_sat) as spent_sat,
    sum(case when spent_value is null then spent_sat else 0 end) as unpriced_sat,
    cast(sum(cast(spent_value as decimal(38, 6))) as double) as spent_value_usd,
    cast(sum(cast(created_value as decimal(38, 6))) as double) as created_value_usd,
    cast(sum(cast(case when gain > 0 then gain else 0 * gain end as decimal(38, 6))) as double) as realized_profit_usd,
    cast(sum(cast(case when gain < 0 then -gain else 0 * gain end as decimal(38, 6))) as double) as realized_loss_usd
from gains
group by provider, date, age_band
