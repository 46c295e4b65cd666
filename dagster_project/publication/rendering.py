"""Renderings in a process of their own, with a time limit: what fails is left out, and the publication goes on.

Drawing, typesetting and templates work on whatever the marts hold, partly in native code. One of them can hang, abort
or eat memory over a single value, and cannot be stopped within this process, which holds the lock of the warehouse.
What the other process does with a request: `rendering_worker.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

from dagster_project.child_process import Child
from dagster_project.console import LOGGER, warn
from dagster_project.publication.files import FailedRendering
from dagster_project.publication.paths import UnsafeName, refused_address

# The first PDF, with its charts and the libraries, takes 0.8 s of CPU, the explorer of 43 forces and ten years 0.6 s:
# this is for machines that have much else to do. After a time-out the next of the same kind gets a quarter of the time,
# so that a drawing that always hangs holds the lock for minutes and not for the night; a rendering that succeeds gives
# the whole of it back.
TIME_LIMIT = 60.0
_LEAST_TIME = 3.0

# Imports take 0.5 s of CPU; a machine with much else to do may take long over it.
_START = 60.0

T = TypeVar("T")


@dataclass(frozen=True)
class Rendered:
    """A file that was rendered."""

    content: bytes
    replaced: dict[str, int]
    """Characters that were replaced since the typeface lacks them: where, and how many."""


class _RenderingError(Exception):
    """Why a rendering failed, in words."""


class Renderer:
    """Renders files one after the other, and keeps which of them failed. To be closed, best by `with`."""

    def __init__(self, *, time_limit: float = TIME_LIMIT) -> None:
        """Nothing is started before the first rendering.

        Args:
            time_limit: seconds for one rendering.
        """
        self._time_limit = time_limit
        self._worker: _Worker | None = None
        self._timeouts: dict[Callable[..., object], int] = {}
        self._failed: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        if self._worker:
            self._worker.end()
        self._worker = None

    @property
    def failed(self) -> list[FailedRendering]:
        """The renderings that failed, by path."""
        return [FailedRendering(path=path, reason=reason) for path, reason in sorted(self._failed.items())]

    def has_failed(self, path: str) -> bool:
        """Whether the rendering of a path failed, or was refused."""
        return path in self._failed

    def refuse(self, error: UnsafeName, *parts: str) -> None:
        """Count a file, or all files below a folder, as failed, since its name cannot be that of a file.

        Args:
            error: the rule that the name breaks.
            parts: names of the path.
        """
        self._fail(refused_address(*parts), str(error))

    def attempt(
        self, path: str, read: Callable[[], T], reason: str = "what it shows cannot be read from the marts"
    ) -> T | None:
        """Read in this process what a file is rendered from.

        The one place where every error is caught: whatever a value of the marts breaks, the other files are published.

        Args:
            path: of the file below the publication.
            read: reads the marts.
            reason: what an error means, in words.

        Returns:
            What was read; None where it cannot be, and the file counts as failed.
        """
        try:
            return read()
        except Exception as error:
            LOGGER.debug("%s", path, exc_info=error)
            self._fail(path, f"{reason} ({type(error).__name__})")
            return None

    def render(self, path: str, function: Callable[..., str | bytes | Rendered], *arguments: Any) -> Rendered | None:
        """Render a file. One that failed is not tried again.

        Args:
            path: of the file below the publication.
            function: a function of a module, which the other process imports; it gives a text, bytes, or both with
                what was replaced.
            arguments: its arguments, which can be pickled. Characters that no document may hold are replaced in them.

        Returns:
            The file; None where it failed.
        """
        if path in self._failed:
            return None
        timeouts = self._timeouts.get(function, 0)
        limit = max(self._time_limit / 4**timeouts, min(self._time_limit, _LEAST_TIME))
        try:
            self._worker = self._worker or _Worker()
            rendered = self._worker.render(function, arguments, limit)
        except TimeoutError:
            self._timeouts[function] = timeouts + 1
            self._fail(path, f"it took longer than {limit:.3g} seconds")
            self.close()
        except EOFError:
            how = self._worker.end() if self._worker else ""
            self._worker = None
            self._fail(path, f"its process ended ({how})")
        except _RenderingError as error:
            self._fail(path, str(error))
        except OSError as error:
            self._fail(path, f"its process cannot be started ({error.strerror})")
        else:
            self._timeouts.pop(function, None)
            return rendered
        return None

    def _fail(self, path: str, reason: str) -> None:
        if path not in self._failed:
            warn(f"{path} is left out: {reason}.")
            self._failed[path] = reason


class _Worker(Child):
    """The process, and what is said to it."""

    def __init__(self) -> None:
        super().__init__("dagster_project.publication.rendering_worker")
        # Importing does not count as rendering.
        with suppress(EOFError, TimeoutError):
            self.receive(_START)

    def render(self, function: Callable[..., object], arguments: tuple[Any, ...], limit: float) -> Rendered:
        """Have the process call a function.

        Raises:
            TimeoutError: it took too long; the process is to be ended.
            EOFError: the process has ended.
            _RenderingError: the function raised, or cannot be handed over.
        """
        try:
            self.send((function, arguments))
        except EOFError:
            raise
        except Exception as error:
            LOGGER.debug("a rendering cannot be handed over", exc_info=error)
            raise _RenderingError(f"what it shows cannot be handed over ({type(error).__name__})") from None
        reply = json.loads(self.receive(limit))
        if reply["error"]:
            LOGGER.debug("%s", reply["traceback"])
            raise _RenderingError(f"rendering it failed ({reply['error']})")
        return Rendered(self.receive(limit), reply["replaced"])
