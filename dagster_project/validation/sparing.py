"""The import of Great Expectations, as sparing as it can be. What is done with it does not belong here."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from types import ModuleType
from typing import Any

# Three modules of Great Expectations import it, for expectations about distributions. It takes a fifth of the three CPU
# seconds of the whole import, and 44 MB.
_DEFERRED = "scipy.stats"


class _Deferred(ModuleType):
    """Stands for a module, which is imported when something of it is used."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


def import_great_expectations() -> None:
    """Import Great Expectations, so that it reports nothing to its makers and statistics only when they are used."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    deferred = sys.modules.setdefault(_DEFERRED, _Deferred(_DEFERRED))
    try:
        import_module("great_expectations")
    finally:
        if sys.modules.get(_DEFERRED) is deferred and isinstance(deferred, _Deferred):
            del sys.modules[_DEFERRED]
