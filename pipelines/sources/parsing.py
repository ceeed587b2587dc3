"""What the vendors' parsers share: strict reading of JSON values, and the columns of the tables they fill."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.sources.answers import schema_drift
from pipelines.sources.base import Request

ISO = "%Y-%m-%d"
_TYPES = {
    "VARCHAR": "str",
    "DOUBLE": "float64",
    "BIGINT": "int64",
    "INTEGER": "int64",
    "BOOLEAN": "bool",
    "DATE": "datetime64[us]",
    "TIMESTAMP": "datetime64[us]",
}


class Tables(dict[str, Mapping[str, str]]):
    """The raw tables' columns, each with its type in a frame: what the contracts say, read at the first question."""

    def __missing__(self, table: str) -> Mapping[str, str]:
        """Read one table's contract."""
        # Contracts stand on the universe, and that on the sources: here they can be imported, above not yet.
        from pipelines.contracts import contracts

        columns = contracts()[f"raw.{table}"].columns
        self[table] = {name: _TYPES[column.type] for name, column in columns.items()}
        return self[table]


TABLES = Tables()


def check(condition: bool, request: Request, reason: str) -> None:
    """Stops the parse of a payload that is not what it should be."""
    if not condition:
        raise schema_drift(request, reason)


def document(body: bytes, request: Request) -> Any:
    """The JSON document; NaN and infinities written as bare words count as null, as they mean the same."""
    try:
        return json.loads(body, parse_constant=lambda word: None)
    except (ValueError, RecursionError):
        pass
    raise schema_drift(request, f"the answer is not complete JSON ({len(body)} bytes)")


def member(parent: Any, key: str, kind: type, request: Request) -> Any:
    """The value of a key that must be there, of the type it must have."""
    check(isinstance(parent, dict) and key in parent, request, f"key '{key}' is missing")
    value = parent[key]
    good = isinstance(value, kind) and not (kind is int and isinstance(value, bool))
    check(good, request, f"'{key}' is {type(value).__name__}, not {kind.__name__}")
    return value


def only(values: Sequence[Any], kinds: set[type], what: str, request: Request) -> None:
    """Checks that every element has one of the given types exactly, so that True is no number."""
    strange = set(map(type, values)) - kinds
    check(not strange, request, f"'{what}' holds {', '.join(sorted(k.__name__ for k in strange))}")


def numbers(values: Sequence[Any], what: str, request: Request) -> NDArray[np.float64]:
    """JSON numbers as floats, null as NaN."""
    only(values, {int, float, type(None)}, what, request)
    return _finite(values, what, request)


def decimals(values: Sequence[Any], what: str, request: Request) -> NDArray[np.float64]:
    """Numbers that the vendor writes as strings; anything but plain decimals is refused."""
    only(values, {str}, what, request)
    plain = pd.Series(values, dtype="str").str.fullmatch(r"-?[0-9]+(?:\.[0-9]+)?").all()
    check(bool(plain), request, f"'{what}' holds text that is not a number")
    return _finite(values, what, request)


def _finite(values: Sequence[Any], what: str, request: Request) -> NDArray[np.float64]:
    try:
        array = np.array(values, dtype="float64")
    except (ValueError, OverflowError):
        array = np.array([np.inf])
    check(not np.isinf(array).any(), request, f"'{what}' holds a number out of range")
    return array


def stamps(values: Sequence[Any], unit: Literal["s", "ms"], what: str, request: Request) -> pd.DatetimeIndex:
    """Unix times as naive UTC instants."""
    only(values, {int}, what, request)
    try:
        return pd.to_datetime(np.array(values, dtype=np.int64), unit=unit).as_unit("us")
    except (ValueError, OverflowError):
        pass
    raise schema_drift(request, f"'{what}' holds a time out of range")


def written_days(labels: Sequence[Any], form: str, what: str, request: Request) -> pd.DatetimeIndex:
    """Days written exactly in a `strftime` form; anything else is refused."""
    only(labels, {str}, what, request)
    dates = pd.DatetimeIndex(pd.to_datetime(list(labels), format=form, errors="coerce")).as_unit("us")
    check(dates.strftime(form).tolist() == list(labels), request, f"'{what}' holds text that is not a date")
    return dates


def check_days(days: pd.DatetimeIndex, first: str, request: Request) -> None:
    """Refuses times within a day, days that repeat or go back, and days before the first one asked for."""
    check(bool((days == days.normalize()).all()), request, "a time is not 00:00 UTC")
    check(days.is_monotonic_increasing and days.is_unique, request, "the days repeat or are out of order")
    check(days.empty or days[0] >= pd.Timestamp(first), request, f"the days begin before {first}")


def frame(table: str, request: Request, columns: Mapping[str, Any]) -> pd.DataFrame:
    """The rows in the table's columns and types, under our symbol."""
    rows = pd.DataFrame({"symbol": request.series.symbol, **columns}, columns=list(TABLES[table]))
    return rows.astype(dict(TABLES[table])).reset_index(drop=True)
