-- table: marts.valuations
-- severity: critical
-- message: Revenue must have been filed before the session, of a period that had ended, and must give the multiple
select *
from marts.valuations
where
    known_from > date
    or period_end >= known_from
    or abs(market_cap_to_revenue * revenue_ttm_usd - market_cap_usd) > 1e-9 * market_cap_usd
