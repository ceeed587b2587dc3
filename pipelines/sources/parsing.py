"""What the vendors' parsers share: strict reading of JSON values, and the columns of the tables they fill."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.sources.answers import schema_drift
from pipelines.sources.base import Request

_PRICES = {"open": "float64", "high": "float64", "low": "float64", "close": "float64"}
_DAY = {"symbol": "str", "date": "datetime64[us]"}
TABLES: Mapping[str, Mapping[str, str]] = {
    "daily_bars": {**_DAY, **_PRICES, "close_adjusted_vendor": "float64", "volume": "float64"},
    "hourly_bars": {"symbol": "str", "start_at": "datetime64[us]", **_PRICES, "volume": "float64"},
    "dividends": {**_DAY, "amount_usd": "float64"},
    "splits": {**_DAY, "numerator": "float64", "denominator": "float64"},
    "onchain": {**_DAY, "metric": "str", "value": "float64"},
}


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


def frame(table: str, request: Request, columns: Mapping[str, Any]) -> pd.DataFrame:
    """The rows in the table's columns and types, under our symbol."""
    rows = pd.DataFrame({"symbol": request.series.symbol, **columns}, columns=list(TABLES[table]))
    return rows.astype(dict(TABLES[table])).reset_index(drop=True)
