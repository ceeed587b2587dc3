"""Columns for JSON, small: what repeats is listed once."""

import math
from datetime import date
from typing import Any

from pipelines.report.answers import Columns


def packed(columns: Columns) -> dict[str, Any]:
    """Columns by name, each packed; report.js unpacks them."""
    return {name: pack(values) for name, values in columns.items()}


def pack(values: list[Any]) -> Any:
    """A column as it is, or as its distinct values and each row's place among them, where they repeat."""
    if not any(isinstance(v, str | date) for v in values):
        return [None if isinstance(v, float) and not math.isfinite(v) else v for v in values]
    distinct = list(dict.fromkeys(values))
    if 2 * len(distinct) > len(values):
        return values
    place = {value: n for n, value in enumerate(distinct)}
    return {"distinct": distinct, "rows": [place[v] for v in values]}
