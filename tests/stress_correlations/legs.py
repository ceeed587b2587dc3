"""Returns of pairs as the computation takes them, and episodes."""

import pandas as pd

from pipelines.contracts import contracts
from pipelines.stress import conditions
from tests.factories import sessions_of

NAME = "marts.stress_correlations"
KEY = contracts()[NAME].grain
DATES = sessions_of("2023-07-03", "2025-12-31")
EPISODES = pd.DataFrame(
    {
        "episode": ["spring", "autumn", "still_lasting", "yet_to_come"],
        "name": ["Spring", "Autumn", "Still lasting", "Yet to come"],
        "start_date": pd.to_datetime(["2024-03-09", "2025-09-02", "2025-12-10", "2026-05-01"]),
        "end_date": pd.to_datetime(["2024-05-12", "2025-10-15", None, None]),
    }
)


def legs_of(x, y, dates=DATES, drawdown=0.0, other="QQQ"):
    """Rows as STRESS_LEGS gives them: x is the equity leg, y bitcoin."""
    frame = pd.DataFrame({"date": dates[: len(x)], "base_return": y, "other_return": x, "drawdown_before": drawdown})
    frame.insert(0, "base_symbol", "BTC")
    frame.insert(1, "other_symbol", other)
    return frame


def labels_of(legs, condition, episodes=EPISODES):
    return conditions(legs, legs.groupby(["base_symbol", "other_symbol"]).ngroup(), episodes)[condition]
