-- table: core.returns
-- severity: warning
-- message: Exchange-traded prices on a day without a session; they do not enter returns
select p.symbol, p.date, p.source
from core.prices as p
inner join core.instruments as i on p.symbol = i.symbol
where i.calendar = 'XNYS' and p.date not in (select date from core.sessions)
