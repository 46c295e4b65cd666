"""The import of Great Expectations, as sparing as it can be. What is done with it does not belong here."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from types import ModuleType
from typing import Any

# What Great Expectations imports for expectations about distributions and their plots, which no contract has: 0.8 and
# 0.3 of the three CPU seconds of the whole import, 55 and 20 of its 275 MB.
_DEFERRED = ("scipy.stats", "altair")


class _Deferred(ModuleType):
    """Stands for a module, which is imported when something of it is used."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


def import_great_expectations() -> None:
    """Import Great Expectations so that it reports nothing to its makers, and what few expectations need when used."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    deferred = {name: sys.modules.setdefault(name, _Deferred(name)) for name in _DEFERRED}
    try:
        import_module("great_expectations")
    finally:
        for name, module in deferred.items():
            if sys.modules.get(name) is module and isinstance(module, _Deferred):
                del sys.modules[name]
