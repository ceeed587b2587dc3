"""The vendors by name. A new one is a module of the shape of `base.Source` and an entry here."""

from pipelines.sources import binance, brk, yahoo
from pipelines.sources.base import Source

SOURCES: dict[str, Source] = {module.NAME: module for module in (yahoo, binance, brk)}
