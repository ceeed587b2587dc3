"""Correlation breaks: a retrospective segmentation, as a cross-check of the regimes. A pure function of a frame."""

import logging
import math
from importlib.util import find_spec
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

log = logging.getLogger("scaretrade")

PAIR = ["base_symbol", "other_symbol"]
BLOCK_SESSIONS = 30
MINIMUM_BLOCKS = 2

# Blocks do not overlap, so that their correlations are independent of each other; the unfinished one is left out.
BLOCK_CORRELATIONS = f"""
with numbered as (
    select *, row_number() over (partition by base_symbol, other_symbol order by date) - 1 as position
    from core.benchmark_pairs
    where base_symbol = 'BTC' and other_symbol in ('QQQ', 'IGV')
)
select
    base_symbol, other_symbol, min(date) as start_date, max(date) as end_date,
    corr(base_return, other_return) as correlation
from numbered
group by base_symbol, other_symbol, position // {BLOCK_SESSIONS}
having count(*) = {BLOCK_SESSIONS} and not isnan(corr(base_return, other_return))
order by base_symbol, other_symbol, start_date
"""


def correlation_breaks(blocks: pd.DataFrame) -> pd.DataFrame:
    """Rows of `marts.correlation_breaks`: each pair's segments of equal correlation, from BLOCK_CORRELATIONS.

    Without the change-point library, which supports a new Python late, there are none, and a line says so.
    """
    if find_spec("ruptures") is None:
        log.warning("marts.correlation_breaks: left out, since ruptures is not installed for this Python")
        blocks = blocks.iloc[:0]
    z = np.arctanh(blocks["correlation"].clip(-0.999999999999, 0.999999999999))
    segment = z.groupby([blocks[c] for c in PAIR], sort=False).transform(lambda pair: segments(pair.to_numpy()))
    found = (
        blocks.assign(z=z)
        .groupby([*PAIR, segment.rename("segment")], sort=False)
        .agg(start_date=("start_date", "first"), end_date=("end_date", "last"), z=("z", "mean"), n=("z", "size"))
        .reset_index()
    )
    is_newest = ~found.duplicated(PAIR, keep="last")
    return found.assign(
        end_date=found["end_date"].mask(is_newest),
        mean_correlation=np.tanh(found["z"]),
        n_sessions=found["n"] * BLOCK_SESSIONS,
        is_retrospective=True,
    ).drop(columns=["segment", "z", "n"])


def segments(z: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """The number of each value's segment: changes of the mean by PELT, as many as the Bayesian criterion allows."""
    import ruptures

    if len(z) < 2 * MINIMUM_BLOCKS:
        return np.zeros(len(z), dtype=np.int64)
    # Fisher's z has the variance 1 / (n - 3) by theory; a change adds two parameters, its place and a mean.
    penalty = 2 * math.log(len(z)) / (BLOCK_SESSIONS - 3)
    ends = ruptures.Pelt(model="l2", min_size=MINIMUM_BLOCKS, jump=1).fit(z).predict(pen=penalty)
    return np.repeat(np.arange(len(ends)), [b - a for a, b in pairwise([0, *ends])])
