"""Event studies: a hand-made event, OLS libraries as oracles, placebos that know no later day, and the windows."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from scipy.stats import kstest, linregress

from pipelines.audit import CHECKS
from pipelines.event_studies import event_studies, overlaps, random_order
from pipelines.universe import Universe, load_universe
from tests.factories import Market, nulls, sessions_of

WINDOWS = [(0, 0), (0, 1), (-1, 1), (0, 5)]
KEY = ["event_id", "symbol", "window_start", "window_end"]
FUTURE = ["car", "car_standard_error", "t_statistic", "placebo_percentile", "placebo_p_value", "n_overlapping"]


def study(market, own, at, windows=WINDOWS):
    """Rows of the table by key, from returns by session (dicts or frames of own), of events at these positions."""
    own = pd.DataFrame(own)
    sessions = pd.Series(sessions_of("2010-01-04", "2025-12-31")[: len(own)])
    wide = own.assign(SPY=market).set_index(pd.Index(sessions, name="date"))
    returns = wide.melt(var_name="symbol", value_name="log_return", ignore_index=False).dropna().reset_index()
    events = pd.DataFrame({"event_id": [f"at {p}" for p in at], "session_date": sessions.iloc[at].to_numpy()})
    return event_studies(returns, events, sessions, list(own.columns), windows).set_index(KEY)


def noise(n, symbols=("A",), seed=1, scale=0.01):
    """The market's returns, and those of symbols that follow it with beta 1.5."""
    rng = np.random.default_rng(seed)
    market = rng.normal(0.0005, scale, n)
    own = 1.5 * market[:, None] + 0.0002 + rng.normal(0, scale, (n, len(symbols)))
    return market, pd.DataFrame(own, columns=list(symbols))


# The market goes 1 % up and down by turns. The residual d, d, -d, -d repeats 27 times over the 110 sessions of the
# estimation and ends with 0, 0: its sum is 0, and so is its product with the market's. Hence alpha 0, beta 1.2, the
# market's mean 0 and squares 110 * 0.01^2, and the residual variance 108 d^2 / (110 - 2) = d^2.
D = 0.001
EVENT = 125


def hand_made(jump=0.05):
    market = np.tile([0.01, -0.01], 70)
    residual = np.zeros(140)
    residual[EVENT - 120 : EVENT - 12] = np.tile([D, D, -D, -D], 27)
    own = 1.2 * market + residual
    own[EVENT] += jump
    return market, own


def test_a_jump_of_five_percent_is_found_with_its_standard_error():
    market, own = hand_made()
    row = study(market, {"A": own}, [EVENT], [(0, 0)]).iloc[0]
    assert row["alpha"] == pytest.approx(0, abs=1e-15)
    assert row["beta"] == pytest.approx(1.2, abs=1e-12)
    assert row["residual_volatility"] == pytest.approx(D, rel=1e-9)
    assert row["n_estimation"] == 110
    assert row["car"] == pytest.approx(0.05, abs=1e-12)
    # One session: d^2 (1 + 1/110 + 0.01^2 / (110 * 0.01^2)).
    assert row["car_standard_error"] == pytest.approx(D * (112 / 110) ** 0.5, rel=1e-9)
    assert row["t_statistic"] == pytest.approx(50 * (110 / 112) ** 0.5, rel=1e-9)


def test_alpha_and_beta_are_one_estimate_for_the_whole_window():
    market, own = hand_made()
    found = study(market, {"A": own}, [EVENT], [(0, 1), (0, 2)])
    assert found["car"].tolist() == pytest.approx([0.05, 0.05], abs=1e-12)
    # Two sessions: L + L^2/T = 2 + 4/110, and the market's moves cancel. Three: 3 + 9/110 + 1/110.
    errors = [D * (2 + 4 / 110) ** 0.5, D * (3 + 10 / 110) ** 0.5]
    assert found["car_standard_error"].tolist() == pytest.approx(errors, rel=1e-9)


def test_the_sessions_just_before_an_event_are_not_in_the_estimation():
    market, own = hand_made()
    quiet = study(market, {"A": own}, [EVENT], [(0, 0)])
    own[EVENT - 10 : EVENT] = 0.3
    own[: EVENT - 120] = -0.3
    pd.testing.assert_frame_equal(study(market, {"A": own}, [EVENT], [(0, 0)]), quiet)


