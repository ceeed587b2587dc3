-- table: marts.drawdown_episodes
-- severity: critical
-- message: An instrument can be in one episode at a time
select symbol, basis, count(*) as n_open
from marts.drawdown_episodes
where is_open
group by symbol, basis
having count(*) > 1
