"""Two pairs of random returns."""

import numpy as np
import pandas as pd
import pytest

from tests.stress_correlations.legs import DATES, legs_of


@pytest.fixture(scope="module")
def legs():
    """Two pairs of random returns with changing volatility, in a drawdown every other quarter."""
    rng = np.random.default_rng(31)
    pairs = []
    for other, n in [("IGV", len(DATES)), ("QQQ", len(DATES) - 40)]:
        x = rng.standard_t(4, n) * 0.01
        y = 0.8 * x + rng.normal(0, 0.02, n)
        drawdown = np.where(DATES[:n].quarter % 2, -0.12, -0.03)
        pairs.append(legs_of(x, y, drawdown=drawdown, other=other))
    return pd.concat(pairs, ignore_index=True)
