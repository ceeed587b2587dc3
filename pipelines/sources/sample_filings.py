"""When a simulated company files which report."""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from pipelines.sources.sample_books import FIRST_FISCAL_YEAR, Books
from pipelines.sources.sample_paths import DAY, unix


@dataclass(frozen=True)
class Filing:
    """A report on one fiscal quarter, and of the last one on the year."""

    quarter: int
    filed: date
    fields: dict[str, Any]

    @property
    def in_year(self) -> int:
        """Which quarter of its fiscal year, 1 to 4."""
        return self.quarter % 4 + 1

    def fact(self, books: Books, first: int, last: int, value: int) -> dict[str, Any]:
        """A figure over a period."""
        return {"start": books.starts[first], "end": books.ends[last], "val": value, **self.fields}


def filings(books: Books, cik: int, as_of: int) -> Iterable[Filing]:
    """The reports filed so far: about a month after the quarter, on a weekday; the annual one comes some days later."""
    delay = 27 + zlib.crc32(books.symbol.encode()) % 6
    for quarter, end in enumerate(books.bounds[5:], start=4):
        is_annual = quarter % 4 == 3
        day = end + timedelta(delay + 5 * is_annual)
        filed = day + timedelta(7 - day.weekday() if day.weekday() > 4 else 0)
        if unix(filed) + DAY > as_of:
            return
        fields = {
            "accn": f"{cik:010d}-{filed.year % 100:02d}-{quarter:06d}",
            "fy": FIRST_FISCAL_YEAR + quarter // 4,
            "fp": "FY" if is_annual else f"Q{quarter % 4 + 1}",
            "form": "10-K" if is_annual else "10-Q",
            "filed": str(filed),
        }
        yield Filing(quarter, filed, fields)
