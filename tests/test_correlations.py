"""Rolling correlations and their Fisher intervals, against pandas, scipy and the formula written out."""

from math import atanh, sqrt, tanh

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr

from tests.factories import Market, days, sessions_of

PAIR = ["base_symbol", "other_symbol", "window_sessions", "alignment"]


def fisher(r, n):
    """z = atanh(r); 95 % of a normal lie within 1.96 (1.959963984540054) standard errors 1 / sqrt(n - 3)."""
    z, error = atanh(r), 1 / sqrt(n - 3)
    return tanh(z - 1.959963984540054 * error), tanh(z + 1.959963984540054 * error)


def returns_table(market, returns):
    """Replace core.returns by these: (symbol, alignment) -> series of log returns by date."""
    market.build("core.returns", "core.instruments")
    for (symbol, alignment), values in returns.items():
        frame = pd.DataFrame({"date": values.index, "log_return": values.to_numpy()})
        market.warehouse.insert(
            "core.returns", frame.assign(symbol=symbol, alignment=alignment, previous_date=frame["date"])
        )
    return market


def correlations(returns):
    """marts.correlations of given returns, by pair."""
    found = returns_table(Market("2025-12-31"), returns).table("marts.correlations")
    return {key: rows.set_index("date") for key, rows in found.groupby(PAIR)}


@pytest.fixture(scope="module")
def legs():
    rng = np.random.default_rng(2)
    dates = sessions_of("2025-01-02", "2025-12-30")
    common = rng.standard_t(4, len(dates)) * 0.01
    x = pd.Series(common + rng.normal(0, 0.02, len(dates)), index=dates)
    y = pd.Series(common + rng.normal(0, 0.01, len(dates)), index=dates)
    return x, y


@pytest.fixture(scope="module")
def rolling(legs):
    x, y = legs
    return correlations({("BTC", "exchange_close"): x, ("MSFT", "exchange_close"): y})


@pytest.mark.parametrize("window", [30, 90])
def test_agrees_with_pandas(legs, rolling, window):
    x, y = legs
    found = rolling["BTC", "MSFT", window, "exchange_close"]
    oracle = x.rolling(window).corr(y).dropna()
    assert found.index.tolist() == oracle.index.tolist()
    np.testing.assert_allclose(found["correlation"], oracle, rtol=0, atol=1e-9)
    assert found["correlation"].std() > 0.03


@pytest.mark.parametrize("window", [30, 90])
def test_agrees_with_scipy(legs, rolling, window):
    x, y = legs
    found = rolling["BTC", "MSFT", window, "exchange_close"]
    for end in range(window, len(x) + 1, 7):
        oracle = pearsonr(x.iloc[end - window : end], y.iloc[end - window : end])
        row = found.loc[x.index[end - 1]]
        assert row["correlation"] == pytest.approx(oracle.statistic, abs=1e-9)
        interval = oracle.confidence_interval(0.95)
        assert (row["ci_low"], row["ci_high"]) == pytest.approx((interval.low, interval.high), abs=1e-9)


@pytest.mark.parametrize("window", [30, 90])
def test_no_row_before_the_window_is_full(legs, rolling, window):
    found = rolling["BTC", "MSFT", window, "exchange_close"]
    assert found.index[0] == legs[0].index[window - 1]
    assert (found["n"] == window).all()
    assert len(found) == len(legs[0]) - window + 1


def with_correlation(r, n):
    """Two series of n values whose Pearson correlation is exactly r, up to rounding."""
    rng = np.random.default_rng(8)
    x, noise = rng.standard_normal((2, n))
    x -= x.mean()
    noise -= noise.mean()
    noise -= x * (noise @ x) / (x @ x)
    y = r * x / np.linalg.norm(x) + sqrt(1 - r * r) * noise / np.linalg.norm(noise)
    index = days("2025-01-01", n)
    return pd.Series(0.01 * x, index=index), pd.Series(0.01 * y, index=index)


@pytest.mark.parametrize(("r", "n", "low", "high"), [(0.73, 30, 0.50, 0.86), (0.50, 90, 0.33, 0.64)])
def test_fisher_interval(r, n, low, high):
    # Published test values, to their two digits.
    assert fisher(r, n) == pytest.approx((low, high), abs=0.005)
    x, y = with_correlation(r, n)
    found = correlations({("BTC", "exchange_close"): x, ("IGV", "exchange_close"): y})
    row = found["BTC", "IGV", n, "exchange_close"].iloc[0]
    assert row["correlation"] == pytest.approx(r, abs=1e-9)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx(fisher(r, n), abs=1e-9)


