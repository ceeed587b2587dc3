"""What a run is told: from the environment (`SCARETRADE_*`, or a `.env` file) and from the command line."""

import os
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from dotenv import dotenv_values
from pydantic import Field, HttpUrl, TypeAdapter, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT = Path(__file__).parents[1]
FIRST_DAY = date(2015, 1, 1)


class Profile(StrEnum):
    """Where the payloads come from: the built-in simulated market, or the vendors."""

    SAMPLE = "sample"
    LIVE = "live"


class EngineName(StrEnum):
    """Who runs the SQL models: DuckDB in this process, or Spark (`pip install scaretrade[spark]`)."""

    DUCKDB = "duckdb"
    SPARK = "spark"


class WrongSettings(Exception):
    """An environment variable has a value that cannot be meant; its value is not repeated, it may be a secret."""


class Settings(BaseSettings):
    """What a run is told by the environment. The vendors' addresses and keys are asked for by name, see below."""

    model_config = SettingsConfigDict(env_prefix="SCARETRADE_", env_ignore_empty=True, extra="ignore")

    profile: Profile = Profile.SAMPLE
    home: Path = Path("warehouse")
    as_of: date | None = None
    contact: str | None = None
    engine: EngineName = EngineName.DUCKDB
    spark_master: str = "local[2]"
    lock_timeout_seconds: float = 60
    longest_retry_wait_seconds: float = 30
    kept_versions: Annotated[int, Field(ge=2)] = 2
    landing_days: Annotated[int, Field(ge=1)] | None = None
    publish_to: str | None = None

    @field_validator("publish_to")
    @classmethod
    def without_password(cls, url: str | None) -> str | None:
        """An address is shown in logs; a password has no place in it."""
        if url and "@" in url:
            raise ValueError("an address without '@', please: keys go into variables of the store's own")
        return url and url.rstrip("/")

    @classmethod
    def load(cls) -> "Settings":
        """The settings of this process; `SCARETRADE_ENV_FILE` names the file read beside the environment."""
        try:
            settings = cls(_env_file=env_file())
        except ValidationError as error:
            wrong = [f"SCARETRADE_{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors()]
            raise WrongSettings(f"{'; '.join(wrong)}. Next: correct it in the environment or .env") from None
        # A wrong address is found before a run, not in the middle of one.
        for name in {*os.environ, *dotenv_values(env_file())}:
            if (is_address := re.fullmatch(r"SCARETRADE_(\w+)_URL", name)) and name != "SCARETRADE_ALERT_SMTP_URL":
                base_url(is_address[1])
        return settings


def env_file() -> str:
    """The file read beside the environment, which goes first."""
    return os.environ.get("SCARETRADE_ENV_FILE", ".env")


def variable(name: str) -> str | None:
    """An environment variable, or its line in the `.env` file; None where it is empty or missing."""
    return os.environ.get(name) or dotenv_values(env_file()).get(name) or None


def url_variable(source: str) -> str:
    """The variable that replaces a vendor's scheme and host."""
    return f"SCARETRADE_{source.upper()}_URL"


def base_url(source: str) -> str | None:
    """The configured base URL of a source, or None for the vendor's own; raises WrongSettings."""
    url = variable(url_variable(source))
    try:
        return str(TypeAdapter(HttpUrl).validate_python(url)).rstrip("/") if url else None
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise WrongSettings(f"{url_variable(source)}: {reason}. Next: correct it in the environment or .env") from None


@dataclass(frozen=True)
class Run:
    """One run's identity: which market, which world, which folder. Everything that depends on today asks `now`.

    `scope` limits which series are asked (`pipelines.scope`); `backfill` asks again for the days of a range.
    """

    run_id: str
    profile: Profile
    home: Path
    since: date
    now: datetime
    as_of: date
    is_now: bool = False
    scope: str | None = None
    backfill: tuple[date, date] | None = None

    @property
    def state(self) -> Path:
        """The folder of the working file and the landing, kept apart by profile: simulated never meets real."""
        return self.home / self.profile

    @property
    def is_simulated(self) -> bool:
        """Whether the data are the built-in simulation."""
        return self.profile is Profile.SAMPLE


def new_run(
    run_id: str,
    profile: Profile,
    home: Path,
    as_of: date | None,
    since: date | None,
    clock: datetime | None = None,
) -> Run:
    """A run as of the end of day `as_of` (UTC); without it, as of the clock. The sample market ends on a fixed day."""
    if profile is Profile.SAMPLE and as_of is None:
        from pipelines.sources.sample import SAMPLE_END

        as_of = SAMPLE_END
    now = end_of(as_of) if as_of else clock or datetime.now(UTC)
    return Run(run_id, profile, home.absolute(), since or FIRST_DAY, now, as_of or now.date(), is_now=as_of is None)


def end_of(day: date) -> datetime:
    """The instant a UTC day ends."""
    return datetime.combine(day + timedelta(days=1), time(), UTC)
