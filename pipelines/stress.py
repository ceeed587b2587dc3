"""Correlation in calm and in stress, with what higher variance alone adds taken out. Pure functions of frames."""

from math import erfc, sqrt

import numpy as np
import numpy.typing as npt
import pandas as pd

DRAWDOWN = -0.10
QUANTILE = 0.90
WINDOW = 252
SIGNIFICANCE = 0.05
Z_95 = 1.959963984540054
# Sums leave rounding behind, so a variance below this (a day's usual one is 1e-4) is none.
STILL = 1e-13
SUMS = ["n", "x", "y", "xx", "yy", "xy"]
PAIR = ["base_symbol", "other_symbol"]

Sums = npt.NDArray[np.float64]

STRESS_LEGS = """
select
    b.symbol as base_symbol, o.symbol as other_symbol, x.date,
    y.log_return as base_return, x.log_return as other_return, d.drawdown as drawdown_before
from core.returns as x
inner join core.instruments as o on x.symbol = o.symbol and o.kind in ('etf', 'basket') and o.calendar = 'XNYS'
inner join core.returns as y on x.date = y.date and y.alignment = x.alignment
inner join core.instruments as b on y.symbol = b.symbol and b.is_correlation_base and b.calendar = '24/7'
inner join marts.drawdowns as d on x.symbol = d.symbol and x.previous_date = d.date and d.basis = 'price'
where x.alignment = 'exchange_close'
order by base_symbol, other_symbol, x.date
"""


def stress_correlations(legs: pd.DataFrame, episodes: pd.DataFrame) -> pd.DataFrame:
    """Rows of `marts.stress_correlations`, from the rows of STRESS_LEGS and of `core.named_episodes`."""
    pair = legs.groupby(PAIR).ngroup()
    spans = periods(legs["date"], pair, episodes)
    last, first = legs.iloc[spans["last"]].reset_index(drop=True), legs["date"].iloc[spans["first"]]
    key = last[[*PAIR, "date"]].assign(period=spans["period"], start_date=first.to_numpy())
    keys, calm, stress = [], [], []
    for condition, is_stress in conditions(legs, pair, episodes).items():
        keys.append(key.assign(condition=condition))
        calm.append(window_sums(legs, is_stress == 0, pair, spans["calm_first"], spans["last"]))
        stress.append(window_sums(legs, is_stress == 1, pair, spans["first"], spans["last"]))
    results = compared(*(moments(pd.DataFrame(np.concatenate(sums), columns=SUMS)) for sums in (calm, stress)))
    return pd.concat([pd.concat(keys, ignore_index=True), results], axis="columns")


def conditions(legs: pd.DataFrame, pair: pd.Series, episodes: pd.DataFrame) -> dict[str, pd.Series]:
    """Whether each session is stress (1) or calm (0), by condition, as known that day; NaN while it is unknown."""
    size = legs["other_return"].abs()
    known = size.groupby(pair).expanding(WINDOW).quantile(QUANTILE).droplevel(0)
    threshold = known.groupby(pair).shift()
    named = pd.Series(False, index=legs.index)
    for _, first, last in bounds(episodes):
        named |= legs["date"].between(first, last)
    return {
        "drawdown": (legs["drawdown_before"].round(12) <= DRAWDOWN).astype(float),
        "return_quantile": (size >= threshold).astype(float).mask(threshold.isna()),
        "episode": named.astype(float),
    }


def bounds(episodes: pd.DataFrame) -> list[tuple[str, pd.Timestamp, pd.Timestamp]]:
    """Name, first and last day of each episode; one without an end has not ended."""
    last = episodes["end_date"].fillna(pd.Timestamp("9999-12-31"))
    return list(zip(episodes["episode"], episodes["start_date"], last, strict=True))