def oracle(market, own, at, window):
    """alpha, beta, residual volatility, car and its error by scipy and numpy, from the errors' whole covariance."""
    before = slice(max(at - 120, 0), at - 10)
    known = np.isfinite(own[before])
    x, y = market[before][known], own[before][known]
    fit = linregress(x, y)
    design = np.column_stack([np.ones_like(x), x])
    coefficients, squares, *_ = np.linalg.lstsq(design, y, rcond=None)
    assert (fit.intercept, fit.slope) == pytest.approx(tuple(coefficients), abs=1e-12)
    variance = squares[0] / (len(x) - 2)
    inside = slice(at + window[0], at + window[1] + 1)
    ahead = np.column_stack([np.ones(window[1] - window[0] + 1), market[inside]])
    covariance = variance * (np.eye(len(ahead)) + ahead @ np.linalg.inv(design.T @ design) @ ahead.T)
    car = (own[inside] - ahead @ coefficients).sum()
    return fit.intercept, fit.slope, variance**0.5, car, covariance.sum() ** 0.5


@pytest.mark.parametrize("window", WINDOWS)
def test_agrees_with_an_ols_library(window):
    market, own = noise(700, ["A", "B"])
    own.loc[[250, 290, 410, 500], "B"] = np.nan
    at = [90, 130, 301, 420, 690]
    found = study(market, own, at)
    columns = ["alpha", "beta", "residual_volatility", "car", "car_standard_error"]
    for position in at:
        for symbol in own:
            row = found.loc[(f"at {position}", symbol, *window)]
            expected = oracle(market, own[symbol].to_numpy(), position, window)
            assert row[columns].astype(float).tolist() == pytest.approx(list(expected), rel=1e-9, abs=1e-12)
            assert row["t_statistic"] == pytest.approx(expected[3] / expected[4], rel=1e-9)


@pytest.mark.parametrize(("first", "n"), [(0, 110), (60, 60), (61, 0), (130, 0)])
def test_an_event_needs_sixty_returns_before_it(first, n):
    # The estimation for the event at 130 is of the sessions 10 to 119.
    market, own = noise(200)
    own.iloc[:first] = np.nan
    assert study(market, own, [130])["n_estimation"].tolist() == [n] * 4 * (n > 0)


def test_without_the_market_there_is_nothing_to_compare_with():
    market, own = noise(200)
    assert study(np.full(200, np.nan), own, [130]).empty
    # Nor does the market differ from itself.
    assert study(market, {"A": market}, [130]).empty


def test_a_window_that_has_not_ended_says_nothing():
    market, own = noise(200)
    found = study(market, own, [197], WINDOWS).reset_index()
    ended = found["window_end"] <= 2
    assert found["window_complete_date"].notna().tolist() == ended.tolist() == [True, True, True, False]
    assert found.loc[ended, "car"].notna().all()
    assert found.loc[~ended, FUTURE].isna().all(axis=None)
    assert found[["alpha", "beta", "residual_volatility", "n_estimation", "n_placebo"]].notna().all(axis=None)
    sessions = sessions_of("2010-01-04", "2025-12-31")
    assert found["window_complete_date"].tolist()[:3] == [sessions[197], sessions[198], sessions[198]]


def test_a_return_missing_in_a_window_makes_no_partial_sum():
    market, own = noise(200)
    own.iloc[151] = np.nan
    found = study(market, own, [150]).reset_index()
    assert found["car"].notna().tolist() == [True, False, False, False]
    assert found["t_statistic"].notna().tolist() == [True, False, False, False]
    assert found["window_complete_date"].notna().all()


@pytest.mark.parametrize("last", [405, 450, 477, 560, 641])
def test_nothing_after_a_day_changes_what_was_known_then(last):
    market, own = noise(700, ["A", "B", "C"])
    at = [210, 400, 404, 475, 560, 640]
    whole = study(market, own, at).reset_index()
    known = [p for p in at if p <= last]
    then = study(market[: last + 1], own[: last + 1], known).reset_index()
    now = whole[whole["event_id"].isin([f"at {p}" for p in known])].reset_index(drop=True)
    ended = then["window_complete_date"].notna()
    pd.testing.assert_frame_equal(then[ended], now[ended], rtol=1e-12)
    rest = [c for c in then if c not in [*FUTURE, "window_complete_date"]]
    pd.testing.assert_frame_equal(then[rest], now[rest], rtol=1e-12)
    assert then["n_placebo"].max() > 100


