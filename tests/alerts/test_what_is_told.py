"""What the shipped rules find, once each."""

from datetime import date, timedelta

from pipelines.alerts import alert_published
from tests.alerts.situations import AS_OF, change, crossing, messages, put, verdict


def test_a_quiet_market_tells_nothing(home, file):
    assert alert_published(home) == []
    assert file() == []


def test_a_new_regime_is_told_with_the_one_before(home, file):
    pair = {"base_symbol": "BTC", "other_symbol": "QQQ", "window_sessions": 30}
    put(home, "marts.correlation_regimes", **pair, state="decoupled", start_date=date(2025, 1, 2))
    alert_published(home)
    assert file() == [], "a pair's first spell is no change"
    put(home, "marts.correlation_regimes", **pair, state="coupled", start_date=AS_OF)
    assert alert_published(home) == []
    expected = "BTC with Invesco QQQ (Nasdaq-100) is coupled since 2026-02-06, decoupled before"
    assert messages(file()) == [f"{expected} (correlation over 30 sessions)"]


def test_a_spell_of_extreme_losses_is_told_once_however_long(home, file):
    spell = {"asset": "BTC", "provider": "brk", "variant": "raw", "start_date": date(2026, 1, 30)}
    put(home, "marts.realized_losses", **{k: spell[k] for k in ("asset", "provider", "variant")}, date=AS_OF)
    put(home, "marts.realized_loss_episodes", **spell, peak_loss_7d_mean_usd=2.6e9, end_date=None)
    alert_published(home)
    change(home, "update marts.realized_loss_episodes set peak_loss_7d_mean_usd = 3e9, end_date = '2026-02-06'")
    alert_published(home)
    expected = (
        "BTC: realized losses are extreme since 2026-01-30, at most 2.60 billion USD a day so far (7-day mean, brk)"
    )
    assert messages(file()) == [expected]


def test_a_crossing_by_close_and_within_the_day_is_one_alert(home, file):
    crossing(home)
    crossing(home, basis="intraday")
    crossing(home, basis="intraday", level=90_000, close=91_000.0)
    alert_published(home)
    assert sorted(messages(file())) == [
        "BTC went below 100,000 on 2026-02-06 (by close; close 99,998.50)",
        "BTC went below 90,000 on 2026-02-06 (within the day only; close 91,000.00)",
    ]


def test_a_depth_is_told_when_it_is_first_reached_and_not_on_the_way_back(home, file):
    falls = {"2026-02-02": -0.15, "2026-02-03": -0.35, "2026-02-04": -0.25, "2026-02-05": -0.31, "2026-02-06": -0.4}
    for day, drawdown in falls.items():
        row = {"symbol": "BTC", "basis": "price", "peak_date": date(2025, 10, 6), "drawdown": drawdown}
        put(home, "marts.drawdowns", **row, date=date.fromisoformat(day))
    alert_published(home)
    told = "Bitcoin closed {} % or more below its high of 2025-10-06 for the first time since then, on {}"
    assert messages(file()) == [told.format(30, "2026-02-03"), told.format(40, "2026-02-06")]


def test_late_series_of_a_source_are_one_alert(home, file):
    late = {"source": "yahoo", "dataset": "daily_bars", "status": "late", "newest_date": date(2026, 2, 3)}
    for symbol in ("MSFT", "CRM"):
        put(home, "quality.coverage", **late, symbol=symbol, due_date=AS_OF)
    put(home, "quality.coverage", **late | {"status": "ok"}, symbol="QQQ", due_date=AS_OF)
    alert_published(home)
    change(home, "update quality.coverage set due_date = '2026-02-06'")
    alert_published(home)
    assert [m.split(". Next")[0].split(": Next")[0] for m in messages(file())] == [
        "yahoo daily_bars: nothing newer than 2026-02-03, due 2026-02-06: CRM, MSFT"
    ]


def test_a_changed_verdict_is_told_exactly_once_and_the_first_one_is_no_change(home, file):
    verdict(home, "not_supported")
    alert_published(home)
    assert file() == []
    verdict(home, "supported", AS_OF + timedelta(days=1))
    alert_published(home)
    alert_published(home)
    assert messages(file()) == ["It fell: now supported. Measured. (Before: not_supported.)"]
    verdict(home, "not_supported", AS_OF + timedelta(days=2))
    alert_published(home)
    assert len(file()) == 2, "changing back is a change"


def test_a_run_as_of_an_earlier_day_changes_no_verdict(home, file):
    verdict(home, "supported")
    alert_published(home)
    verdict(home, "not_measurable", AS_OF - timedelta(days=30))
    alert_published(home)
    verdict(home, "supported")
    alert_published(home)
    assert file() == []


def test_what_is_older_than_the_look_back_is_not_told(home, file):
    crossing(home, AS_OF - timedelta(days=7), level=1)
    crossing(home, AS_OF - timedelta(days=8), level=2)
    crossing(home, AS_OF + timedelta(days=1), level=3)
    alert_published(home)
    assert messages(file()) == ["BTC went below 1 on 2026-01-30 (by close; close -0.50)"]


def test_simulated_alerts_say_so_and_do_not_stand_for_real_ones(home, file):
    crossing(home)
    change(home, "update meta set value = 'simulated' where key = 'data'")
    alert_published(home)
    change(home, "update meta set value = 'vendors' where key = 'data'")
    alert_published(home)
    simulated, real = file()
    assert simulated["text"] == f"SIMULATED: {real['text']}"
    assert (simulated["data"], real["data"]) == ("simulated", "vendors")
