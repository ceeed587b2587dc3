"""Correlation regimes: a state machine with hysteresis, which SQL cannot say plainly. Pure functions of frames."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

ENTER_BOUND = 0.3
LEAVE_CORRELATION = 0.35
MINIMUM_STAY = 10
PAIR = ["base_symbol", "other_symbol", "window_sessions"]
STATES = ("decoupled", "coupled", "inverse")
DECOUPLED, COUPLED, INVERSE = range(3)

Floats = npt.NDArray[np.float64]


def label_states(bounds: Iterable[Sequence[float]]) -> list[str]:
    """The state of each session from its (correlation, ci_low, ci_high), using nothing after it.

    Coupled is entered when the whole 95 % interval lies above 0.3 and left when the correlation falls below 0.35;
    inverse mirrors it. A new state stays at least 10 sessions; a missing correlation keeps the state.
    """
    correlation, low, high = np.array([*bounds], dtype=float).reshape(-1, 3).T
    return [STATES[code] for code in state_codes(correlation, low, high)]


def state_codes(correlation: Floats, low: Floats, high: Floats) -> npt.NDArray[np.int8]:
    """The states of label_states by their place in STATES, found by jumping from change to change."""
    coupled, inverse = low > ENTER_BOUND, high < -ENTER_BOUND
    wanted = np.where(coupled, COUPLED, np.where(inverse, INVERSE, DECOUPLED))
    leaves = {
        DECOUPLED: np.flatnonzero(coupled | inverse),
        COUPLED: np.flatnonzero(~coupled & (inverse | (correlation < LEAVE_CORRELATION))),
        INVERSE: np.flatnonzero(~inverse & (coupled | (correlation > -LEAVE_CORRELATION))),
    }
    codes = np.full(len(low), DECOUPLED, dtype=np.int8)
    state, earliest = DECOUPLED, 0
    while (found := leaves[state].searchsorted(earliest)) < len(leaves[state]):
        change = leaves[state][found]
        state, earliest = int(wanted[change]), change + MINIMUM_STAY
        codes[change:] = state
    return codes


def correlation_regimes(correlations: pd.DataFrame) -> pd.DataFrame:
    """Spells of every pair and window, from correlations sorted by pair and date: `marts.correlation_regimes`."""
    first_of_pair = (~correlations.duplicated(PAIR)).to_numpy()
    starts = [*first_of_pair.nonzero()[0], len(correlations)]
    bounds = [correlations[name].to_numpy() for name in ("correlation", "ci_low", "ci_high")]
    pairs = [state_codes(*(bound[a:b] for bound in bounds)) for a, b in pairwise(starts)]
    states = pd.Categorical.from_codes(np.concatenate([np.empty(0, dtype=np.int8), *pairs]), pd.Index(STATES))
    return spells(correlations.assign(state=states), first_of_pair)


def spells(labelled: pd.DataFrame, first_of_pair: npt.NDArray[np.bool_]) -> pd.DataFrame:
    """Runs of equal state within each pair; the last of a pair is open and has no end."""
    codes, _ = pd.factorize(labelled["state"])
    changes = np.diff(codes, prepend=-1) != 0
    number = (first_of_pair | changes).cumsum()
    found = (
        labelled.groupby(number)
        .agg(
            **{c: (c, "first") for c in [*PAIR, "state"]},
            start_date=("date", "first"),
            end_date=("date", "last"),
            mean_correlation=("correlation", "mean"),
            n_sessions=("date", "size"),
        )
        .reset_index(drop=True)
    )
    is_last = ~found.duplicated(PAIR, keep="last")
    return found.assign(state=found["state"].astype("str"), end_date=found["end_date"].mask(is_last))
