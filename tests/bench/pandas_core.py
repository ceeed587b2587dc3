"""The core tables as a pandas script makes them, vectorised over whole columns."""

import numpy as np
import pandas as pd

DAY = ["symbol", "date"]


def prices(
    bars: pd.DataFrame, dividends: pd.DataFrame, splits: pd.DataFrame, instruments: pd.DataFrame, members: pd.DataFrame
) -> pd.DataFrame:
    """core.prices."""
    singles = adjusted(newest(bars, instruments), dividends, splits)
    return pd.concat([singles, baskets(singles, members)], ignore_index=True)


def newest(bars: pd.DataFrame, instruments: pd.DataFrame) -> pd.DataFrame:
    """The newest version of every bar of the configured source, by symbol and date."""
    ordered = bars.sort_values([*DAY, "known_at", "load_id"], ignore_index=True)
    ordered = ordered[~ordered.duplicated([*DAY, "source"], keep="last")]
    wanted = instruments[["symbol", "daily_source"]].rename(columns={"daily_source": "source"})
    return ordered.merge(wanted, on=["symbol", "source"]).drop(columns="load_id")


def adjusted(bars: pd.DataFrame, dividends: pd.DataFrame, splits: pd.DataFrame) -> pd.DataFrame:
    """Closes adjusted for dividends and splits, both ways."""
    key = [*DAY, "source"]
    bars = bars.merge(dividends, on=key, how="left").merge(splits, on=key, how="left")
    series = bars.groupby("symbol", sort=False)
    before, dividend = series["close"].shift(), bars["amount_usd"].fillna(0)
    step = np.log1p(-(dividend / before).where(dividend < before, 0.0).fillna(0.0))
    split = np.log(bars["numerator"] / bars["denominator"]).fillna(0.0)
    sofar, splits_sofar = (s.groupby(bars["symbol"], sort=False).cumsum() for s in (step, split))
    whole, all_splits = (s.groupby(bars["symbol"], sort=False).transform("last") for s in (sofar, splits_sofar))
    close = bars["close"]
    return bars.drop(columns=["amount_usd", "numerator", "denominator"]).assign(
        close_adjusted=close * np.exp(whole - sofar),
        close_total_return=close * np.exp(-sofar),
        close_unadjusted=close * np.exp(all_splits - splits_sofar).round(9),
        coverage=1.0,
    )


def baskets(singles: pd.DataFrame, members: pd.DataFrame) -> pd.DataFrame:
    """Equal-weight indices of the baskets."""
    legs = members.merge(singles[[*DAY, "close", "close_total_return", "known_at"]], on="symbol")
    legs = legs.sort_values(["basket", *DAY], ignore_index=True)
    legs[["price", "total"]] = legs.groupby(["basket", "symbol"], sort=False)[
        ["close", "close_total_return"]
    ].pct_change()
    grouped = legs.groupby(["basket", "date"])
    days = grouped[["price", "total"]].mean().assign(n=grouped.size(), known_at=grouped["known_at"].max()).reset_index()
    steps = np.log1p(days[["price", "total"]]).fillna(0.0)
    sofar = steps.groupby(days["basket"]).cumsum()
    whole = sofar.groupby(days["basket"]).transform("last")
    close = 100 * np.exp(sofar["price"])
    later = whole - sofar
    return pd.DataFrame(
        {
            "symbol": days["basket"],
            "date": days["date"],
            "close": close,
            "close_adjusted": close * np.exp(later["price"] - later["total"]),
            "close_total_return": 100 * np.exp(sofar["total"]),
            "coverage": days["n"] / days["basket"].map(members.groupby("basket").size()),
            "source": "derived",
            "known_at": days["known_at"],
        }
    )


def restatements(bars: pd.DataFrame) -> pd.DataFrame:
    """core.restatements; the simulated vendor restates bars only."""
    key = ["source", *DAY]
    several = bars[bars.duplicated(key, keep=False)].sort_values([*key, "known_at", "load_id"])
    several = several.drop_duplicates([*key, "known_at"], keep="last")
    before = several.groupby(key, sort=False)[["close", "known_at"]].shift()
    changed = several.assign(old_value=before["close"], known_before_at=before["known_at"])
    changed = changed[changed["known_before_at"].notna() & (changed["old_value"] != changed["close"])]
    renamed = changed.rename(columns={"close": "new_value", "known_at": "seen_at"})
    return renamed.drop(columns=["open", "high", "low", "volume"]).assign(table_name="daily_bars", item="close")


