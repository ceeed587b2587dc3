"""Market stress: what each sign of it says against its own history, and their mean. Pure functions of frames."""

import numpy as np
import pandas as pd

# The first 252 sessions of a component, a year, have no percentile.
MINIMUM_HISTORY = 252
ELEVATED, STRESS = 50.0, 80.0
# What rises with stress: a drawdown is a negative number, so the deepest has the lowest value.
DIRECTIONS = {
    "drawdown_qqq": -1,
    "drawdown_igv": -1,
    "drawdown_saas": -1,
    "drawdown_btc": -1,
    "volatility_qqq": 1,
    "volatility_btc": 1,
    "vix_close": 1,
    "correlation_btc_qqq": 1,
}

# Everything as of the session's close: of a UTC day only what had ended by then, the day before.
STRESS_COMPONENTS = """
with volatilities as (
    select
        symbol, date, count(*) over month as n, stddev_samp(log_return) over month * sqrt(252) as volatility
    from core.returns
    where alignment = 'exchange_close' and symbol in ('QQQ', 'BTC')
    window month as (partition by symbol order by date rows between 20 preceding and current row)
)

select date, 'drawdown_' || lower(replace(symbol, 'basket:', '')) as component, drawdown as value
from marts.drawdowns
where basis = 'price' and symbol in ('QQQ', 'IGV', 'basket:saas')
union all
select c.date, 'drawdown_btc' as component, c.close / greatest(c.close, d.peak_close) - 1 as value
from core.session_closes as c
inner join marts.drawdowns as d on c.symbol = d.symbol and d.basis = 'price' and d.date = c.date - interval 1 day
where c.symbol = 'BTC'
union all
select date, 'volatility_' || lower(symbol) as component, volatility as value
from volatilities
where n = 21
union all
select date, 'vix_close' as component, close as value from core.prices where symbol = 'VIX'
union all
select date, 'correlation_btc_qqq' as component, correlation as value
from marts.correlations
where
    base_symbol = 'BTC' and other_symbol = 'QQQ' and window_sessions = 30
    and method = 'pearson' and alignment = 'exchange_close'
union all
select s.date, 'realized_loss_percentile' as component, l.percentile as value
from core.sessions as s
inner join marts.realized_losses as l on l.date = s.date - interval 1 day
where l.asset = 'BTC' and l.provider = 'brk' and l.variant = 'raw'
"""


def market_stress(components: pd.DataFrame, sessions: pd.Series) -> pd.DataFrame:
    """Rows of `marts.market_stress`, from the rows of STRESS_COMPONENTS and the dates of `core.sessions`, sorted.

    Realized losses come as a percentile of their own history, which has more days than sessions.
    """
    columns = [*DIRECTIONS, "realized_loss_percentile"]
    wide = components.pivot_table(index="date", columns="component", values="value")
    wide = wide.reindex(index=pd.DatetimeIndex(sessions, name="date"), columns=columns).astype(float)
    percentiles = expanding_percentiles(wide[list(DIRECTIONS)] * DIRECTIONS).add_suffix("_percentile")
    known = percentiles.assign(realized_loss_percentile=wide["realized_loss_percentile"])
    composite = known.mean(axis="columns")
    return (
        wide.assign(**percentiles, composite=composite, n_components=known.notna().sum(axis="columns"))
        .assign(label=labels(composite))
        .reset_index()
    )


def expanding_percentiles(values: pd.DataFrame) -> pd.DataFrame:
    """Share in percent of each column's values so far that are not above the row's; NaN before 252 of them."""
    return values.expanding(MINIMUM_HISTORY).rank(method="max", pct=True) * 100


def labels(composite: pd.Series) -> pd.Series:
    """Calm below 50, elevated below 80, stress from 80 on; missing where the composite is."""
    conditions = [composite < ELEVATED, composite < STRESS, composite >= STRESS]
    words = np.select(conditions, ["calm", "elevated", "stress"], default="")
    return pd.Series(words, index=composite.index, dtype="str").where(composite.notna())
