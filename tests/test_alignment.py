"""The instants that returns run between: bitcoin at the New York close, and what looser joins use."""

from itertools import pairwise
from math import log

import pandas as pd
import pytest

from tests.factories import Market, days, stamp

EXACT = {"rel": 1e-12}
HOUR = pd.Timedelta(hours=1)


def hours(first, last):
    """Starts of hours, both ends included."""
    return pd.date_range(first, last, freq="h")


def numbered(starts, **load):
    """Bitcoin's hourly bars whose closes count up from 1000."""
    return Market("2026-06-30").hours("BTC", starts, [1000.0 + k for k in range(len(starts))], **load)


def closes(market):
    return market.table("core.session_closes").set_index("date")


@pytest.mark.parametrize(
    ("day", "bell"),
    [
        ("2025-01-15", "21:00"),  # winter, 16:00 at UTC-5
        ("2025-07-15", "20:00"),  # summer, 16:00 at UTC-4
        ("2025-03-07", "21:00"),  # the last session before the clocks go forward
        ("2025-03-10", "20:00"),  # the first after
        ("2025-10-31", "20:00"),
        ("2025-11-03", "21:00"),
        ("2025-11-28", "18:00"),  # the day after Thanksgiving, 13:00 at UTC-5
        ("2025-07-03", "17:00"),  # the day before Independence Day, 13:00 at UTC-4
    ],
)
def test_bell(day, bell):
    starts = hours(day, f"{day} 23:00")
    found = closes(numbered(starts)).loc[stamp(day)]
    at = pd.Timestamp(f"{day} {bell}")
    assert found["close_at"] == found["priced_at"] == at
    # The bar that ends with the bell began an hour before.
    assert found["close"] == 1000 + (at - HOUR).hour


def test_session_flags_of_early_closes():
    market = Market("2026-01-31", since="2025-01-01")
    found = market.table("core.sessions").set_index("date")
    early = found.index[found["is_early_close"]].strftime("%Y-%m-%d").tolist()
    assert early == ["2025-07-03", "2025-11-28", "2025-12-24"]
    assert found["session_number"].tolist() == list(range(1, len(found) + 1))
    # Days without a session: a weekend, New Year, the mourning day for President Carter, Good Friday.
    closed = ["2025-01-01", "2025-01-04", "2025-01-09", "2025-04-18"]
    assert not set(pd.to_datetime(closed)) & set(found.index)


@pytest.mark.parametrize(("missing", "priced"), [(0, "20:00"), (1, "19:00"), (2, "18:00"), (3, None)])
def test_missing_hours_before_the_bell(missing, priced):
    # In summer the bell rings at 20:00 UTC; the bars that start at 19:00, 18:00 and 17:00 go missing in turn.
    gone = [pd.Timestamp(f"2025-07-15 {19 - k}:00") for k in range(missing)]
    starts = hours("2025-07-15", "2025-07-15 23:00").difference(gone)
    found = closes(numbered(starts))
    if priced is None:
        assert found.empty
    else:
        assert found["priced_at"].tolist() == [pd.Timestamp(f"2025-07-15 {priced}")]
        assert found["close"].iloc[0] == 1000 + pd.Timestamp(f"2025-07-15 {priced}").hour - 1


def test_nothing_after_the_bell_is_used():
    assert closes(numbered(hours("2025-07-15 20:00", "2025-07-15 23:00"))).empty


def test_no_session_no_close():
    # 2025-07-04 is a holiday, 5 and 6 July are a weekend.
    found = closes(numbered(hours("2025-07-04", "2025-07-06 23:00")))
    assert found.empty


def test_hours_of_another_source_are_not_used():
    market = numbered(hours("2025-07-15", "2025-07-15 12:00"))
    market.hours("BTC", hours("2025-07-15 13:00", "2025-07-15 23:00"), [5.0] * 11, source="yahoo")
    assert closes(market).empty


def returns(market, symbol, alignment):
    where = f"symbol = '{symbol}' and alignment = '{alignment}'"
    return market.table("core.returns", where).set_index("date")


def sampled_at_bells(levels):
    """Bitcoin's bar that ends with the bell of each summer session, as the only bar of its day."""
    starts = [pd.Timestamp(f"{day} 19:00") for day in levels]
    return Market("2025-12-31").hours("BTC", starts, list(levels.values()))


def test_monday_runs_from_friday():
    found = returns(
        sampled_at_bells({"2025-07-11": 100.0, "2025-07-12": 500.0, "2025-07-14": 110.0}), "BTC", "exchange_close"
    )
    assert found.index.tolist() == [stamp("2025-07-14")]
    assert found["previous_date"].tolist() == [stamp("2025-07-11")]
    assert found["log_return"].tolist() == pytest.approx([log(1.1)], **EXACT)


