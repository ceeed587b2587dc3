"""Rolling correlations and their Fisher intervals, against pandas, scipy and the formula written out."""

from math import atanh, sqrt, tanh

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr, spearmanr

from pipelines.universe import UNIVERSE_FILE
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


def correlations(returns, method="pearson"):
    """marts.correlations of given returns, by pair."""
    found = returns_table(Market("2025-12-31"), returns).table("marts.correlations", f"method = '{method}'")
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
    month = market.table("marts.correlations", "window_sessions = 30 and method = 'pearson'").set_index("date")
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


# Spearman's and the exponentially weighted correlation, which stand beside Pearson's.


@pytest.fixture(scope="module")
def beside(legs):
    """All methods of BTC with QQQ at the New York close, the second leg rounded so that it has ties."""
    x, y = legs
    market = returns_table(Market("2025-12-31"), {("BTC", "exchange_close"): x, ("QQQ", "exchange_close"): y.round(2)})
    found = market.table("marts.correlations")
    return {key: rows.set_index("date") for key, rows in found.groupby(["method", "window_sessions"])}


@pytest.mark.parametrize("window", [30, 90])
def test_spearman_agrees_with_scipy(legs, beside, window):
    x, y = legs[0], legs[1].round(2)
    found = beside["spearman", window]
    assert found.index.tolist() == x.index[window - 1 :].tolist()
    assert (found["n"] == window).all()
    oracle = [
        spearmanr(x.iloc[end - window : end], y.iloc[end - window : end]).statistic for end in range(window, len(x) + 1)
    ]
    np.testing.assert_allclose(found["correlation"], oracle, rtol=0, atol=1e-9)
    assert y.iloc[:window].duplicated().any()


def test_spearman_hears_the_order_only(legs):
    x, _ = legs
    market = returns_table(Market("2025-12-31"), {("BTC", "exchange_close"): x, ("QQQ", "exchange_close"): -(x**3)})
    rows = market.table("marts.correlations", "window_sessions = 30").set_index("method")
    np.testing.assert_allclose(rows.loc["spearman", "correlation"], -1, rtol=0, atol=1e-12)
    assert (rows.loc["pearson", "correlation"] > -0.97).any()


def test_spearman_interval():
    # z = atanh(0.5) = 0.5493, se = sqrt((1 + 0.25 / 2) / 27) = 0.2041, so z is within 0.1493 and 0.9494.
    assert bonett_wright(0.5, 30) == pytest.approx((0.1482, 0.7395), abs=1e-4)


def bonett_wright(r, n):
    """Fisher's interval with the standard error that Bonett and Wright (2000) give for Spearman's rho."""
    z, error = atanh(r), sqrt((1 + r * r / 2) / (n - 3))
    return tanh(z - 1.959963984540054 * error), tanh(z + 1.959963984540054 * error)


@pytest.mark.parametrize(
    ("method", "window", "interval"),
    [("spearman", 30, bonett_wright), ("spearman", 90, bonett_wright), ("ewma", 32, fisher), ("pearson", 90, fisher)],
)
def test_each_method_has_its_own_interval(beside, method, window, interval):
    for row in beside[method, window].itertuples():
        assert row.n == window
        assert (row.ci_low, row.ci_high) == pytest.approx(interval(row.correlation, window), abs=1e-12)


def test_ewma_is_the_recursion(legs, beside):
    x, y = legs[0], legs[1].round(2)
    covariance = variance_x = variance_y = 0.0
    expected = {}
    for date, a, b in zip(x.index, x, y, strict=True):
        covariance = 0.94 * covariance + 0.06 * a * b
        variance_x = 0.94 * variance_x + 0.06 * a * a
        variance_y = 0.94 * variance_y + 0.06 * b * b
        expected[date] = covariance / sqrt(variance_x * variance_y)
    found = beside["ewma", 32]["correlation"]
    assert found.index.tolist() == x.index[89:].tolist()
    np.testing.assert_allclose(found, [expected[date] for date in found.index], rtol=0, atol=1e-9)


