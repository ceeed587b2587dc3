-- table: quality.coverage
-- severity: critical
-- message: A configured source has never given a row; check the network and the source's settings, or run `make run` for the offline sample market
with wanted as (
    select distinct daily_source as source from core.instruments where daily_source is not null
)

select w.source
from wanted as w
where w.source not in (select source from latest.daily_bars)
