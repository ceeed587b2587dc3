"""What is worth an alert: the rules of the YAML files, and the rows they find in the published file."""

import threading
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Self

import duckdb
import yaml
from pydantic import Field, PositiveInt, ValidationError, model_validator

from pipelines.settings import PROJECT, WrongSettings, variable
from pipelines.strict import Strict, read_yaml

RULES_FILE = PROJECT / "warehouse" / "alerts.yaml"
USERS_FILE = "SCARETRADE_ALERTS"
LOOK_BACK_DAYS = 7
SECONDS_ALLOWED = 10.0
NEEDED = ("alert_key", "message", "date")


class WrongRule(WrongSettings):
    """A file of alert rules cannot be read, or a rule in it is not one."""


class RuleFailed(Exception):
    """A rule's SQL gives no alerts; the others go on."""


class Rule(Strict):
    """A question to the published file whose rows are alerts; see the head of `warehouse/alerts.yaml`."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    title: Annotated[str, Field(min_length=1)]
    sql: str
    values: dict[str, date | int | float | str] = {}
    days: PositiveInt = LOOK_BACK_DAYS


class RulesFile(Strict):
    """A file of rules, and the ids of those that shall say nothing."""

    rules: list[Rule] = []
    silenced: list[str] = []

    @model_validator(mode="after")
    def ids_differ(self) -> Self:
        """What was delivered is remembered by the rule's id."""
        ids = [rule.id for rule in self.rules]
        if repeated := sorted({i for i in ids if ids.count(i) > 1}):
            raise ValueError(f"the id {repeated[0]} is given twice; rename one")
        return self


@dataclass(frozen=True)
class Finding:
    """A row of a rule: what it is about, the sentence, the day, and the state where the rule watches one."""

    key: str
    message: str
    date: date
    state: str | None = None


def load_rules() -> tuple[list[Rule], frozenset[str]]:
    """The shipped rules with the user's, which go first, less the silenced; and the silenced ids. Raises WrongRule."""
    own = variable(USERS_FILE)
    files = [read_rules(file) for file in (RULES_FILE, *([Path(own)] if own else []))]
    silenced = frozenset(name for file in files for name in file.silenced)
    rules = {rule.id: rule for file in files for rule in file.rules}
    return [rule for rule in rules.values() if rule.id not in silenced], silenced


def read_rules(file: Path) -> RulesFile:
    """One file; raises WrongRule, naming the place."""
    try:
        return RulesFile.model_validate(read_yaml(file))
    except OSError as error:
        complaint = f"the alerts file {file} cannot be read: {error.strerror}. Next: correct {USERS_FILE}"
    except yaml.YAMLError as error:
        complaint = f"the alerts file {file} is no YAML: {error}. Next: correct it"
    except ValidationError as error:
        first = error.errors()[0]
        where = ", ".join(str(part) for part in first["loc"]) or "the file"
        complaint = f"{file}: {where}: {first['msg'].removeprefix('Value error, ')}. Next: correct it there"
    raise WrongRule(complaint)


def findings(connection: duckdb.DuckDBPyConnection, rule: Rule, as_of: date) -> list[Finding]:
    """What a rule finds in the days it looks back on, oldest first; raises RuleFailed.

    The connection must be read-only and closed to other files, as `pipelines.query.connect` makes it.
    """
    since = as_of - timedelta(days=rule.days)
    rows = ask(connection, rule, {**rule.values, "as_of": as_of, "since": since})
    found = [_finding(rule, row) for row in rows]
    return sorted((f for f in found if since <= f.date <= as_of), key=lambda f: (f.date, f.key))


def ask(connection: duckdb.DuckDBPyConnection, rule: Rule, values: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of a rule's SELECT by column; raises RuleFailed, after ten seconds too."""
    alarm = threading.Timer(SECONDS_ALLOWED, connection.interrupt)
    alarm.start()
    try:
        statements = connection.extract_statements(rule.sql)
        if [s.type for s in statements] != [duckdb.StatementType.SELECT]:
            raise RuleFailed("its SQL is not one SELECT")
        given = {name: values[name] for name in statements[0].named_parameters if name in values}
        result = connection.execute(statements[0], given)
        names = [column[0] for column in result.description or []]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    except duckdb.InterruptException:
        raise RuleFailed(f"its SQL took over {SECONDS_ALLOWED:g} seconds") from None
    except duckdb.Error as error:
        raise RuleFailed(f"its SQL fails: {str(error).splitlines()[0]}") from None
    finally:
        alarm.cancel()


def _finding(rule: Rule, row: dict[str, Any]) -> Finding:
    if empty := [name for name in NEEDED if row.get(name) is None]:
        raise RuleFailed(f"its SQL gives no {empty[0]}")
    day = row["date"] if type(row["date"]) is date else getattr(row["date"], "date", lambda: None)()
    if day is None:
        raise RuleFailed(f"its SQL gives no day as date, but {row['date']!r}")
    state = None if row.get("state") is None else str(row["state"])
    return Finding(str(row["alert_key"]), str(row["message"]), day, state)
