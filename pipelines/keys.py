"""Which vendors' keys the environment holds, and what is left out without them. A key's value is never shown."""

import re

from pipelines.settings import WrongSettings, variable
from pipelines.sources.base import Key, Series, Source, keys_of, needed_keys


def key_in_use(source: Source) -> tuple[Key, str] | None:
    """The best key that is set, with its value; raises WrongSettings for one that no request could carry."""
    found = ((key, variable(key.variable)) for key in keys_of(source))
    in_use = next(((key, value) for key, value in found if value), None)
    if in_use and not re.fullmatch(r"[!-~]+", in_use[1]):
        raise WrongSettings(
            f"{in_use[0].variable} holds a space, a line break or another character that no key has."
            " Next: correct it in the environment or .env"
        )
    return in_use


def missing_key(source: Source, series: Series) -> str | None:
    """Why a series cannot be asked: no variable that opens it is set. None where one is, or none is needed."""
    needed = needed_keys(source, series)
    if not needed or any(variable(name) for name in needed):
        return None
    return f"{' or '.join(needed)} is not set"