def periods(dates: pd.Series, pair: pd.Series, episodes: pd.DataFrame) -> pd.DataFrame:
    """Each row to come: its period, and the positions of the first and last session and of the first calm one.

    A week's row is of its first session: which one is its last is known only when the next week has begun.
    """
    number = pair.groupby(pair).cumcount()
    start = (number.index - number).to_numpy()
    week = dates - pd.to_timedelta(dates.dt.day_of_week, unit="D")
    weekly = np.flatnonzero((week != week.groupby(pair).shift()) & (number >= WINDOW - 1))
    spans = [("full", weekly, start[weekly], start[weekly])]
    spans.append(("rolling", weekly, weekly - (WINDOW - 1), weekly - (WINDOW - 1)))
    for name, begins, ends in bounds(episodes):
        inside = np.flatnonzero(dates.between(begins, ends))
        sofar = pair.iloc[inside].groupby(pair.iloc[inside]).cumcount().to_numpy()
        spans.append((name, inside, inside - sofar, start[inside]))
    columns = ["period", "last", "first", "calm_first"]
    frames = [pd.DataFrame(dict(zip(columns, span, strict=True))) for span in spans]
    return pd.concat(frames, ignore_index=True)


def window_sums(legs: pd.DataFrame, chosen: pd.Series, pair: pd.Series, first: pd.Series, last: pd.Series) -> Sums:
    """The SUMS of the chosen sessions from each first position to its last, both within one pair."""
    taken = chosen.to_numpy(dtype=float)
    x, y = (legs[leg].to_numpy() * taken for leg in ("other_return", "base_return"))
    terms = np.column_stack([taken, x, y, x * x, y * y, x * y])
    begins = np.flatnonzero(np.diff(pair, prepend=-1))
    running = np.concatenate([own.cumsum(axis=0) for own in np.split(terms, begins[1:])])
    sums: Sums = running[last] - running[first] + terms[first]
    return sums


def moments(sums: pd.DataFrame) -> pd.DataFrame:
    """n, variance of the other leg, Pearson's r, its Fisher z and 95 % bounds; nothing but n below 4 sessions."""
    n = sums["n"].round()
    enough = n.where(n > 3)
    var_x, var_y = ((sums[k + k] - sums[k] ** 2 / enough) / (enough - 1) for k in "xy")
    var_x, var_y = var_x.where(var_x > STILL), var_y.where(var_y > STILL)
    covariance = (sums["xy"] - sums["x"] * sums["y"] / enough) / (enough - 1)
    r = (covariance / np.sqrt(var_x * var_y)).clip(-1, 1)
    z, error = fisher(r), 1 / np.sqrt(enough - 3)
    low, high = np.tanh(z - Z_95 * error), np.tanh(z + Z_95 * error)
    return pd.DataFrame({"n": n, "variance": var_x, "r": r, "z": z, "low": low, "high": high})


def fisher(r: pd.Series) -> pd.Series:
    """Fisher's z, finite for a perfect correlation too."""
    return pd.Series(np.arctanh(r.clip(-0.999999999999, 0.999999999999)))


def corrected_for_variance(r: pd.Series, increase: pd.Series) -> pd.Series:
    """Forbes and Rigobon (2002): what r would be without the relative increase d in the conditioning leg's variance."""
    return pd.Series(r / np.sqrt(1 + increase * (1 - r**2)))


def compared(calm: pd.DataFrame, stress: pd.DataFrame) -> pd.DataFrame:
    """Calm and stress side by side, and whether the corrected stress correlation differs from the calm one.

    The difference of two Fisher z of independent samples has the variance 1 / (n - 3) of each. That the correction
    itself is estimated is not counted, so p is approximate.
    """
    increase = stress["variance"] / calm["variance"] - 1
    corrected = corrected_for_variance(stress["r"], increase)
    spread = sum(1 / (side["n"] - 3).where(side["r"].notna()) for side in (calm, stress)) ** 0.5
    z = ((fisher(corrected) - calm["z"]) / spread).to_numpy(dtype=float)
    p = np.array([erfc(abs(value) / sqrt(2)) for value in z])
    sides = {
        column.format(side): moment[name]
        for side, moment in (("calm", calm), ("stress", stress))
        for column, name in (("correlation_{}", "r"), ("ci_low_{}", "low"), ("ci_high_{}", "high"), ("n_{}", "n"))
    }
    return pd.DataFrame(sides).assign(
        variance_increase=increase,
        correlation_stress_corrected=corrected,
        z_difference=z,
        p_value=p,
        is_significant=pd.Series(p < SIGNIFICANCE, dtype="boolean").mask(np.isnan(p)),
        is_higher_corrected=pd.Series(z > 0, dtype="boolean").mask(np.isnan(z)),
    )
