"""Simulated releases of models as models.dev lists them."""

from datetime import date, timedelta
from typing import Any

import numpy as np

from pipelines.sources.sample_market import SAMPLE_END, market
from pipelines.sources.sample_paths import DAY, unix
from pipelines.sources.sample_wire import Answer, Asked, as_json

FIRST_RELEASE = date(2022, 12, 1)
MODELS = 40
LABS = ("lab-a", "lab-b", "lab-c", "lab-d")
# Entries without a release date, and one of which only the month is known.
UNDATED, MONTH_ONLY = (13, 29), (8,)


def answer(asked: Asked) -> Answer:
    """Every model released so far, the undated ones from their undisclosed day on."""
    rng = market(asked.seed).generator("models")
    # Releases come faster with time: a day's chance grows in proportion to the days since the beginning.
    ages = np.sort(np.sqrt(rng.random(MODELS)))
    ages = np.interp(ages, ages[[0, -1]], [0, (SAMPLE_END - FIRST_RELEASE).days])
    labs = rng.integers(0, len(LABS), MODELS).tolist()
    days = [FIRST_RELEASE + timedelta(int(age)) for age in ages]
    entries = [_entry(i, LABS[lab], day) for i, (lab, day) in enumerate(zip(labs, days, strict=True), start=1)]
    shown = [entry for entry, day in zip(entries, days, strict=True) if unix(day) + DAY <= asked.as_of]
    return as_json({entry["id"]: entry for entry in shown})


def _entry(number: int, lab: str, day: date) -> dict[str, Any]:
    known = {} if number in UNDATED else {"release_date": f"{day:%Y-%m}" if number in MONTH_ONLY else f"{day}"}
    return {
        "id": f"{lab}/simulated-model-{number}",
        "name": f"Simulated model {number}",
        "family": "simulated",
        **known,
        "last_updated": f"{day}",
        "attachment": True,
        "reasoning": number > MODELS // 2,
        "temperature": True,
        "tool_call": True,
        "open_weights": lab == LABS[-1],
        "limit": {"context": 200_000, "output": 64_000},
        "modalities": {"input": ["text"], "output": ["text"]},
    }