def test_holiday_is_no_gap():
    # 4 July 2025 is a Friday: from Thursday's early bell (17:00 UTC) to Monday's.
    starts = [pd.Timestamp("2025-07-03 16:00"), pd.Timestamp("2025-07-07 19:00")]
    found = returns(Market("2025-12-31").hours("BTC", starts, [100, 90]), "BTC", "exchange_close")
    assert found["previous_date"].to_dict() == {stamp("2025-07-07"): stamp("2025-07-03")}
    assert found["log_return"].tolist() == pytest.approx([log(0.9)], **EXACT)


def test_missing_session_drops_both_returns():
    # Tuesday 15 July is missing: neither its own return nor Wednesday's is there.
    levels = {"2025-07-11": 100, "2025-07-14": 110, "2025-07-16": 120, "2025-07-17": 126}
    found = returns(sampled_at_bells(levels), "BTC", "exchange_close")
    assert found.index.strftime("%m-%d").tolist() == ["07-14", "07-17"]
    assert found["log_return"].tolist() == pytest.approx([log(1.1), log(1.05)], **EXACT)


def test_equity_returns_run_between_sessions_with_dividends():
    dates = pd.to_datetime(["2025-07-10", "2025-07-11", "2025-07-14", "2025-07-16"])
    market = Market("2025-12-31").bars("MSFT", dates, [100, 98, 99, 100]).dividend("MSFT", "2025-07-11", 4)
    found = returns(market, "MSFT", "exchange_close")
    assert found.index.strftime("%m-%d").tolist() == ["07-11", "07-14"]
    # 4 of 100 paid: 98 / 96 with the dividend, and 99 / 98 without one.
    assert found["log_return"].tolist() == pytest.approx([log(98 / 96), log(99 / 98)], **EXACT)
    alignments = market.table("core.returns", "symbol = 'MSFT'")["alignment"]
    assert set(alignments) == {"exchange_close"}


# Closes of the UTC days from Thursday 10 to Tuesday 15 July 2025.
LEVELS = [100, 110, 99, 120, 132, 121]


def test_naive_is_the_utc_day_whatever_the_sessions():
    market = Market("2025-12-31").bars("BTC", days("2025-07-10", 6), LEVELS)
    found = returns(market, "BTC", "naive")
    expected = [log(b / a) for a, b in pairwise(LEVELS)]
    assert found["log_return"].tolist() == pytest.approx(expected, **EXACT)
    assert (found.index - pd.DatetimeIndex(found["previous_date"]) == pd.Timedelta(days=1)).all()
    # Monday's is 24 hours long: Sunday's close to Monday's.
    assert found.loc[stamp("2025-07-14"), "log_return"] == pytest.approx(log(132 / 120), **EXACT)


def test_utc_day_is_midnight_after_each_session():
    market = Market("2025-12-31").bars("BTC", days("2025-07-10", 6), LEVELS)
    found = returns(market, "BTC", "utc_day")
    assert found.index.strftime("%a").tolist() == ["Fri", "Mon", "Tue"]
    expected = [log(110 / 100), log(132 / 110), log(121 / 132)]
    assert found["log_return"].tolist() == pytest.approx(expected, **EXACT)


def test_missing_day_drops_naive_returns_around_it():
    market = Market("2025-12-31").bars("BTC", days("2025-07-10", 6).delete(2), [100, 110, 120, 132, 121])
    assert returns(market, "BTC", "naive").index.strftime("%a").tolist() == ["Fri", "Mon", "Tue"]
    # No session ended on that Saturday: the session returns do not miss it.
    assert returns(market, "BTC", "utc_day").index.strftime("%a").tolist() == ["Fri", "Mon", "Tue"]


def test_alignments_of_one_rise():
    """Bitcoin rises by 10 % after Wednesday's bell and before midnight UTC: only the sampled return is Thursday's."""
    starts = hours("2025-07-14", "2025-07-18 23:00")
    level = [110.0 if t >= pd.Timestamp("2025-07-16 21:00") else 100.0 for t in starts]
    market = Market("2025-12-31").hours("BTC", starts, level)
    market.bars("BTC", days("2025-07-14", 5), [100, 100, 110, 110, 110])
    risen = {}
    for alignment in ("exchange_close", "utc_day", "naive"):
        found = returns(market, "BTC", alignment)["log_return"]
        risen[alignment] = found[found > 0.01]
        assert found.sum() == pytest.approx(log(1.1), **EXACT)
    assert risen["exchange_close"].index.tolist() == [stamp("2025-07-17")]
    assert risen["utc_day"].index.tolist() == risen["naive"].index.tolist() == [stamp("2025-07-16")]
