-- Which falls were the deepest, and which are still open?
select symbol, peak_date, valley_date, recovery_date, round(100 * depth, 1) as depth_percent, days_to_valley, is_open
from marts.drawdown_episodes
where basis = 'price'
order by depth
limit 20
