"""Which UTC day a block is of."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Days = npt.NDArray[np.datetime64]


def running_days(times: Sequence[int], latest: int = 0) -> Days:
    """UTC days of consecutive blocks from their header times (seconds), `latest` being the highest time before them.

    A header's time may lie before its parent's, so that days by time alone would go back and forth. The running
    maximum never does, which makes each day one unbroken stretch of heights (the day BRK gives a block, too).
    """
    seconds = np.maximum.accumulate(np.asarray([latest, *times], dtype="int64"))[1:]
    return seconds.astype("datetime64[s]").astype("datetime64[D]")
