-- The newest filing decides, so a tag that a company no longer uses never comes back.
with counts as (
    select
        symbol, filed_date, accession, start_date, end_date, tag, source, known_at,
        value as shares_reported,
        tag = 'dei:EntityCommonStockSharesOutstanding' as is_cover
    from latest.facts
    where
        unit = 'shares'
        and tag in ('dei:EntityCommonStockSharesOutstanding', 'us-gaap:WeightedAverageNumberOfDilutedSharesOutstanding')
        -- Lower counts are placeholders.
        and value >= 100000
),

-- An amendment filed beside a newer report repeats its old cover page: of one day the newest count goes first.
chosen as (
    select
        *,
        -- A filing restates its averages for the splits before it; a cover page counts the shares of its own day.
        case when is_cover then end_date else filed_date end as basis_date
    from counts
    qualify row_number() over (
        partition by symbol, filed_date
        order by is_cover desc, end_date desc, start_date desc, accession desc
    ) = 1
),

splits as (
    select s.symbol, s.date, s.numerator / s.denominator as ratio
    from latest.splits as s
    inner join core.instruments as i on s.symbol = i.symbol and s.source = i.daily_source
),

factors as (
    select c.symbol, c.filed_date, round(exp(coalesce(sum(ln(s.ratio)), 0)), 9) as split_factor
    from chosen as c
    left join splits as s on c.symbol = s.symbol and c.basis_date < s.date
    group by c.symbol, c.filed_date
)

select
    c.symbol, c.filed_date, cast(c.filed_date + interval 1 day as date) as known_from, c.end_date as as_of_date,
    c.basis_date, c.shares_reported, f.split_factor, c.shares_reported * f.split_factor as shares,
    c.tag, c.source, c.known_at
from chosen as c
inner join factors as f on c.symbol = f.symbol and c.filed_date = f.filed_date
