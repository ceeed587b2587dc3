-- Which days of the on-chain series cannot be right, and what should they have been at least?
select
    date, provider, fault, round(realized_loss_usd / 1e6) as reported_million_usd,
    round(implied_loss_usd / 1e6) as implied_million_usd
from core.onchain
where fault is not null
order by date
