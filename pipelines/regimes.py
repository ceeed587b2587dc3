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


def label_states(bounds: Iterable[Sequence[float]]) -> list[str]:
    """The state of each session from its (correlation, ci_low, ci_high), using nothing after it.

    Coupled is entered when the whole 95 % interval lies above 0.3 and left when the correlation falls below 0.35;
    inverse mirrors it. A new state stays at least 10 sessions; a missing correlation keeps the state.
    """
    state, stay, states = "decoupled", MINIMUM_STAY, []
    for correlation, low, high in bounds:
        wanted = _wanted(state, correlation, low, high)
        if wanted != state and stay >= MINIMUM_STAY:
            state, stay = wanted, 0
        stay += 1
        states.append(state)
    return states


def _wanted(state: str, correlation: float, low: float, high: float) -> str:
    if low > ENTER_BOUND:
        return "coupled"
    if high < -ENTER_BOUND:
        return "inverse"
    leaves_coupled = state == "coupled" and correlation < LEAVE_CORRELATION
    leaves_inverse = state == "inverse" and correlation > -LEAVE_CORRELATION
    return "decoupled" if leaves_coupled or leaves_inverse else state


def correlation_regimes(correlations: pd.DataFrame) -> pd.DataFrame:
    """Spells of every pair and window, from correlations sorted by pair and date: `marts.correlation_regimes`."""
    first_of_pair = (~correlations.duplicated(PAIR)).to_numpy()
    starts = [*first_of_pair.nonzero()[0], len(correlations)]
    bounds = correlations[["correlation", "ci_low", "ci_high"]].to_numpy()
    states = [state for a, b in pairwise(starts) for state in label_states(bounds[a:b].tolist())]
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
    return found.assign(end_date=found["end_date"].mask(is_last))
