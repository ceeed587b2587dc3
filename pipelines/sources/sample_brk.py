"""The simulated bitcoin chain as Bitcoin Research Kit's daily series in bulk."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from pipelines.sources.sample_chain import chain
from pipelines.sources.sample_market import SAMPLE_START
from pipelines.sources.sample_paths import DAY
from pipelines.sources.sample_wire import Answer, Asked, as_json, completed

ZERO = date(2009, 1, 1)


def answer(asked: Asked) -> Answer:
    """The series asked for by name, all over the same days."""
    names = [name for name in asked.query.get("series", "").split(",") if name]
    if asked.query.get("index") not in ("day1", "1d", "day", "date"):
        return _error(400, "series_unsupported_index", "only index=day1 is simulated")
    unknown = [name for name in names if name != "date" and name not in chain(asked.seed)]
    if unknown or not names:
        return _error(404, "series_not_found", f"{unknown} not found")
    size = (SAMPLE_START - ZERO).days + min(completed(asked.as_of, DAY), len(chain(asked.seed)["price"]))
    start = min(max(_day(asked.query.get("start"), 0), 0), size)
    end = min(max(_day(asked.query.get("end"), size), start), size)
    cells = [_cells(asked, name, start, end) for name in names]
    return as_json(cells if len(cells) > 1 else cells[0])


def _error(status: int, code: str, text: str) -> Answer:
    kind = "not_found" if status == 404 else "invalid_request"
    return as_json({"error": {"type": kind, "code": code, "message": text, "doc_url": "/api"}}, status)


def _day(text: str | None, default: int) -> int:
    return (date.fromisoformat(text) - ZERO).days if text else default


def _cells(asked: Asked, name: str, start: int, end: int) -> dict[str, Any]:
    """One series of the answer."""
    return {
        "version": 1,
        "index": "day1",
        "type": {"date": "Date", "supply": "Bitcoin"}.get(name, "Dollars"),
        "start": start,
        "end": end,
        "stamp": datetime.fromtimestamp(asked.as_of, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "data": _dates(start, end) if name == "date" else _values(asked.seed, name, start, end),
    }


def _dates(start: int, end: int) -> list[str]:
    return [(ZERO + timedelta(i)).isoformat() for i in range(start, end)]


def _values(seed: int, name: str, start: int, end: int) -> list[float | None]:
    """Days before the sample are null, as days without blocks are."""
    zero = (SAMPLE_START - ZERO).days
    found = chain(seed)[name][max(start - zero, 0) : max(end - zero, 0)]
    return [None] * (min(zero, end) - min(zero, start)) + list(found.round(8 if name == "supply" else 2).tolist())
