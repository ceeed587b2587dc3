"""Correlation regimes: the state machine on hand-made sequences, and its spells."""

import numpy as np
import pandas as pd
import pytest

from pipelines.regimes import MINIMUM_STAY, correlation_regimes, label_states, spells
from tests.factories import Market, days, stamp

NAN = float("nan")
HIGH = (0.7, 0.4, 0.9)  # whole interval above 0.3
MIDDLE = (0.5, 0.2, 0.7)  # enters nothing, leaves nothing
LOW = (0.2, -0.1, 0.5)  # below 0.35: leaves coupled
MISSING = (NAN, NAN, NAN)
STATES = {"c": "coupled", "d": "decoupled", "i": "inverse"}


def mirrored(bounds):
    correlation, low, high = bounds
    return -correlation, -high, -low


def letters(bounds):
    """The states' first letters."""
    return "".join(state[0] for state in label_states(bounds))


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ([LOW] * 5, "ddddd"),
        # The first label needs no stay: it holds from the first session on.
        ([HIGH], "c"),
        ([LOW, HIGH], "dc"),
        # Hysteresis: an interval below 0.3 does not end it, the correlation below 0.35 does.
        ([HIGH] + [MIDDLE] * 15, "c" + "c" * 15),
        ([MIDDLE] * 15 + [HIGH], "d" * 15 + "c"),
        ([HIGH] * 10 + [LOW], "c" * 10 + "d"),
        # Minimum stay: entered at once, left after ten sessions and not before.
        ([HIGH] + [LOW] * 12, "c" * 10 + "d" * 3),
        ([HIGH] * 9 + [LOW] * 2, "c" * 10 + "d"),
        # The state left into has to be stayed in as well.
        ([HIGH] * 10 + [LOW] + [HIGH] * 11, "c" * 10 + "d" * 10 + "c" * 2),
        # A wish that passes before the stay is over is not remembered.
        ([HIGH] + [LOW] * 5 + [MIDDLE] * 10, "c" * 16),
        # A missing correlation keeps the state, and counts as stay.
        ([HIGH] * 10 + [MISSING] * 5 + [MIDDLE], "c" * 16),
        ([HIGH] + [MISSING] * 9 + [LOW], "c" * 10 + "d"),
        ([MISSING] * 3 + [HIGH], "dddc"),
        ([], ""),
    ],
)
def test_states(bounds, expected):
    assert letters(bounds) == expected
    # Inverse mirrors coupled.
    assert letters([mirrored(b) for b in bounds]) == expected.replace("c", "i")


def test_from_coupled_straight_to_inverse():
    assert letters([HIGH] * 10 + [mirrored(HIGH)] * 3) == "c" * 10 + "i" * 3
    assert letters([HIGH] * 3 + [mirrored(HIGH)] * 9) == "c" * 10 + "i" * 2


@pytest.mark.parametrize(
    ("bounds", "state"),
    [
        ((0.6, 0.3, 0.8), "decoupled"),  # exactly 0.3 does not enter
        ((0.6, 0.3000001, 0.8), "coupled"),
        ((-0.6, -0.8, -0.3), "decoupled"),
        ((-0.6, -0.8, -0.3000001), "inverse"),
    ],
)
def test_enter_threshold(bounds, state):
    assert label_states([bounds]) == [state]


@pytest.mark.parametrize(("correlation", "expected"), [(0.35, "coupled"), (0.3499999, "decoupled")])
def test_leave_threshold(correlation, expected):
    assert label_states([HIGH] * 10 + [(correlation, 0.0, 0.6)])[-1] == expected


def test_state_uses_nothing_after_it():
    rng = np.random.default_rng(1)
    r = np.clip(np.sin(np.arange(300) / 25) * 0.8 + rng.normal(0, 0.2, 300), -0.99, 0.99)
    bounds = [(x, x - 0.25, x + 0.25) for x in r]
    whole = label_states(bounds)
    assert set(whole) == set(STATES.values())
    for n in range(0, 300, 7):
        assert label_states(bounds[:n]) == whole[:n]


def test_every_state_but_the_last_stays():
    rng = np.random.default_rng(3)
    states = pd.Series(label_states([(x, x - 0.1, x + 0.1) for x in rng.uniform(-1, 1, 2000)]))
    lengths = states.groupby((states != states.shift()).cumsum()).size()
    assert len(lengths) > 50
    # The first spell is from before the first label and may be short.
    assert lengths.iloc[1:-1].min() >= MINIMUM_STAY == 10