def placebo_positions(at, event, window, first_possible):
    """By the definition: ended before the event's window began, further than 10 sessions from every event."""
    candidates = range(first_possible, event + window[0] - window[1])
    return [p for p in candidates if all(abs(p - other) > 10 for other in at)]


@pytest.mark.parametrize("window", WINDOWS)
def test_placebos_are_all_possible_dates_while_these_are_few(window):
    market, own = noise(520)
    at = [200, 230, 480]
    found = study(market, own, at).xs(window, level=[2, 3]).reset_index()
    # The first session with 60 returns in its estimation is the one at 70.
    for event, (_, row) in zip(at, found.iterrows(), strict=True):
        positions = placebo_positions(at, event, window, 70)
        cars = np.array([oracle(market, own["A"].to_numpy(), p, window)[3] for p in positions])
        assert row["n_placebo"] == len(positions)
        assert row["placebo_percentile"] == pytest.approx(100 * (cars <= row["car"]).mean(), abs=1e-9)
        larger = (np.abs(cars) >= abs(row["car"])).sum()
        assert row["placebo_p_value"] == pytest.approx((1 + larger) / (1 + len(cars)), abs=1e-12)


def test_fewer_than_a_hundred_placebos_are_no_distribution():
    market, own = noise(300)
    # From 70 on, and before 11 sessions from the event: 99 and 100 sessions.
    found = study(market, own, [179], [(0, 0)]).iloc[0]
    assert (found["n_placebo"], found["placebo_p_value"]) == (99, pytest.approx(np.nan, nan_ok=True))
    found = study(market, own, [180], [(0, 0)]).iloc[0]
    assert found["n_placebo"] == 100
    assert found["placebo_p_value"] >= 1 / 101


def test_at_most_five_hundred_are_drawn_and_always_the_same():
    market, own = noise(1500, ["A", "B"])
    found = study(market, own, [900, 1400])
    assert (found["n_placebo"] == 500).all()
    pd.testing.assert_frame_equal(study(market, own, [900, 1400]), found)


def test_the_draw_is_shuffled_and_a_longer_history_keeps_its_order():
    dates = pd.DatetimeIndex(sessions_of("2018-01-02", "2025-12-31"))
    order = random_order(dates)
    assert sorted(order) == list(range(len(dates)))
    assert abs(np.corrcoef(order, np.arange(len(dates)))[0, 1]) < 0.1
    inside = order[(order >= 300) & (order < 1500)] - 300
    assert random_order(dates[300:1500]).tolist() == inside.tolist()


def test_a_jump_is_beyond_every_placebo():
    market, own = noise(1000)
    own.iloc[900] -= 0.2
    row = study(market, own, [900], [(0, 0)]).iloc[0]
    assert row["placebo_percentile"] == 0
    assert row["placebo_p_value"] == pytest.approx(1 / 501)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("window", [(0, 0), (0, 5)])
def test_on_pure_noise_the_p_value_is_uniform(seed, window):
    market, own = noise(900, [f"S{k:03}" for k in range(300)], seed=seed)
    found = study(market, own, [880], [window])
    assert kstest(found["placebo_p_value"], "uniform").pvalue > 0.001
    assert kstest(found["placebo_percentile"] / 100, "uniform").pvalue > 0.001
    # So does the t-statistic hold what it says: about one in twenty is beyond 1.98, the bound for 108 degrees.
    assert (found["t_statistic"].abs() > 1.98).mean() == pytest.approx(0.05, abs=0.04)


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ((0, 0), [0, 0, 1, 1, 0]),
        ((0, 1), [1, 1, 1, 1, 0]),
        # The window of 200 ends at 205, before the two of 206 begin; that of 201 ends at 206 and shares it with both.
        ((0, 5), [1, 3, 3, 3, 2]),
        # The window of 209 begins at 208, after those of 206 have ended at 207.
        ((-1, 1), [1, 1, 1, 1, 0]),
    ],
)
def test_overlapping_events_are_counted(window, expected):
    assert overlaps(np.array([200, 201, 206, 206, 209]), window).tolist() == expected


