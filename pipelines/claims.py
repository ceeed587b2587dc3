"""Claims that can be held against the data: what a claim is, the files they stand in, and how one is judged."""

from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import AfterValidator, Field, FiniteFloat, NonNegativeFloat, ValidationError, model_validator

from pipelines.claim_queries import UnsafeQuery, Value, filled
from pipelines.settings import PROJECT, WrongSettings, variable
from pipelines.strict import Strict, read_yaml

CLAIMS_FILE = PROJECT / "warehouse" / "claims.yaml"
USERS_FILE = "SCARETRADE_CLAIMS"
# Of a tolerance: 2.6 - 2.5 is a little more than 0.1 in binary.
ROUNDING = 1e-9

Verdict = Literal["supported", "partly", "not_supported", "not_measurable"]
PlainText = Annotated[str, Field(min_length=1), AfterValidator(str.strip)]


class WrongClaim(WrongSettings):
    """A claims file cannot be read, or a claim in it is not one."""


class Window(Strict):
    """Another window, provider or definition of a claim's figure: its SQL with other values, or SQL of its own."""

    label: PlainText
    values: dict[str, Value] = {}
    sql: str | None = None


class Claim(Strict):
    """A figure somebody stated, and the question whose answer it should be.

    `sql` gives one row: value, and where they are known window_start, window_end, coverage and n; its `$names` stand
    for `values`, of which `start` and `end` are days. Within `tolerance` of the claimed value (in the unit) the claim
    is supported, within `partly_tolerance` partly, and with less than `min_coverage` it is not measurable.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    story: PlainText
    statement: PlainText
    source: PlainText
    unit: PlainText
    claimed_value: FiniteFloat
    comparison: Literal["about", "at_least", "at_most"] = "about"
    tolerance: NonNegativeFloat = 0
    partly_tolerance: NonNegativeFloat
    values: dict[str, Value] = {}
    min_coverage: Annotated[float, Field(ge=0, le=1)] = 0
    sql: str
    windows: list[Window] = []

    @model_validator(mode="after")
    def tolerances_grow(self) -> Self:
        """Partly is more than supported allows."""
        if self.partly_tolerance < self.tolerance:
            raise ValueError(
                f"partly_tolerance {self.partly_tolerance:g} is below tolerance {self.tolerance:g}; raise it"
            )
        return self

    @model_validator(mode="after")
    def labels_differ(self) -> Self:
        """A window is found by its label."""
        labels = [w.label for w in self.windows]
        if len(set(labels)) < len(labels):
            raise ValueError("two windows have the same label; rename one")
        return self

    @model_validator(mode="after")
    def days_are_days(self) -> Self:
        """A window's days bound what may be known."""
        for values in (self.values, *(w.values for w in self.windows)):
            if wrong := [name for name in ("start", "end") if not isinstance(values.get(name, date.max), date)]:
                raise ValueError(f"{wrong[0]} is no day; write it as 2026-02-05, without quotes")
        return self

    @model_validator(mode="after")
    def questions_are_safe(self) -> Self:
        """Each query reads our tables and nothing else."""
        for window in (None, *self.windows):
            try:
                self.question(window)
            except UnsafeQuery as unsafe:
                raise ValueError(f"{unsafe}{f' (window {window.label!r})' if window else ''}") from unsafe
        return self

    def values_in(self, window: Window | None) -> dict[str, Value]:
        """The values of a window: the claim's own where it names none."""
        return {**self.values, **(window.values if window else {})}

    def question(self, window: Window | None = None) -> str:
        """The SQL as it is run, for the stated window or another."""
        return filled((window and window.sql) or self.sql, self.values_in(window))

    def judge(self, value: float) -> Verdict:
        """The verdict on a measured value."""
        miss = self.miss(value)
        slack = ROUNDING * max(1, abs(self.claimed_value))
        if miss <= self.tolerance + slack:
            return "supported"
        return "partly" if miss <= self.partly_tolerance + slack else "not_supported"

    def miss(self, value: float) -> float:
        """How far a value is on the wrong side of the claimed one, in the unit."""
        deviation = value - self.claimed_value
        return {"about": abs(deviation), "at_least": -deviation, "at_most": deviation}[self.comparison]


class ClaimsFile(Strict):
    """A file of claims."""

    claims: list[Claim]

    @model_validator(mode="after")
    def ids_differ(self) -> Self:
        """An id is a key of the ledger."""
        ids = [claim.id for claim in self.claims]
        if repeated := sorted({i for i in ids if ids.count(i) > 1}):
            raise ValueError(f"the id {repeated[0]} is given twice; rename one")
        return self


def load_claims() -> list[Claim]:
    """The shipped claims and those of the file SCARETRADE_CLAIMS names, which go first; raises WrongClaim."""
    files = [CLAIMS_FILE, *([Path(own)] if (own := variable(USERS_FILE)) else [])]
    return list({claim.id: claim for file in files for claim in read_claims(file)}.values())


@cache
def read_claims(file: Path) -> tuple[Claim, ...]:
    """The claims of one file; raises WrongClaim, naming the claim."""
    try:
        document = read_yaml(file)
        return tuple(ClaimsFile.model_validate(document).claims)
    except OSError as error:
        complaint = f"the claims file {file} cannot be read: {error.strerror}. Next: correct {USERS_FILE}"
    except yaml.YAMLError as error:
        complaint = f"the claims file {file} is no YAML: {error}. Next: correct it"
    except ValidationError as error:
        complaint = f"{file}: {_complaint(document, error)}. Next: correct it there"
    raise WrongClaim(complaint)


def _complaint(document: object, error: ValidationError) -> str:
    """The first thing wrong, with the claim's id in place of its position."""
    first = error.errors()[0]
    where = list(first["loc"])
    if where[:1] == ["claims"] and len(where) > 1 and isinstance(document, dict):
        entry = document["claims"][where[1]]
        where[:2] = [f"the claim {entry.get('id', where[1]) if isinstance(entry, dict) else where[1]}"]
    return f"{', '.join(str(part) for part in where) or 'the file'}: {first['msg'].removeprefix('Value error, ')}"
