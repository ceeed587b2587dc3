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
# Found with what came later, on purpose and labelled so: only what is later than the as-of day may not count.
RETROSPECTIVE = {"marts.correlation_breaks"}
AS_OF = [name for name in MARTS if name not in RETROSPECTIVE]

# The day a row is of: it is there, and says the same, whenever that day is in the past.
ROW_DATE = {
    "marts.drawdowns": "date",
    "marts.drawdown_episodes": "first_under_date",
    "marts.correlations": "date",
    "marts.lead_lag_correlations": "date",
    "marts.correlation_regimes": "start_date",
    "marts.realized_losses": "date",
    "marts.realized_loss_episodes": "start_date",
    "marts.realized_loss_age_bands": "date",
    "marts.realized_loss_differences": "date",
    "marts.level_crossings": "date",
    "marts.stress_correlations": "date",
    "marts.event_studies": "session_date",
    "marts.market_stress": "date",
    "marts.market_value_losses": "date",
    "marts.valuations": "date",
    "marts.capex": "filed_date",
    # A row without a day says nothing yet: the claim's window has not ended.
    "marts.claims": "window_end",
    "marts.claim_windows": "window_end",
}


SHARES = "dei:EntityCommonStockSharesOutstanding"
FIGURES = {
    "us-gaap:Revenues": 6e10,
    "us-gaap:GrossProfit": 4e10,
    "us-gaap:PaymentsToAcquirePropertyPlantAndEquipment": 2e10,
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
    calls.append(("spent", (simulated_outputs(rng),), {}))
    spy = 100 * np.exp((0.8 * factor + rng.normal(0, 0.003, len(sessions))).cumsum())
    calls.append(("bars", ("SPY", sessions, spy), {}))
    calls.append(("bars", ("VIX", sessions, 15 * np.exp(rng.normal(0, 0.2, len(sessions)))), {"source": "fred"}))
    for symbol, first in [("MSFT", "2022-04-01"), ("CRM", "2023-10-01")]:
        calls.append(("add", ("raw.facts", simulated_filings(rng, symbol, first)), {}))
    total = 2e12 * np.exp(rng.normal(0, 0.03, len(utc_days)).cumsum())
    calls.append(("add", ("raw.market_caps", total_caps(utc_days, total)), {}))
    return calls


def simulated_outputs(rng):
    """Coins spent each day, made up to 300 days before."""
    utc_days = pd.date_range(FIRST, LAST)
    number = np.arange(len(utc_days)).repeat(8)
    made = np.maximum(number - rng.integers(0, 300, len(number)), 0)
    frame = pd.DataFrame({"date": utc_days[number], "created_date": utc_days[made]}).drop_duplicates()
    return frame.assign(spent_sat=rng.integers(10**9, 10**13, len(frame)))


def total_caps(dates, values):
    return pd.DataFrame({"symbol": "CRYPTO_TOTAL", "date": dates, "market_cap_usd": values})


def simulated_filings(rng, symbol, first):
    """A company's quarters as filed a month after each, which restate the quarter a year before; its share count."""
    starts = pd.date_range(first, "2025-12-31", freq="QS")
    ends, filed = starts + pd.offsets.QuarterEnd(), starts + pd.offsets.QuarterEnd() + pd.Timedelta(days=30)
    parts = []
    for tag, amount in FIGURES.items():
        values = amount * np.exp(rng.normal(0, 0.1, len(starts)))
        parts.append(pd.DataFrame({"tag": tag, "start_date": starts, "end_date": ends, "value": values}))
        again = parts[-1].assign(value=1.01 * values)[:-4]
        parts = [*parts[:-1], parts[-1].assign(filed_date=filed), again.assign(filed_date=filed[4:])]
    count = pd.DataFrame({"tag": SHARES, "start_date": ends, "end_date": ends, "filed_date": filed})
    count["value"] = 1e9 * (1 - 0.003 * np.arange(len(ends)))
    rows = pd.concat([*parts, count]).assign(symbol=symbol, form="10-Q")
    accession = symbol + " " + rows["filed_date"].astype(str)
    return rows.assign(accession=accession, unit=np.where(rows["tag"] == SHARES, "shares", "USD"))


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


def dated_rows(market, name):
    """A mart's rows that are of a day."""
    return market.rows(name, f"{ROW_DATE[name]} is not null")


def past_columns(name):
    contract = contracts()[name]
    return [c for c in contract.columns if c not in contract.future_columns]


def assert_same(left, right):
    """Equal rows; numbers within 1e-12 of each other."""
    pd.testing.assert_frame_equal(left, right, check_exact=False, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", AS_OF)
def test_every_mart_says_what_day_a_row_is_of(name):
    assert name in ROW_DATE, f"{name} is new: name the column that dates its rows in ROW_DATE"
    assert ROW_DATE[name] in past_columns(name)
    assert set(contracts()[name].future_columns) <= set(contracts()[name].value_columns)


def test_no_mart_is_gone():
    assert set(ROW_DATE) == set(AS_OF)


@pytest.mark.parametrize("name", sorted(RETROSPECTIVE))
def test_what_looks_ahead_is_labelled_in_every_row(name, whole):
    rows = whole.rows(name)
    assert len(rows) > 0
    assert rows["is_retrospective"].all()


@pytest.mark.parametrize("day", CUTS)
@pytest.mark.parametrize("name", AS_OF)
def test_rows_of_the_past_do_not_change(name, day, whole, cut):
    known_then = dated_rows(cut[day], name)
    assert (known_then[ROW_DATE[name]] <= stamp(day)).all()
    columns = past_columns(name)
    assert_same(known_then[columns], rows_until(whole, name, day)[columns])


@pytest.mark.parametrize("name", ["marts.claims", "marts.claim_windows"])
def test_a_claim_that_is_of_no_day_has_no_value(name, whole, cut):
    for market in (whole, *cut.values()):
        assert nulls(market.rows(name, "window_end is null")["measured_value"])


@pytest.mark.parametrize("name", AS_OF)
def test_the_history_shows_something(name, whole, cut):
    """Rows before the first cut, or at least the last, and rows after each: else nothing would be compared."""
    assert len(dated_rows(cut[CUTS[-1]], name)) > 0
    assert len(dated_rows(whole, name)) > len(dated_rows(cut[CUTS[0]], name))


def absurd_filing(filed):
    """A filing that multiplies revenue, capital expenditure and shares of the quarter to March 2024."""
    rows = pd.DataFrame({"tag": [*FIGURES, SHARES], "value": 1e15, "symbol": "MSFT", "form": "10-Q/A"})
    rows = rows.assign(start_date=stamp("2024-01-01"), end_date=stamp("2024-03-31"), filed_date=stamp(filed))
    return rows.assign(accession=f"absurd {filed}", unit=np.where(rows["tag"] == SHARES, "shares", "USD"))


POISONS = [
    ("bars", ("MSFT", sessions_of("2025-08-11", LAST), np.full(len(sessions_of("2025-08-11", LAST)), 1e6)), {}),
    ("bars", ("BTC", days("2025-08-11", 150), np.full(150, 1.0)), {}),
    ("hours", ("BTC", pd.date_range("2025-08-11", periods=3000, freq="h"), np.full(3000, 1.0)), {}),
    ("dividend", ("CRM", "2025-08-11", 50), {}),
    ("split", ("CRM", "2025-08-12", 20), {}),
    ("onchain", (days("2025-08-11", 30), {"realized_loss_cumulative_usd": 9e12 + 1e12 * np.arange(30)}), {}),
    ("spent", (pd.DataFrame({"date": days("2025-08-11", 9), "created_date": stamp(FIRST), "spent_sat": 10**14}),), {}),
    # Dated after the cut though given before it.
    ("bars", ("NOW", days("2025-08-11", 5), np.full(5, 1e6)), {"known_at": "2025-08-01"}),
    ("hours", ("ETH", pd.date_range("2025-08-11", periods=90, freq="h"), np.ones(90)), {"known_at": "2025-08-01"}),
    ("onchain", (days("2026-02-01", 3), {"realized_loss_cumulative_usd": [1, 2, 3]}), {"known_at": "2025-08-01"}),
    # Restatements of days long past, given after the cut.
    ("bars", ("QQQ", sessions_of("2024-01-02", "2024-06-28"), np.full(124, 5.0)), {"known_at": "2025-08-11 00:00:01"}),
    ("onchain", (days("2024-01-01", 90), {"realized_cap_usd": np.ones(90)}), {"known_at": "2025-09-01"}),
    ("dividend", ("MSFT", "2024-02-01", 30), {"known_at": "2025-09-01"}),
    # Filings and market values: of later days, and of days long past but given after the cut.
    ("add", ("raw.facts", absurd_filing("2025-08-11")), {"known_at": "2025-08-01"}),
    ("add", ("raw.facts", absurd_filing("2024-05-01")), {"known_at": "2025-08-12"}),
    ("add", ("raw.market_caps", total_caps(days("2025-08-11", 30), 1e15)), {}),
    ("add", ("raw.market_caps", total_caps(days("2024-08-11", 30), 1e15)), {"known_at": "2025-08-12"}),
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
    for name in (
        "marts.drawdowns",
        "marts.correlations",
        "marts.realized_losses",
        "marts.level_crossings",
        "marts.market_value_losses",
        "marts.valuations",
        "marts.capex",
    ):
        columns = past_columns(name)
        with pytest.raises(AssertionError):
            assert_same(later.rows(name)[columns], whole.rows(name)[columns])


# The columns that need the future: open or so far, until it has come.

OPENED_LATER = {
    "marts.capex": ("known_until", "symbol, period, period_end, known_from"),
    "marts.drawdown_episodes": ("recovery_date", "symbol, basis, peak_date"),
    "marts.realized_loss_episodes": ("end_date", "asset, provider, variant, start_date"),
    "marts.correlation_regimes": ("end_date", "base_symbol, other_symbol, window_sessions, start_date"),
    "marts.event_studies": ("window_complete_date", "event_id, symbol, window_start, window_end"),
}


def test_every_mart_with_future_columns_is_tested():
    # A claim's reason has no day of its own: it also names the windows that ended later.
    assert {*OPENED_LATER, "marts.claims"} == {name for name in MARTS if contracts()[name].future_columns}
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