def test_ewma_agrees_with_pandas_from_a_start_at_zero(legs, beside):
    x, y = legs[0], legs[1].round(2)

    def mean(products):
        return pd.concat([pd.Series([0.0]), products]).ewm(alpha=0.06, adjust=False).mean().iloc[1:]

    oracle = mean(x * y) / np.sqrt(mean(x * x) * mean(y * y))
    np.testing.assert_allclose(beside["ewma", 32]["correlation"], oracle.iloc[89:], rtol=0, atol=1e-9)


def test_ewma_has_forgotten_where_it_began(legs, beside):
    # What began it weighs 0.94 ** 90 = 0.0038: another start, at the first product, moves little.
    x, y = legs[0], legs[1].round(2)
    began = [p.ewm(alpha=0.06, adjust=False).mean() for p in (x * y, x * x, y * y)]
    other = (began[0] / np.sqrt(began[1] * began[2])).iloc[89:]
    assert 1e-9 < (beside["ewma", 32]["correlation"] - other).abs().max() < 0.02


@pytest.mark.parametrize(("method", "window"), [("spearman", 30), ("ewma", 32)])
def test_no_other_method_where_a_leg_never_moves(legs, method, window):
    x, y = legs
    market = Market("2025-12-31")
    returns_table(market, {("BTC", "exchange_close"): x, ("QQQ", "exchange_close"): 0 * y})
    rows = market.table("marts.correlations", f"method = '{method}' and window_sessions = {window}")
    unknown = f"method = '{method}' and window_sessions = {window} and correlation is null and ci_low is null"
    assert len(market.rows("marts.correlations", f"{unknown} and ci_high is null")) == len(rows) > 100


def test_other_methods_are_close_aligned_and_against_benchmarks_and_baskets(legs):
    x, y = legs
    others = {(s, "exchange_close"): y for s in ("MSFT", "QQQ", "IGV", "VIX", "ETH", "basket:saas")}
    sampled = {("BTC", a): x for a in ("exchange_close", "utc_day", "naive")}
    for method in ("spearman", "ewma"):
        found = correlations(sampled | others, method)
        assert {alignment for *_, alignment in found} == {"exchange_close"}
        assert {(base, other) for base, other, *_ in found} == {
            *(("BTC", other) for other in ("QQQ", "IGV", "VIX", "basket:saas")),
            *(("QQQ", other) for other in ("IGV", "VIX", "basket:saas")),
        }


def test_windows_come_from_the_universe(legs, tmp_path, monkeypatch):
    file = tmp_path / "universe.yaml"
    text = UNIVERSE_FILE.read_text()
    assert text.count("correlation_windows: [30, 90]") == 1
    file.write_text(text.replace("correlation_windows: [30, 90]", "correlation_windows: [45, 8, 45]"))
    monkeypatch.setenv("SCARETRADE_UNIVERSE", str(file))
    x, y = legs
    returns = {("BTC", "exchange_close"): x, ("QQQ", "exchange_close"): y}
    assert set(correlations(returns)) == {("BTC", "QQQ", window, "exchange_close") for window in (8, 45)}
    found = correlations(returns, "spearman")["BTC", "QQQ", 8, "exchange_close"]
    assert len(found) == len(x) - 7
    oracle = x.rolling(45).corr(y).dropna()
    pearson = correlations(returns)["BTC", "QQQ", 45, "exchange_close"]
    np.testing.assert_allclose(pearson["correlation"], oracle, rtol=0, atol=1e-9)


def test_fisher_interval_is_a_lower_bound_of_the_width():
    """Where volatility comes in bursts that both legs share, resampled blocks of ten sessions vary more."""
    rng = np.random.default_rng(12)
    wider = []
    for _ in range(40):
        bursts = np.exp(pd.Series(rng.normal(0, 0.3, 90)).ewm(alpha=0.1).mean() * 6).to_numpy()
        x, noise = rng.standard_normal((2, 90)) * bursts
        y = 0.5 * x + 0.87 * noise
        starts = rng.integers(0, 81, (500, 9))
        draws = (starts[:, :, None] + np.arange(10)).reshape(500, 90)
        resampled = np.arctanh([np.corrcoef(x[d], y[d])[0, 1] for d in draws])
        wider.append(np.std(resampled) * sqrt(90 - 3))
    assert np.median(wider) > 1.15
