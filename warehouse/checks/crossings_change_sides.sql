-- table: marts.level_crossings
-- severity: critical
-- message: A crossing must leave the side of the previous close, and crossings by close must alternate
with ordered as (
    select *, lag(direction) over (partition by symbol, level, basis order by date) as direction_before
    from marts.level_crossings
)

select symbol, level, basis, direction, date, price, previous_close, direction_before
from ordered
where
    (price < level) <> (direction = 'below')
    or (previous_close < level) <> (direction = 'above')
    or (basis = 'close' and direction = direction_before)
