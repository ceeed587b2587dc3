"""The simulated bitcoin chain as BGeometrics' daily realized loss and profit."""

from datetime import timedelta

import numpy as np

from pipelines.sources.sample_chain import chain
from pipelines.sources.sample_market import SAMPLE_START, market
from pipelines.sources.sample_paths import DAY, Floats, unix
from pipelines.sources.sample_wire import Answer, Asked, as_json, whole_days

FIELDS = {"loss-usd": "realizedLossUsd", "profit-usd": "realizedProfitUsd"}
# Another method than the chain's own gives a little less, by a little more or less every day.
LEVEL, NOISE = 0.97, 0.01


def answer(asked: Asked) -> Answer:
    """The days of one metric, oldest first; losses are negative."""
    if asked.tail not in FIELDS:
        return as_json({"status": 404, "error": "Not Found", "path": f"/v1/realized-{asked.tail}"}, 404)
    kind = asked.tail.removesuffix("-usd")
    amounts = _daily(asked.seed, kind) * (-1 if kind == "loss" else 1)
    days = [day for day in range(len(amounts))[whole_days(asked, "startday", "endday")] if day > 0]
    size, page = int(asked.query.get("size", len(days))), int(asked.query.get("page", 0))
    shown = days[page * size : (page + 1) * size]
    return as_json([_row(day, FIELDS[asked.tail], amounts[day]) for day in shown])


def _daily(seed: int, kind: str) -> Floats:
    """Flows by day of the sample; the first has no day before it to differ from."""
    flows = np.diff(chain(seed)[f"realized_{kind}_cumulative"], prepend=0.0)
    noise = market(seed).generator(f"bgeometrics {kind}").standard_normal(len(flows))
    return flows * LEVEL * np.exp(NOISE * noise)


def _row(day: int, field: str, amount: float) -> dict[str, str | int]:
    written = (SAMPLE_START + timedelta(day)).isoformat()
    return {"d": written, "unixTs": unix(SAMPLE_START) + day * DAY, field: f"{amount:.2f}"}
