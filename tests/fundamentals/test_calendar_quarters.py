"""The calendar quarter that a fiscal quarter counts for."""

import numpy as np
import pandas as pd
import pytest

from tests.factories import Market, stamp
from tests.fundamentals.figures import REVENUES, file


@pytest.mark.parametrize(
    ("end", "quarter"),
    [
        ("2025-06-30", "2025-06-30"),
        ("2025-01-26", "2024-12-31"),
        ("2025-09-27", "2025-09-30"),
        ("2025-05-31", "2025-06-30"),
        ("2025-10-31", "2025-09-30"),
    ],
)
def test_calendar_quarter_of_the_companies_calendars(end, quarter):
    fact = (REVENUES, stamp(end) - pd.Timedelta(days=90), end, 1)
    found = file(Market("2026-12-31"), "NVDA", "2025-12-31", fact).table("core.fundamentals")
    assert list(found["calendar_quarter"]) == [stamp(quarter)]


def test_calendar_quarter_is_the_nearest_of_any_day():
    ends = pd.date_range("2023-01-01", "2025-12-31")
    facts = [(REVENUES, end - pd.Timedelta(days=90), end, 1) for end in ends]
    found = file(Market("2026-12-31"), "NVDA", "2026-02-01", *facts).table("core.fundamentals")
    quarter_ends = pd.date_range("2022-09-30", "2026-06-30", freq="QE").to_numpy()
    distances = np.abs(found["period_end"].to_numpy()[:, None] - quarter_ends)
    chosen = np.abs(found["period_end"] - found["calendar_quarter"]).to_numpy()
    assert len(found) == len(ends)
    assert (chosen == distances.min(axis=1)).all()
    assert set(found["calendar_quarter"]) <= set(quarter_ends)
