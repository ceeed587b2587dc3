-- table: core.spent_output_days
-- severity: warning
-- message: More than a thousandth of a day's spent value has no price at making or at spending and is in neither profit nor loss; begin history earlier (--since), or import the blocks before
select provider, date, sum(unpriced_sat) / sum(cast(spent_sat as double)) as unpriced_fraction
from core.spent_output_days
group by provider, date
having sum(unpriced_sat) > 0.001 * sum(cast(spent_sat as double))
order by date desc
