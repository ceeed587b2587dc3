"""No row dated t changes with what comes after t; the columns that need the future say so and are open until then.

A simulated raw history is built whole, and again as of several days. Every mart has to be here.
"""

import numpy as np
import pandas as pd
import pytest

from pipelines.contracts import contracts
from tests.factories import Market, days, nulls, sessions_of, stamp

FIRST, LAST = "2023-07-03", "2026-01-30"
CUTS = ["2025-07-03", "2025-08-10", "2025-10-31", "2026-01-05"]
MARTS = sorted(name for name, contract in contracts().items() if contract.schema_name == "marts")

# The day a row is of: it is there, and says the same, whenever that day is in the past.
ROW_DATE = {
    "marts.drawdowns": "date",
    "marts.drawdown_episodes": "first_under_date",
    "marts.correlations": "date",
    "marts.correlation_regimes": "start_date",
    "marts.realized_losses": "date",
    "marts.realized_loss_episodes": "start_date",
}


def simulated_rows():
    """(method, arguments) of everything that goes into a market: prices with dividends and splits, hours, chain."""
    rng = np.random.default_rng(21)
    sessions, utc_days = sessions_of(FIRST, LAST), pd.date_range(FIRST, LAST)
    hours = pd.date_range(FIRST, pd.Timestamp(LAST) + pd.Timedelta(hours=23), freq="h")
    factor = pd.Series(rng.standard_t(5, len(sessions)) * 0.01, index=sessions)
    calls = []
    for symbol, beta in [("QQQ", 1.0), ("MSFT", 0.9), ("CRM", 0.6), ("NOW", 0.7)]:
        path = 100 * np.exp((beta * factor + rng.normal(0, 0.008, len(sessions))).cumsum())
        wicks = np.exp(0.01 * rng.random((2, len(path))))
        low, high = path / wicks[0], path * wicks[1]
        calls.append(("bars", (symbol, sessions, path), {"low": low, "high": high}))
        for day in sessions[30::63]:
            calls.append(("dividend", (symbol, str(day.date()), 0.6), {}))
    calls.append(("split", ("NOW", str(sessions[560].date()), 5), {}))
    # Bitcoin follows the factor in every other half year, in an hour before the bell.
    followed = factor.where((sessions.month > 6) & (sessions.year > 2023), 0)
    followed = pd.Series(followed.to_numpy(), index=sessions + pd.Timedelta(hours=16)).reindex(hours).fillna(0)
    steps = rng.normal(0, 0.004, len(hours)) + 1.5 * followed.to_numpy()
    hourly = 60_000 * np.exp(steps.cumsum())
    calls.append(("hours", ("BTC", hours, hourly), {}))
    daily = hourly[23::24]
    low, high = (getattr(hourly.reshape(-1, 24), side)(axis=1) for side in ("min", "max"))
    calls.append(("bars", ("BTC", utc_days, daily), {"low": low, "high": high}))
    calls.append(("bars", ("ETH", utc_days, daily / 20 * np.exp(rng.normal(0, 0.02, len(daily)))), {}))
    calls.append(("onchain", (utc_days, simulated_chain(rng, daily)), {}))
    return calls


def simulated_chain(rng, price):
    """On-chain metrics with two bursts of losses, one of them under way on a day of CUTS, and a few faults."""
    n = len(price)
    implied = 3e8 * np.exp(0.4 * rng.standard_normal(n))
    for burst in ("2025-08-05", "2025-12-10"):
        at = (pd.Timestamp(burst) - pd.Timestamp(FIRST)).days
        implied[at : at + 12] *= 12
    losses, profits = implied.copy(), rng.uniform(1e8, 9e8, n)
    losses[rng.choice(n, 30, replace=False)] = 0
    losses[:1] = profits[:1] = 0
    supply = 19.4e6 + 450.0 * np.arange(n)
    change = profits + 450 * price - implied
    return {
        "price_usd": price,
        "supply_btc": supply,
        "realized_cap_usd": 4e11 + change.cumsum(),
        "realized_loss_cumulative_usd": 4e11 + losses.cumsum(),
        "realized_profit_cumulative_usd": 9e11 + profits.cumsum(),
    }


