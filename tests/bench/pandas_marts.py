"""The marts as a pandas script makes them, vectorised over whole columns."""

import numpy as np
import pandas as pd

Z_95 = 1.959963984540054
LEG = ["base_symbol", "other_symbol"]


def drawdowns(prices: pd.DataFrame, instruments: pd.DataFrame) -> pd.DataFrame:
    """marts.drawdowns."""
    watched = instruments.loc[instruments["kind"] != "index", "symbol"]
    ordered = prices[prices["symbol"].isin(watched)].sort_values(["symbol", "date"], ignore_index=True)
    highest = ordered.groupby("symbol", sort=False)["high"].cummax()
    price = ordered[["symbol", "date", "close"]].assign(basis="price")
    total = price.assign(basis="total_return", close=ordered["close_total_return"])
    price["drawdown_intraday"], total["drawdown_intraday"] = ordered["low"] / highest - 1, np.nan
    return pd.concat([drawdown(price), drawdown(total)], ignore_index=True)


def drawdown(levels: pd.DataFrame) -> pd.DataFrame:
    """Peak, its last day and the distance from it."""
    levels["peak_close"] = levels.groupby("symbol", sort=False)["close"].cummax()
    at_peak = levels["date"].where(levels["close"] == levels["peak_close"])
    levels["peak_date"] = at_peak.groupby(levels["symbol"], sort=False).ffill()
    levels["drawdown"] = levels["close"] / levels["peak_close"] - 1
    return levels


def episodes(daily: pd.DataFrame) -> pd.DataFrame:
    """marts.drawdown_episodes."""
    daily = daily.assign(next_date=daily.groupby(["symbol", "basis"], sort=False)["date"].shift(-1))
    under = daily[daily["drawdown"] < 0]
    key = ["symbol", "basis", "peak_date"]
    grouped = under.groupby(key, sort=False)
    out = grouped.agg(
        first_under_date=("date", "min"),
        depth=("drawdown", "min"),
        depth_intraday=("drawdown_intraday", "min"),
        n_obs=("date", "size"),
    )
    out["recovery_date"] = grouped["next_date"].last(skipna=False)
    valleys = under.loc[grouped["drawdown"].idxmin(), [*key, "date"]].rename(columns={"date": "valley_date"})
    out = out.reset_index().merge(valleys, on=key, validate="1:1")
    out["days_to_valley"] = (out["valley_date"] - out["peak_date"]).dt.days
    out["days_to_recovery"] = (out["recovery_date"] - out["peak_date"]).dt.days
    return out.assign(is_open=out["recovery_date"].isna())


def correlations(
    returns: pd.DataFrame, instruments: pd.DataFrame, others: pd.DataFrame, windows: list[int]
) -> pd.DataFrame:
    """marts.correlations; the simulated market has one base, a coin."""
    is_base = returns["symbol"].isin(instruments.loc[instruments["is_correlation_base"], "symbol"])
    base, other = (returns.loc[rows, ["symbol", "date", "alignment", "log_return"]] for rows in (is_base, ~is_base))
    base = base.rename(columns={"symbol": "base_symbol", "log_return": "x"})
    other = other.drop(columns="alignment").rename(columns={"symbol": "other_symbol", "log_return": "y"})
    key = [*LEG, "alignment"]
    pairs = other.merge(base, on="date").sort_values([*key, "date"], ignore_index=True)
    rolled = [rolling(pairs, key, window).assign(method="pearson") for window in windows]
    others = others.assign(alignment="exchange_close")
    rank = np.where(others["method"] == "spearman", others["correlation"] ** 2 / 2, 0)
    return pd.concat([*rolled, bounded(others, np.sqrt((1 + rank) / (others["n"] - 3)))], ignore_index=True)


def rolling(pairs: pd.DataFrame, key: list[str], n: int) -> pd.DataFrame:
    """Pearson's r of every full window with its interval."""
    x, y = pairs["x"], pairs["y"]
    parts = pd.DataFrame({"x": x, "y": y, "xx": x * x, "yy": y * y, "xy": x * y})
    series = pairs.groupby(key, sort=False).ngroup()
    sums = parts.groupby(series, sort=False).rolling(n).sum().reset_index(drop=True)
    full = sums["x"].notna()
    sums = sums[full]
    covariance = n * sums["xy"] - sums["x"] * sums["y"]
    spread = (n * sums["xx"] - sums["x"] ** 2) * (n * sums["yy"] - sums["y"] ** 2)
    found = pairs.loc[full, [*key, "date"]].assign(window_sessions=n, correlation=covariance / np.sqrt(spread), n=n)
    return bounded(found, 1 / np.sqrt(n - 3))


def bounded(found: pd.DataFrame, error: float | np.ndarray) -> pd.DataFrame:
    """Fisher's 95 % interval beside the correlation."""
    z = np.arctanh(found["correlation"].clip(-0.999999999999, 0.999999999999))
    return found.assign(ci_low=np.tanh(z - Z_95 * error), ci_high=np.tanh(z + Z_95 * error))


def lead_lag(pairs: pd.DataFrame, sessions: pd.DataFrame, windows: list[int]) -> pd.DataFrame:
    """marts.lead_lag_correlations."""
    week = sessions["date"] - pd.to_timedelta(sessions["date"].dt.weekday, unit="D")
    weekly = sessions.loc[(week != week.shift()) & (week.index > 0), "date"]
    return pd.concat([lagged(pairs, weekly, lag, n) for lag in range(-5, 6) for n in windows], ignore_index=True)


def lagged(pairs: pd.DataFrame, weekly: pd.Series, lag: int, n: int) -> pd.DataFrame:
    """One shift and window: the other leg's session plus the lag is the base's."""
    base = pairs[[*LEG, "session_number", "date", "base_return"]]
    other = pairs[[*LEG, "session_number", "date", "other_return"]]
    other = other.assign(session_number=other["session_number"] + lag)
    shifted = base.merge(other, on=[*LEG, "session_number"], suffixes=("", "_other"))
    shifted["date"] = shifted[["date", "date_other"]].max(axis=1)
    legs = shifted.rename(columns={"base_return": "x", "other_return": "y"}).sort_values(
        [*LEG, "date"], ignore_index=True
    )
    found = rolling(legs, LEG, n)
    return found[found["date"].isin(weekly)].assign(lag_sessions=lag)


def stress_legs(returns: pd.DataFrame, instruments: pd.DataFrame, daily: pd.DataFrame) -> pd.DataFrame:
    """What marts.stress_correlations are made of."""
    kind = instruments["kind"].isin(["etf", "basket"]) & (instruments["calendar"] == "XNYS")
    coin = instruments["is_correlation_base"] & (instruments["calendar"] == "24/7")
    known = returns[returns["alignment"] == "exchange_close"]
    other, base = (known[known["symbol"].isin(instruments.loc[rows, "symbol"])] for rows in (kind, coin))
    other = other.rename(columns={"symbol": "other_symbol", "log_return": "other_return"})
    base = base[["symbol", "date", "log_return"]].rename(columns={"symbol": "base_symbol", "log_return": "base_return"})
    fall = daily.loc[daily["basis"] == "price", ["symbol", "date", "drawdown"]]
    fall = fall.rename(columns={"symbol": "other_symbol", "date": "previous_date", "drawdown": "drawdown_before"})
    legs = other.merge(base, on="date").merge(fall, on=["other_symbol", "previous_date"])
    columns = [*LEG, "date", "base_return", "other_return", "drawdown_before"]
    return legs.sort_values([*LEG, "date"], ignore_index=True)[columns]
