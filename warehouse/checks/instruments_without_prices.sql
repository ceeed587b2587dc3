-- table: core.prices
-- severity: warning
-- message: Instruments of universe.yaml without a single price; see quality.loads for what their source answered
select i.symbol, i.daily_source
from core.instruments as i
where i.kind <> 'market' and i.symbol not in (select symbol from core.prices)