CALLS = simulated_rows()


def build_as_of(day, extra=()):
    """Every mart as of a day, from the same raw rows."""
    market = Market(day, since=FIRST)
    for method, arguments, options in [*CALLS, *extra]:
        getattr(market, method)(*arguments, **options)
    return market.build(*MARTS)


@pytest.fixture(scope="module")
def whole():
    return build_as_of(LAST)


@pytest.fixture(scope="module")
def cut():
    return {day: build_as_of(day) for day in CUTS}


def rows_until(market, name, day):
    """A mart's rows of days until this one."""
    return market.rows(name, f"{ROW_DATE[name]} <= date '{day}'")


def past_columns(name):
    contract = contracts()[name]
    return [c for c in contract.columns if c not in contract.future_columns]


def assert_same(left, right):
    """Equal rows; numbers within 1e-12 of each other."""
    pd.testing.assert_frame_equal(left, right, check_exact=False, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", MARTS)
def test_every_mart_says_what_day_a_row_is_of(name):
    assert name in ROW_DATE, f"{name} is new: name the column that dates its rows in ROW_DATE"
    assert ROW_DATE[name] in past_columns(name)
    assert set(contracts()[name].future_columns) <= set(contracts()[name].value_columns)


def test_no_mart_is_gone():
    assert set(ROW_DATE) == set(MARTS)


@pytest.mark.parametrize("day", CUTS)
@pytest.mark.parametrize("name", MARTS)
def test_rows_of_the_past_do_not_change(name, day, whole, cut):
    known_then = cut[day].rows(name)
    assert (known_then[ROW_DATE[name]] <= stamp(day)).all()
    columns = past_columns(name)
    assert_same(known_then[columns], rows_until(whole, name, day)[columns])


@pytest.mark.parametrize("name", MARTS)
def test_the_history_shows_something(name, whole, cut):
    """Rows before the first cut, or at least the last, and rows after each: else nothing would be compared."""
    assert len(cut[CUTS[-1]].rows(name)) > 0
    assert len(whole.rows(name)) > len(cut[CUTS[0]].rows(name))


POISONS = [
    ("bars", ("MSFT", sessions_of("2025-08-11", LAST), np.full(len(sessions_of("2025-08-11", LAST)), 1e6)), {}),
    ("bars", ("BTC", days("2025-08-11", 150), np.full(150, 1.0)), {}),
    ("hours", ("BTC", pd.date_range("2025-08-11", periods=3000, freq="h"), np.full(3000, 1.0)), {}),
    ("dividend", ("CRM", "2025-08-11", 50), {}),
    ("split", ("CRM", "2025-08-12", 20), {}),
    ("onchain", (days("2025-08-11", 30), {"realized_loss_cumulative_usd": 9e12 + 1e12 * np.arange(30)}), {}),
    # Dated after the cut though given before it.
    ("bars", ("NOW", days("2025-08-11", 5), np.full(5, 1e6)), {"known_at": "2025-08-01"}),
    ("hours", ("ETH", pd.date_range("2025-08-11", periods=90, freq="h"), np.ones(90)), {"known_at": "2025-08-01"}),
    ("onchain", (days("2026-02-01", 3), {"realized_loss_cumulative_usd": [1, 2, 3]}), {"known_at": "2025-08-01"}),
    # Restatements of days long past, given after the cut.
    ("bars", ("QQQ", sessions_of("2024-01-02", "2024-06-28"), np.full(124, 5.0)), {"known_at": "2025-08-11 00:00:01"}),
    ("onchain", (days("2024-01-01", 90), {"realized_cap_usd": np.ones(90)}), {"known_at": "2025-09-01"}),
    ("dividend", ("MSFT", "2024-02-01", 30), {"known_at": "2025-09-01"}),
]


@pytest.mark.parametrize("name", MARTS)
def test_nothing_dated_or_given_later_is_used(name, poisoned, cut):
    # The whole table, future columns included.
    assert_same(poisoned.rows(name), cut["2025-08-10"].rows(name))


@pytest.fixture(scope="module")
def poisoned():
    """As of 2025-08-10, with absurd rows that are later in date or in knowledge."""
    extra = [(method, arguments, {**options, "load_id": 2}) for method, arguments, options in POISONS]
    return build_as_of("2025-08-10", extra)


def test_the_poison_works(whole):
    """As of a later day, when the days have come and the restatements are known, the same rows change the tables."""
    extra = [(method, arguments, {**options, "load_id": 2}) for method, arguments, options in POISONS]
    later = build_as_of(LAST, extra)
    for name in ("marts.drawdowns", "marts.correlations", "marts.realized_losses"):
        columns = past_columns(name)
        with pytest.raises(AssertionError):
            assert_same(later.rows(name)[columns], whole.rows(name)[columns])


# The columns that need the future: open or so far, until it has come.

OPENED_LATER = {
    "marts.drawdown_episodes": ("recovery_date", "symbol, basis, peak_date"),
    "marts.realized_loss_episodes": ("end_date", "asset, provider, variant, start_date"),
    "marts.correlation_regimes": ("end_date", "base_symbol, other_symbol, window_sessions, start_date"),
}


def test_every_mart_with_future_columns_is_tested():
    assert set(OPENED_LATER) == {name for name in MARTS if contracts()[name].future_columns}
    for name, (column, _) in OPENED_LATER.items():
        assert column in contracts()[name].future_columns


@pytest.mark.parametrize("day", CUTS)
@pytest.mark.parametrize("name", sorted(OPENED_LATER))
def test_no_future_column_tells_of_a_later_day(name, day, cut):
    found = cut[day].rows(name)
    for column in contracts()[name].future_columns:
        if contracts()[name].columns[column].type == "DATE":
            assert not (found[column] > stamp(day)).any()


@pytest.mark.parametrize("name", sorted(OPENED_LATER))
def test_ends_are_missing_until_they_have_come(name, whole, cut):
    column, key = OPENED_LATER[name]
    key = key.split(", ")
    waited = 0
    for day in CUTS:
        both = cut[day].rows(name).merge(whole.rows(name), on=key, suffixes=("_then", "_now"))
        ended_later = both[both[f"{column}_now"] > stamp(day)]
        waited += len(ended_later)
        assert nulls(ended_later[f"{column}_then"])
        if "is_open_then" in both:
            assert ended_later["is_open_then"].all()
        ended_before = both[both[f"{column}_then"].notna()]
        assert (ended_before[f"{column}_then"] == ended_before[f"{column}_now"]).all()
    assert waited > 0


def test_open_episodes_tell_the_valley_so_far(whole, cut):
    key = ["symbol", "basis", "peak_date"]
    deeper = 0
    for market in cut.values():
        both = market.rows("marts.drawdown_episodes").merge(
            whole.rows("marts.drawdown_episodes"), on=key, suffixes=("_then", "_now")
        )
        is_open = both["is_open_then"]
        assert (both["depth_then"][is_open] >= both["depth_now"][is_open] - 1e-12).all()
        assert (both["n_obs_then"][is_open] <= both["n_obs_now"][is_open]).all()
        closed = both[~is_open]
        for column in contracts()["marts.drawdown_episodes"].future_columns:
            np.testing.assert_array_equal(closed[f"{column}_then"], closed[f"{column}_now"])
        deeper += (both["depth_then"] > both["depth_now"] + 1e-6).sum()
    assert deeper > 0


def test_depth_is_of_the_drawdowns_known_then(cut):
    for market in cut.values():
        falls = market.rows("marts.drawdowns", "drawdown < 0")
        worst = falls.groupby(["symbol", "basis", "peak_date"])["drawdown"].min()
        found = market.rows("marts.drawdown_episodes").set_index(["symbol", "basis", "peak_date"])["depth"]
        pd.testing.assert_series_equal(found, worst, check_names=False)