def frame(bounds, base="BTC", other="QQQ", window=30, alignment="exchange_close", method="pearson"):
    rows = pd.DataFrame(bounds, columns=["correlation", "ci_low", "ci_high"])
    return rows.assign(
        base_symbol=base,
        other_symbol=other,
        window_sessions=window,
        alignment=alignment,
        method=method,
        date=days("2025-01-01", len(rows)),
        n=window,
    )


def test_spells():
    found = correlation_regimes(frame([LOW] * 3 + [HIGH] * 12 + [LOW] * 2))
    assert found["state"].tolist() == ["decoupled", "coupled", "decoupled"]
    assert found["start_date"].tolist() == [stamp("2025-01-01"), stamp("2025-01-04"), stamp("2025-01-16")]
    assert found["end_date"].tolist()[:2] == [stamp("2025-01-03"), stamp("2025-01-15")]
    assert pd.isna(found["end_date"].iloc[2])
    assert found["n_sessions"].tolist() == [3, 12, 2]
    assert found["mean_correlation"].tolist() == pytest.approx([0.2, 0.7, 0.2])


def test_missing_correlations_stay_in_the_spell_but_not_in_its_mean():
    found = correlation_regimes(frame([HIGH] * 2 + [MISSING] * 2 + [(0.9, 0.8, 0.95)]))
    assert found["n_sessions"].tolist() == [5]
    assert found["mean_correlation"].tolist() == pytest.approx([(0.7 + 0.7 + 0.9) / 3])


def test_each_pair_is_labelled_on_its_own():
    # QQQ ends coupled; MSFT and the other window begin afresh, decoupled.
    parts = [frame([HIGH] * 5), frame([MIDDLE] * 5, other="MSFT"), frame([MIDDLE] * 4, window=90)]
    found = correlation_regimes(pd.concat(parts, ignore_index=True))
    keys = zip(found["other_symbol"], found["window_sessions"], found["state"], found["n_sessions"], strict=True)
    assert set(keys) == {
        ("QQQ", 30, "coupled", 5),
        ("MSFT", 30, "decoupled", 5),
        ("QQQ", 90, "decoupled", 4),
    }
    assert found["end_date"].isna().all()


def test_only_the_close_aligned_pearson_is_labelled():
    market = Market("2026-01-31")
    market.build("marts.correlations")
    parts = [frame([LOW] * 4), frame([HIGH] * 6, alignment="naive"), frame([MIDDLE] * 3, other="MSFT")]
    market.warehouse.insert("marts.correlations", pd.concat(parts).sample(frac=1, random_state=1))
    found = market.table("marts.correlation_regimes")
    assert found[["other_symbol", "state", "n_sessions"]].to_numpy().tolist() == [
        ["MSFT", "decoupled", 3],
        ["QQQ", "decoupled", 4],
    ]
    assert found["start_date"].tolist() == [stamp("2025-01-01")] * 2


def test_lengths_sum_to_the_sessions():
    rng = np.random.default_rng(9)
    parts = []
    for k, other in enumerate(["QQQ", "MSFT", "CRM"]):
        r = np.clip(np.cumsum(rng.normal(0, 0.08, 400 + k)) % 2 - 1, -0.99, 0.99)
        parts.append(frame([(x, x - 0.2, x + 0.2) for x in r], other=other))
    found = correlation_regimes(pd.concat(parts, ignore_index=True))
    assert found.groupby("other_symbol")["n_sessions"].sum().to_dict() == {"QQQ": 400, "MSFT": 401, "CRM": 402}
    assert found["end_date"].isna().sum() == 3
    for _, pair in found.groupby("other_symbol"):
        assert (pair["state"].to_numpy()[1:] != pair["state"].to_numpy()[:-1]).all()
        follows = pair["start_date"].to_numpy()[1:] - pair["end_date"].to_numpy()[:-1]
        assert (follows == np.timedelta64(1, "D")).all()
        assert len(pair) > 2


def test_spells_of_one_state_have_one_row():
    labelled = frame([LOW] * 3).assign(state="decoupled")
    found = spells(labelled, np.array([True, False, False]))
    assert found["n_sessions"].tolist() == [3]


def test_no_correlations_no_spells():
    assert correlation_regimes(frame([])).empty
