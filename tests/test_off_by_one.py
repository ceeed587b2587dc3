"""A second source whose days are off by one is named; one that is right, still or short is not."""

import numpy as np
import pandas as pd
import pytest

from pipelines.audit import checks, run_check
from tests.factories import Market, days, sessions_of

(CHECK,) = [check for check in checks() if check.name == "dates_off_by_one_against_second_source"]
AS_OF = "2026-02-06"
FOUND = sessions_of("2025-11-03", AS_OF)


def wave(n):
    """Closes that go up and down by turns that never repeat, so that no return is like the one before."""
    return 100 + 10 * np.sin(np.arange(n) ** 2)


CLOSES = wave(len(FOUND))


def compared(dates, closes, symbol="VIX", found=FOUND, used="fred", other="yahoo"):
    """The check's rows for a second source with these days and closes."""
    market = Market(AS_OF, since="2025-11-03")
    market.bars(symbol, found, wave(len(found)), source=used, known_at="2025-11-03")
    market.bars(symbol, dates, closes, source=other, known_at="2025-11-03").build("quality.coverage")
    failing = market.warehouse.frame(f"select * from ({CHECK.query})").to_dict("records")
    assert run_check(market.warehouse, CHECK).n_failing == len(failing)
    return [(row["symbol"], row["source_in_use"], row["source"], row["moved"]) for row in failing]


def test_a_source_with_the_same_dates_is_right():
    assert compared(FOUND, CLOSES) == []
    # On another scale, and with noise a hundredth as large as the moves.
    assert compared(FOUND, 3 * CLOSES + 0.1 * np.cos(np.arange(len(FOUND)))) == []


@pytest.mark.parametrize(
    ("dates", "moved"),
    [
        # Fridays are Saturdays: stamps of the close in a zone east of it.
        (FOUND + pd.Timedelta(days=1), "a day late"),
        # Mondays are Sundays.
        (FOUND - pd.Timedelta(days=1), "a day early"),
    ],
)
def test_dates_moved_by_a_day_are_named(dates, moved):
    assert compared(dates, CLOSES) == [("VIX", "fred", "yahoo", moved)]


def test_values_under_the_next_or_the_previous_session_are_named():
    assert compared(FOUND[1:], CLOSES[:-1]) == [("VIX", "fred", "yahoo", "a session late")]
    assert compared(FOUND[:-1], CLOSES[1:]) == [("VIX", "fred", "yahoo", "a session early")]


def test_crypto_that_is_off_by_a_day_is_named_once():
    found = days("2025-12-03", 66)
    assert str(found[-1])[:10] == AS_OF
    pair = ("BTC", found, "binance", "coinbase")
    assert compared(found, wave(66), *pair) == []
    assert compared(found + pd.Timedelta(days=1), wave(66), *pair) == [("BTC", "binance", "coinbase", "a day late")]
    assert compared(found[:-1], wave(66)[1:], *pair) == [("BTC", "binance", "coinbase", "a day early")]


def test_less_than_twenty_returns_say_nothing():
    # Of n moved days the last is dated after the as-of day and the first has no return.
    assert compared(FOUND[-21:] + pd.Timedelta(days=1), CLOSES[-21:]) == []
    assert compared(FOUND[-22:] + pd.Timedelta(days=1), CLOSES[-22:]) == [("VIX", "fred", "yahoo", "a day late")]


def test_what_was_wrong_more_than_sixty_days_ago_is_past():
    dates = [day + pd.Timedelta(days=1) if day < pd.Timestamp("2025-12-08") else day for day in FOUND]
    assert len(set(dates)) == len(dates)
    assert compared(dates, CLOSES) == []


def test_a_source_that_stands_still_says_nothing():
    assert compared(FOUND, np.full(len(FOUND), 100.0)) == []


def test_one_unlike_the_other_says_nothing():
    assert compared(FOUND, 100 + 10 * np.cos(np.arange(len(FOUND)) ** 2.3)) == []


LOSSES = {check.name: check for check in checks()}["onchain_dates_off_by_one_against_second_source"]


def of_losses(moved_by, wave_of=wave):
    """The rows of the check of on-chain losses, where Glassnode's days are moved."""
    found = days("2025-12-03", 66)
    market = Market(AS_OF, since="2025-11-03")
    market.onchain(found, {"realized_loss_usd": wave(66)}, source="bgeometrics", known_at="2025-11-03")
    moved = found + pd.Timedelta(days=moved_by)
    market.onchain(moved, {"realized_loss_usd": 2 * wave_of(66)}, source="glassnode", known_at="2025-11-03")
    market.build("core.onchain")
    return market.warehouse.rows(f"select provider, other_provider, days_moved from ({LOSSES.query})")


@pytest.mark.parametrize("moved_by", [1, -1])
def test_a_provider_of_losses_whose_days_are_off_by_one_is_named(moved_by):
    assert of_losses(moved_by) == [("bgeometrics", "glassnode", moved_by)]


def test_a_provider_of_losses_on_the_same_days_is_right():
    assert of_losses(0) == []


def test_losses_that_are_unlike_or_further_apart_say_nothing():
    assert of_losses(0, lambda n: 100 + 10 * np.cos(np.arange(n) ** 2.3)) == []
    assert of_losses(4) == []
