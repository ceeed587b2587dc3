"""The vendors by name: every module of this folder that has the shape of `base.Source`."""

from importlib import import_module
from pkgutil import iter_modules
from typing import cast

from pipelines.sources.base import Source


def find_sources() -> dict[str, Source]:
    """The modules that name a source; the others share what these need, or make the sample market."""
    names = [m.name for m in iter_modules(__path__) if not m.name.startswith("sample")]
    modules = [import_module(f"{__name__}.{name}") for name in sorted(names)]
    return {module.NAME: cast(Source, module) for module in modules if hasattr(module, "NAME")}


SOURCES: dict[str, Source] = find_sources()
