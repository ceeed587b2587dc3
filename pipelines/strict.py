"""Files that people write: read by the safe YAML loader, and a misspelt key in them is an error."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

# The same loader in C is several times faster, where the library was built with it.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Strict(BaseModel):
    """A misspelt key is an error, not a silent default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def read_yaml(path: Path) -> Any:
    """The document of a file; raises yaml.YAMLError naming the line, OSError where the file is missing."""
    return yaml.load(path.read_bytes(), _LOADER)  # noqa: S506 - the safe loader, in C
