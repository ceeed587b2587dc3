"""The retrospective segmentation: where it cuts a hand-made path, and that it says what it is."""

import numpy as np
import pandas as pd
import pytest

from pipelines.breaks import correlation_breaks, segments
from pipelines.contracts import contracts
from tests.factories import Market, nulls, sessions_of
from tests.test_correlations import returns_table

SESSIONS = sessions_of("2022-01-03", "2025-12-31")


def blocks(correlations, other="QQQ"):
    """Blocks of 30 days, one after the other, with these correlations."""
    starts = pd.date_range("2022-01-01", periods=len(correlations), freq="30D")
    frame = pd.DataFrame({"start_date": starts, "end_date": starts + pd.Timedelta(days=29)})
    return frame.assign(base_symbol="BTC", other_symbol=other, correlation=correlations)


def test_cuts_where_the_correlation_changes():
    found = correlation_breaks(blocks([0.1, 0.0, 0.1, 0.0, 0.7, 0.6, 0.7]))
    # The fifth block begins 4 * 30 days after the first.
    assert found["start_date"].tolist() == [pd.Timestamp("2022-01-01"), pd.Timestamp("2022-05-01")]
    assert found["end_date"].iloc[0] == pd.Timestamp("2022-04-30")
    assert nulls(found["end_date"].iloc[1:])
    assert found["n_sessions"].tolist() == [120, 90]
    # The mean is of Fisher's z: tanh((atanh 0.1 + 0 + atanh 0.1 + 0) / 4), atanh 0.1 = 0.10034.
    assert found["mean_correlation"].iloc[0] == pytest.approx(np.tanh(0.05016767), abs=1e-7)


def test_one_odd_block_is_no_segment():
    assert len(correlation_breaks(blocks([0.1, 0.0, 0.1, 0.6, 0.1, 0.0]))) == 1


@pytest.mark.parametrize("step", [0.3, 0.6])
def test_a_break_must_pay_for_itself(step):
    # Three blocks at 0 and three at z: joining them costs 6 * (z / 2) ** 2 = 1.5 z ** 2; a break costs
    # 2 * ln(6) / 27 = 0.1327, so it is worth it above z = 0.2975.
    z = np.array([0.0] * 3 + [step] * 3)
    assert len(set(segments(z))) == 2
    assert len(set(segments(z * 0.29 / step))) == 1


@pytest.mark.parametrize("n", [1, 2, 3])
def test_too_few_blocks_are_one_segment(n):
    assert segments(np.linspace(-2, 2, n)).tolist() == [0] * n


def test_each_pair_is_cut_on_its_own():
    both = pd.concat([blocks([0.0] * 4 + [0.8] * 4), blocks([0.8] * 5, other="IGV")], ignore_index=True)
    found = correlation_breaks(both)
    assert found.groupby("other_symbol").size().to_dict() == {"QQQ": 2, "IGV": 1}
    assert found["end_date"].isna().sum() == 2


def test_a_perfect_correlation_is_finite():
    assert np.isfinite(correlation_breaks(blocks([1.0] * 4 + [0.0] * 4))["mean_correlation"]).all()


def test_from_returns_to_segments_of_bitcoin_with_qqq_and_igv_only():
    rng = np.random.default_rng(3)
    x, noise = rng.normal(0, 0.02, (2, len(SESSIONS)))
    # Coupled from the session 450 on, which begins the sixteenth block.
    follows = np.arange(len(SESSIONS)) >= 450
    y = np.where(follows, 0.8 * x + 0.6 * noise, noise)
    legs = {"BTC": x, "QQQ": y, "IGV": noise, "SPY": y}
    market = returns_table(
        Market("2025-12-31"), {(s, "exchange_close"): pd.Series(v, index=SESSIONS) for s, v in legs.items()}
    )
    found = market.table("marts.correlation_breaks").set_index("other_symbol")
    assert set(found.index) == {"QQQ", "IGV"}
    assert set(found["base_symbol"]) == {"BTC"}
    assert found.loc["QQQ", "start_date"].tolist() == [SESSIONS[0], SESSIONS[450]]
    assert found.loc["QQQ", "end_date"].iloc[0] == SESSIONS[449]
    # 1004 sessions are 33 blocks; the 14 sessions of the unfinished one do not count.
    assert found.loc["QQQ", "n_sessions"].tolist() == [450, 540]
    assert found.loc["QQQ", "mean_correlation"].iloc[1] == pytest.approx(0.8, abs=0.06)


def test_a_leg_that_does_not_move_has_no_block():
    flat = pd.Series(0.0, index=SESSIONS)
    market = returns_table(Market("2025-12-31"), {("BTC", "exchange_close"): flat, ("QQQ", "exchange_close"): flat})
    assert market.table("marts.correlation_breaks").empty


def test_it_says_that_it_looks_ahead():
    assert correlation_breaks(blocks([0.1] * 4))["is_retrospective"].all()
    assert contracts()["marts.correlation_breaks"].description.startswith("RETROSPECTIVE")
