"""A simulated company's books: its fiscal quarters, and the revenue, spending and shares of each."""

from calendar import day_name, monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import numpy as np

from pipelines.sources.sample_market import SAMPLE_END, market
from pipelines.sources.sample_paths import PARAMETERS, Floats, Ints, along, unix

# Early enough for the year before the first filings, and long enough for every fiscal calendar.
FIRST_FISCAL_YEAR, LAST_FISCAL_YEAR = 2015, SAMPLE_END.year + 1
BILLION, MILLION = 10**9, 10**6


def last_day(months: int, weekday: str | None) -> date:
    """The last day, or the last weekday of a name, of a month counted from the year 0."""
    year, month = months // 12, months % 12 + 1
    day = date(year, month, monthrange(year, month)[1])
    back = (day.weekday() - list(day_name).index(weekday)) % 7 if weekday else 0
    return day - timedelta(back)


@dataclass(frozen=True)
class Books:
    """Amounts by fiscal quarter, counted from the first quarter of the first fiscal year; dollars and shares."""

    seed: int
    symbol: str

    @cached_property
    def company(self) -> dict[str, Any]:
        """The company's parameters."""
        found: dict[str, Any] = PARAMETERS["companies"][self.symbol]
        return found

    @cached_property
    def bounds(self) -> list[date]:
        """The last days of the quarters, after that of the quarter before the first."""
        company, years = self.company, LAST_FISCAL_YEAR + 1 - FIRST_FISCAL_YEAR
        last = FIRST_FISCAL_YEAR * 12 + company["year_end"] - 1
        return [last_day(last + months, company.get("week_ends")) for months in range(-12, 12 * years - 11, 3)]

    @cached_property
    def starts(self) -> list[str]:
        """The first days of the quarters, as a filing writes them."""
        return [str(day + timedelta(1)) for day in self.bounds[:-1]]

    @cached_property
    def ends(self) -> list[str]:
        """The last days of the quarters, as a filing writes them."""
        return [str(day) for day in self.bounds[1:]]

    @cached_property
    def middles(self) -> Ints:
        """The middles of the quarters in Unix seconds."""
        days = np.array([unix(day) for day in self.bounds])
        middles: Ints = (days[1:] + days[:-1]) // 2
        return middles

    def noise(self, name: str, sigma: float) -> Floats:
        """What is random in a quarter's amount."""
        rng = market(self.seed).generator(f"{self.symbol} {name}")
        return sigma * rng.standard_normal(len(self.middles))

    def pace(self, name: str) -> Floats:
        """A quarter's part of the yearly pace, in dollars."""
        knots = dict(zip(PARAMETERS["paces"], np.log(self.company[name]), strict=True))
        return np.exp(along(knots, self.middles)) / 4 * BILLION

    def level(self, name: str) -> Floats:
        """A straight line between the first and the last value."""
        dates = PARAMETERS["paces"]
        return along(dict(zip((dates[0], dates[-1]), self.company[name], strict=True)), self.middles)

    @cached_property
    def revenue(self) -> Ints:
        """In whole millions, so that the quarters of a year add up."""
        return rounded(self.pace("revenue") * np.exp(self.noise("revenue", 0.004)), MILLION)

    @cached_property
    def capex(self) -> Ints:
        """Cash paid for property and equipment."""
        return rounded(self.pace("capex") * np.exp(self.noise("capex", 0.03)), MILLION // 10)

    @cached_property
    def gross_profit(self) -> Ints:
        """Revenue less its cost."""
        return rounded(self.revenue * (self.level("margin") + self.noise("margin", 0.002)), MILLION)

    @cached_property
    def cost(self) -> Ints:
        """Cost of what was sold."""
        return self.revenue - self.gross_profit

    @cached_property
    def shares(self) -> Ints:
        """Shares on the basis of the sample's end."""
        return rounded(self.level("shares") * BILLION, 1000)


def rounded(values: Floats, unit: int) -> Ints:
    """Whole multiples of a unit."""
    whole: Ints = (values / unit).round().astype(np.int64) * unit
    return whole
