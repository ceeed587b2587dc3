-- table: core.returns
-- severity: warning
-- message: A single instrument moved by more than half in a day, which may be an unrecorded split
select r.symbol, r.date, r.alignment, r.log_return
from core.returns as r
inner join core.instruments as i on r.symbol = i.symbol
where abs(r.log_return) > 0.6931 and i.kind <> 'index'