def test_an_event_later_than_a_windows_end_was_not_known_then():
    # Both windows hold session 201; the event at 202 had not happened when the first ended.
    assert overlaps(np.array([200, 202]), (-1, 1)).tolist() == [0, 1]


def test_no_event_and_no_symbol_give_no_row():
    market, own = noise(200)
    assert study(market, own, []).empty
    assert study(market, own[[]], [130]).empty


@pytest.fixture(scope="module")
def market():
    """As of four sessions after the last event of the shipped list until then, 2025-12-17."""
    dates = sessions_of("2020-01-02", "2025-12-23")
    rng = np.random.default_rng(5)
    factor = rng.normal(0, 0.01, len(dates))
    market = Market("2025-12-23", since="2020-01-02")
    for symbol in ("SPY", "IGV", "CRM", "NOW"):
        path = np.exp((factor + rng.normal(0, 0.004, len(dates))).cumsum())
        market.bars(symbol, dates, 100 * path)
    return market.build("marts.event_studies")


def test_every_event_symbol_and_window_has_a_row(market):
    events = market.rows("core.events")
    found = market.rows("marts.event_studies")
    assert set(found["symbol"]) == {"IGV", "basket:saas"}
    assert len(found) == len(events) * 2 * len(load_universe().event_windows)
    assert set(zip(found["window_start"], found["window_end"], strict=True)) == set(WINDOWS)
    # SPY carries noise of its own, so that beta falls short of 1 by its share: 0.01^2 / (0.01^2 + 0.004^2) = 0.862.
    assert found["beta"].mean() == pytest.approx(0.862, abs=0.03)


def test_open_windows_are_null_in_sql(market):
    missing = " and ".join(f"{column} is null" for column in FUTURE)
    found = market.rows("marts.event_studies", f"window_complete_date is null and {missing}")
    assert len(found) == (market.rows("marts.event_studies")["window_complete_date"].isna()).sum() > 0
    assert set(found["window_end"]) == {5}
    assert nulls(found["car"])


SPOILED = [
    "car = car + 0.01",
    "t_statistic = null",
    "window_complete_date = null",
    "n_overlapping = null",
    "window_complete_date = date '2026-01-05'",
    "placebo_p_value = 0.0019",
    "placebo_p_value = null",
]


def failing(market):
    return len(market.warehouse.rows((CHECKS / "event_windows_whole_or_missing.sql").read_text()))


@pytest.mark.parametrize("change", SPOILED)
def test_the_check_finds_a_wrong_row(market, change):
    assert failing(market) == 0
    market.warehouse.execute("begin")
    where = "event_id = 'openai-gpt-5' and symbol = 'IGV' and window_end = 0"
    market.warehouse.execute(f"update marts.event_studies set {change} where {where}")
    assert failing(market) == 1
    market.warehouse.execute("rollback")


UNIVERSE = {
    "sources": {"etf": {}},
    "instruments": {"IGV": {"name": "Software", "kind": "etf"}},
    "baskets": {"soft": {"name": "Software", "members": ["IGV"]}},
    "correlation_bases": [],
}


def test_event_symbols_may_be_instruments_and_baskets():
    universe = Universe.model_validate(
        UNIVERSE | {"event_symbols": ["IGV", "basket:soft"], "event_windows": [[-10, 3]]}
    )
    assert universe.event_windows == [(-10, 3)]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"event_windows": [[1, 0]]}, r"event window \[1, 0\].*no earlier than it begins"),
        ({"event_windows": [[-11, 0]]}, r"event window \[-11, 0\]; it must begin at -10"),
        ({"event_windows": []}, "event_windows"),
        ({"event_windows": [[0, 1, 2]]}, "event_windows"),
        ({"event_windows": [[0, 0.5]]}, "event_windows"),
        ({"event_windows": [[0, 1], [0, 1]]}, "repeats one of its event_windows"),
        ({"event_symbols": ["IGV", "IGV"]}, "repeats one of its event_symbols"),
        ({"event_symbols": ["basket:hard"]}, "events of.*basket:hard.*add it"),
        ({"event_symbols": ["soft"]}, "events of.*soft.*add it"),
    ],
)
def test_impossible_event_settings_are_named(setting, message):
    with pytest.raises(ValidationError, match=message):
        Universe.model_validate(UNIVERSE | setting)
