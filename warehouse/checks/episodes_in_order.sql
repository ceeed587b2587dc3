-- table: marts.drawdown_episodes
-- severity: critical
-- message: An episode's dates must run peak, first day under, valley, recovery
select *
from marts.drawdown_episodes
where
    peak_date >= first_under_date
    or first_under_date > valley_date
    or recovery_date <= valley_date
    or is_open <> (recovery_date is null)