@pytest.mark.parametrize("sign", [1, -1])
def test_perfect_correlation_has_an_interval(legs, sign):
    x, _ = legs
    found = correlations({("BTC", "exchange_close"): x, ("IGV", "exchange_close"): sign * x})
    rows = found["BTC", "IGV", 30, "exchange_close"]
    np.testing.assert_allclose(rows["correlation"], sign, rtol=0, atol=1e-9)
    assert ((rows["ci_low"] >= -1) & (rows["ci_low"] <= rows["ci_high"]) & (rows["ci_high"] <= 1)).all()


@pytest.mark.parametrize("level", [0.0, 0.01])
def test_leg_that_does_not_move_has_no_correlation(legs, level):
    x, y = legs
    still = y.copy()
    still.iloc[40:80] = level
    market = Market("2025-12-31")
    returns_table(market, {("BTC", "exchange_close"): x, ("MSFT", "exchange_close"): still})
    month = market.table("marts.correlations", "window_sessions = 30").set_index("date")
    within = month.loc[x.index[69] : x.index[79]]
    assert (within["n"] == 30).all()
    # NULL, and not NaN, which a frame shows alike.
    unknown = "correlation is null and ci_low is null and ci_high is null"
    found = market.rows("marts.correlations", f"window_sessions = 30 and {unknown}")
    assert found["date"].tolist() == within.index.tolist()
    assert month.drop(within.index)["correlation"].notna().all()


def test_alignments_pair_with_the_exchange_close():
    dates = sessions_of("2025-03-03", "2025-04-30")
    rng = np.random.default_rng(4)

    def noise():
        return pd.Series(rng.normal(0, 0.01, len(dates)), index=dates)

    returns = {("BTC", a): noise() for a in ("exchange_close", "utc_day", "naive")}
    returns |= {("ETH", a): noise() for a in ("exchange_close", "utc_day", "naive")}
    returns |= {("MSFT", "exchange_close"): noise(), ("QQQ", "exchange_close"): noise()}
    found = correlations(returns)
    month = {(b, o, a) for b, o, window, a in found if window == 30}
    assert month == {
        *(("BTC", other, a) for other in ("MSFT", "QQQ") for a in ("exchange_close", "utc_day", "naive")),
        ("BTC", "ETH", "exchange_close"),
        ("BTC", "ETH", "utc_day"),
        *(("QQQ", "ETH", a) for a in ("exchange_close", "utc_day", "naive")),
        ("QQQ", "MSFT", "exchange_close"),
    }
    for base, other, alignment in month:
        x = returns.get((base, alignment), returns.get((base, "exchange_close")))
        y = returns.get((other, alignment), returns.get((other, "exchange_close")))
        rows = found[base, other, 30, alignment]
        oracle = x.rolling(30).corr(y).dropna()
        np.testing.assert_allclose(rows["correlation"], oracle, rtol=0, atol=1e-9)


def test_pair_of_two_bases_is_listed_once(legs):
    x, y = legs
    found = correlations({("BTC", "exchange_close"): x, ("QQQ", "exchange_close"): y})
    assert set(found) == {("BTC", "QQQ", window, "exchange_close") for window in (30, 90)}


def test_no_pair_without_a_base(legs):
    x, y = legs
    assert not correlations({("MSFT", "exchange_close"): x, ("CRM", "exchange_close"): y})


def test_a_day_missing_in_one_leg_is_missing_in_the_pair(legs):
    x, y = legs
    holey = y.drop(y.index[[10, 11, 50]])
    found = correlations({("BTC", "exchange_close"): x, ("MSFT", "exchange_close"): holey})
    rows = found["BTC", "MSFT", 30, "exchange_close"]
    both = x.loc[holey.index]
    oracle = both.rolling(30).corr(holey).dropna()
    assert rows.index.tolist() == oracle.index.tolist()
    np.testing.assert_allclose(rows["correlation"], oracle, rtol=0, atol=1e-9)


def test_returns_and_not_levels():
    """From prices through returns: two trending paths whose returns are independent do not look coupled."""
    rng = np.random.default_rng(6)
    dates = sessions_of("2025-01-02", "2025-12-30")
    market = Market("2025-12-31")
    paths = {s: np.exp(rng.normal(0.01, 0.01, len(dates)).cumsum()) for s in ("QQQ", "MSFT")}
    for symbol, path in paths.items():
        market.bars(symbol, dates, 100 * path)
    found = market.table("marts.correlations", "other_symbol = 'MSFT' and window_sessions = 90")
    steps = [pd.Series(np.diff(np.log(paths[s])), index=dates[1:]) for s in ("QQQ", "MSFT")]
    oracle = steps[0].rolling(90).corr(steps[1]).dropna()
    np.testing.assert_allclose(found["correlation"], oracle, rtol=0, atol=1e-9)
    assert found["correlation"].abs().max() < 0.5
    assert np.corrcoef(paths["QQQ"], paths["MSFT"])[0, 1] > 0.9
