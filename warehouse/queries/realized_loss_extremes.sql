-- When did bitcoin holders realize losses at an extreme rate?
select
    provider, start_date, end_date, peak_date, round(peak_loss_7d_mean_usd / 1e9, 2) as peak_billion_usd_a_day,
    round(total_loss_usd / 1e9, 1) as total_billion_usd, n_extreme_days
from marts.realized_loss_episodes
order by start_date
