"""Which vendors' keys the environment holds, and what is left out without them. A key's value is never shown."""

from pipelines.settings import variable
from pipelines.sources.base import Key, Series, Source, keys_of, needed_keys


def key_in_use(source: Source) -> tuple[Key, str] | None:
    """The best key that is set, with its value."""
    found = ((key, variable(key.variable)) for key in keys_of(source))
    return next(((key, value) for key, value in found if value), None)


def missing_key(source: Source, series: Series) -> str | None:
    """Why a series cannot be asked: no variable that opens it is set. None where one is, or none is needed."""
    needed = needed_keys(source, series)
    if not needed or any(variable(name) for name in needed):
        return None
    return f"{' or '.join(needed)} is not set"
