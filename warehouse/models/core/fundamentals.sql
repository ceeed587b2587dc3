with tags as (
    select *
    from (
        values
        ('capex', 'us-gaap:PaymentsToAcquirePropertyPlantAndEquipment', 1),
        ('capex', 'us-gaap:PaymentsToAcquireProductiveAssets', 2),
        ('revenue', 'us-gaap:RevenueFromContractWithCustomerExcludingAssessedTax', 1),
        ('revenue', 'us-gaap:Revenues', 2),
        ('revenue', 'us-gaap:RevenueFromContractWithCustomerIncludingAssessedTax', 3),
        ('revenue', 'us-gaap:SalesRevenueNet', 4),
        ('cost_of_revenue', 'us-gaap:CostOfRevenue', 1),
        ('cost_of_revenue', 'us-gaap:CostOfGoodsAndServicesSold', 2),
        ('gross_profit', 'us-gaap:GrossProfit', 1)
    ) as t (item, tag, preference)
),

-- The length tells what a figure is of; the vendor's own fiscal period is the filing's.
facts as (
    select
        f.symbol, t.item, f.tag, t.preference, f.start_date, f.end_date, f.value, f.accession, f.filed_date, f.source,
        case
            when date_diff('day', f.start_date, f.end_date) between 70 and 120 then 1
            when date_diff('day', f.start_date, f.end_date) between 140 and 229 then 2
            when date_diff('day', f.start_date, f.end_date) between 230 and 329 then 3
            -- Twelve months in a quarterly report are the trailing ones, no fiscal year.
            when date_diff('day', f.start_date, f.end_date) between 330 and 380 and f.form not like '10-Q%' then 4
        end as quarters
    from latest.facts as f
    inner join tags as t on f.tag = t.tag
    where f.unit = 'USD'
),

-- Each filing's figure holds until the next filing that gives the same period. From here on `since` and `until` are
-- filing days between which a row is what was known, the last excluded; only rows that overlap are joined.
versions as (
    select
        *,
        filed_date as since,
        coalesce(lead(filed_date) over history, date '9999-12-31') as until,
        value <> first_value(value) over history as is_restated
    from (
        select *
        from facts
        where quarters is not null
        qualify row_number() over (
            partition by symbol, tag, quarters, end_date, filed_date
            order by accession desc, start_date desc
        ) = 1
    )
    window history as (partition by symbol, tag, quarters, end_date order by filed_date)
),

-- Cash flows are filed by year to date. Years of 52 or 53 weeks may have their start dated a few days apart.
candidates as (
    select
        symbol, item, tag, source, case quarters when 1 then 'quarter' else 'year' end as period,
        start_date as period_start, end_date as period_end, value, 'reported' as method, false as vintages_differ,
        since, until
    from versions
    where quarters in (1, 4)
    union all
    select
        y.symbol, y.item, y.tag, y.source, 'quarter', cast(x.end_date + interval 1 day as date), y.end_date,
        y.value - x.value, 'difference', y.accession <> x.accession and (y.is_restated or x.is_restated),
        greatest(y.since, x.since), least(y.until, x.until)
    from versions as y
    inner join versions as x
        on
            y.symbol = x.symbol and y.tag = x.tag and y.quarters = x.quarters + 1
            and abs(date_diff('day', x.start_date, y.start_date)) <= 7
            and x.since < y.until and y.since < x.until
    where date_diff('day', x.end_date, y.end_date) between 70 and 120
),

tag_uses as (
    select
        symbol, item, tag, preference, filed_date as since,
        max(max(end_date)) over history as newest_end,
        coalesce(lead(filed_date) over history, date '9999-12-31') as until
    from versions
    group by symbol, item, tag, preference, filed_date
    window history as (partition by symbol, tag order by filed_date)
),

-- Of several tags the one used for the newest period known then goes first: one that a company left behind loses.
places as (
    select
        u.symbol, u.tag, d.filed_date,
        row_number() over (
            partition by u.symbol, u.item, d.filed_date
            order by u.newest_end desc, u.preference
        ) as place
    from (select distinct symbol, item, filed_date from versions) as d
    inner join tag_uses as u
        on d.symbol = u.symbol and d.item = u.item and u.since <= d.filed_date and d.filed_date < u.until
),

place_changes as (
    select *
    from places
    qualify place is distinct from lag(place) over (partition by symbol, tag order by filed_date)
),

rankings as (
    select
        symbol, tag, place, filed_date as since,
        coalesce(lead(filed_date) over (partition by symbol, tag order by filed_date), date '9999-12-31') as until
    from place_changes
),

ranked as (
    select
        c.symbol, c.item, c.tag, c.source, c.period, c.period_start, c.period_end, c.value, c.method,
        c.vintages_differ, r.place, greatest(c.since, r.since) as since, least(c.until, r.until) as until
    from candidates as c
    inner join rankings as r
        on c.symbol = r.symbol and c.tag = r.tag and c.since < r.until and r.since < c.until
),

chosen as (
    select c.*, d.since as filed_date
    from (select distinct symbol, item, period, period_end, since from ranked) as d
    inner join ranked as c
        on
            d.symbol = c.symbol and d.item = c.item and d.period = c.period and d.period_end = c.period_end
            and c.since <= d.since and d.since < c.until
    qualify row_number() over (
        partition by d.symbol, d.item, d.period, d.period_end, d.since
        order by c.place, case c.method when 'reported' then 1 else 2 end, c.since desc, c.period_start desc
    ) = 1
),

tagged as (
    select
        symbol, item, period, period_start, period_end, value, method, tag, vintages_differ, source, filed_date,
        coalesce(lead(filed_date) over history, date '9999-12-31') as until
    from chosen
    window history as (partition by symbol, item, period, period_end order by filed_date)
),

first_profits as (
    select symbol, period, period_end, min(filed_date) as filed_date
    from tagged
    where item = 'gross_profit'
    group by symbol, period, period_end
),

derived as (
    select
        r.symbol, 'gross_profit' as item, r.period, r.period_start, r.period_end, r.value - c.value as value,
        'derived' as method, r.tag || ' - ' || c.tag as tag, r.vintages_differ or c.vintages_differ as vintages_differ,
        r.source, greatest(r.filed_date, c.filed_date) as filed_date
    from tagged as r
    inner join tagged as c
        on
            r.symbol = c.symbol and r.period = c.period and r.period_end = c.period_end
            and r.filed_date < c.until and c.filed_date < r.until
    left join first_profits as g
        on r.symbol = g.symbol and r.period = g.period and r.period_end = g.period_end
    where
        r.item = 'revenue' and c.item = 'cost_of_revenue'
        and (g.filed_date is null or greatest(r.filed_date, c.filed_date) < g.filed_date)
),

known as (
    select
        symbol, item, period, period_start, period_end, value, method, tag, vintages_differ, source, filed_date
    from tagged
    union all
    select
        symbol, item, period, period_start, period_end, value, method, tag, vintages_differ, source, filed_date
    from derived
),

changes as (
    select *
    from known
    qualify value is distinct from lag(value) over (
        partition by symbol, item, period, period_end
        order by filed_date
    )
)

select
    symbol, item, period, period_start, period_end,
    -- The quarter that 45 days earlier fall into is the one whose end is nearest.
    cast(date_trunc('quarter', period_end - interval 45 day) + interval 3 month - interval 1 day as date)
        as calendar_quarter,
    value as value_usd, method, tag, filed_date, cast(filed_date + interval 1 day as date) as known_from,
    vintages_differ,
    lead(filed_date) over (partition by symbol, item, period, period_end order by filed_date) is null as is_latest,
    source
from changes