def session_closes(hours: pd.DataFrame, sessions: pd.DataFrame) -> pd.DataFrame:
    """core.session_closes."""
    hours = hours.assign(date=hours["start_at"].dt.normalize()).merge(sessions[["date", "close_at"]], on="date")
    ahead = hours["close_at"] - hours["start_at"]
    near = hours[ahead.between(pd.Timedelta(hours=1), pd.Timedelta(hours=3))]
    nearest = near.sort_values([*DAY, "start_at"]).drop_duplicates(DAY, keep="last")
    return nearest.assign(priced_at=nearest["start_at"] + pd.Timedelta(hours=1)).drop(columns="start_at")


def returns(
    prices: pd.DataFrame, closes: pd.DataFrame, sessions: pd.DataFrame, instruments: pd.DataFrame
) -> pd.DataFrame:
    """core.returns."""
    level = prices[[*DAY, "close_total_return"]].rename(columns={"close_total_return": "close"})
    coins = instruments.loc[instruments["calendar"] == "24/7", "symbol"]
    coin = level["symbol"].isin(coins)
    number = sessions.set_index("date")["session_number"]
    frames = [
        steps(level[~coin], number, "exchange_close"),
        steps(level[coin], number, "utc_day"),
        steps(closes[[*DAY, "close"]], number, "exchange_close"),
        steps(level[coin], None, "naive"),
    ]
    return pd.concat(frames, ignore_index=True)


def steps(level: pd.DataFrame, number: pd.Series | None, alignment: str) -> pd.DataFrame:
    """Log returns between neighbouring days, or sessions where their numbers are given."""
    if number is None:
        position = level["date"].astype("datetime64[s]").astype("int64") // 86_400
    else:
        level = level[level["date"].isin(number.index)]
        position = level["date"].map(number)
    ordered = level.assign(position=position).sort_values(DAY, ignore_index=True)
    before = ordered.groupby("symbol", sort=False)[["close", "date", "position"]].shift()
    found = ordered[DAY].assign(
        alignment=alignment, previous_date=before["date"], log_return=np.log(ordered["close"] / before["close"])
    )
    return found[ordered["position"] - before["position"] == 1]


def market_caps(prices: pd.DataFrame, shares: pd.DataFrame) -> pd.DataFrame:
    """core.market_caps; the simulated market has companies only."""
    company = prices.loc[prices["symbol"].isin(shares["symbol"].unique()), [*DAY, "close", "source", "known_at"]]
    counts = shares[["symbol", "known_from", "shares", "source", "known_at"]].sort_values("known_from")
    found = pd.merge_asof(
        company.sort_values("date"),
        counts,
        left_on="date",
        right_on="known_from",
        by="symbol",
        suffixes=("", "_shares"),
    )
    found = found[found["shares"].notna()]
    return found[DAY].assign(
        method="shares_at_close",
        source=found["source_shares"].astype(str) + "+" + found["source"].astype(str),
        market_cap_usd=found["shares"] * found["close"],
        coverage=1.0,
        is_headline=True,
        known_at=found[["known_at", "known_at_shares"]].max(axis=1),
    )


def benchmark_pairs(returns: pd.DataFrame, sessions: pd.DataFrame, instruments: pd.DataFrame) -> pd.DataFrame:
    """core.benchmark_pairs."""
    known = returns.loc[returns["alignment"] == "exchange_close", [*DAY, "log_return"]]
    base = known[known["symbol"].isin(instruments.loc[instruments["is_correlation_base"], "symbol"])]
    other = known[known["symbol"].isin(instruments.loc[instruments["kind"].isin(["etf", "index", "basket"]), "symbol"])]
    pairs = base.merge(other, on="date", suffixes=("_base", "_other")).merge(sessions[["date", "session_number"]])
    return pairs.rename(
        columns={
            "symbol_base": "base_symbol",
            "symbol_other": "other_symbol",
            "log_return_base": "base_return",
            "log_return_other": "other_return",
        }
    ).sort_values(["base_symbol", "other_symbol", "date"], ignore_index=True)
