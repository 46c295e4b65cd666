"""Render files in a separate process with a time limit: a file that fails is left out, and the publication continues.

Drawing, typesetting and templates process any value of the marts, partly in native code. A single value can make one of
them hang, abort or use up memory. Such a rendering could not be stopped within this process, which holds the lock of
the warehouse. For what the other process does with a request, see `rendering_worker.py`.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from dagster_project.child_process import Child
from dagster_project.console import LOGGER, warn
from dagster_project.publication.files import FailedRendering
from dagster_project.publication.paths import UnsafeName, refused_address

# The first PDF, with its charts and the libraries, takes 0.8 s of CPU.
# The limit allows for busy machines. After a time-out, the next rendering of the same kind gets a quarter of the time,
# so a drawing that always hangs holds the lock for minutes, not for the night. A successful rendering restores the
# full limit.
TIME_LIMIT = 60.0
_LEAST_TIME = 3.0

# Imports take 0.5 s of CPU, but can take long on a busy machine.
_START = 60.0

T = TypeVar("T")


@dataclass(frozen=True)
class Rendered:
    """A file that was rendered."""

    content: bytes
    replaced: dict[str, int]
    """Number of characters replaced because the typeface lacks them, by where they occur."""


class _RenderingError(Exception):
    """A rendering failed; the message gives the reason."""


class Renderer:
    """Renders files one after the other and records which failed. Close it after use, best with `with`."""

    def __init__(self, *, time_limit: float = TIME_LIMIT) -> None:
        """Create a renderer with a time limit for each file, in seconds; its process starts with the first file."""
        self._time_limit = time_limit
        self._worker: _Worker | None = None
        self._timeouts: dict[Callable[..., object], int] = {}
        self._failed: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        if self._worker:
            self._worker.end()
        self._worker = None

    @property
    def failed(self) -> list[FailedRendering]:
        """Failed renderings, by path."""
        return [FailedRendering(path=path, reason=reason) for path, reason in sorted(self._failed.items())]

    def has_failed(self, path: str) -> bool:
        """Return whether the rendering of a path failed or was refused."""
        return path in self._failed

    def refuse(self, error: UnsafeName, *parts: str) -> None:
        """Record a file, or all files below a folder, as failed because a name in its path is not allowed."""
        self._fail(refused_address(*parts), str(error))

    def attempt(
        self, path: str, read: Callable[[], T], reason: str = "what it shows cannot be read from the marts"
    ) -> T | None:
        """Read the data for a file, in this process.

        This is the only place that catches every error: one bad value in the marts must not stop the other files.

        Args:
            path: path of the file within the publication.
            read: function that reads the marts.
            reason: meaning of an error, in words.

        Returns:
            The data; None if they cannot be read, and then the file counts as failed.
        """
        try:
            return read()
        except Exception as error:
            LOGGER.debug("%s", path, exc_info=error)
            self._fail(path, f"{reason} ({type(error).__name__})")
            return None

    def render(self, path: str, function: Callable[..., str | bytes | Rendered], *arguments: Any) -> Rendered | None:
        """Render a file. A file that failed is not tried again.

        Args:
            path: path of the file within the publication.
            function: function of a module, imported by the other process. It returns text, bytes, or `Rendered`.
            arguments: its arguments, which must be picklable. Characters not allowed in documents are replaced in them.

        Returns:
            The file; None if it failed.
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
    """The process, and the exchange with it."""

    def __init__(self) -> None:
        super().__init__("dagster_project.publication.rendering_worker")
        # The time for imports does not count towards the limit of a rendering.
        with suppress(EOFError, TimeoutError):
            self.receive(_START)

    def render(self, function: Callable[..., object], arguments: tuple[Any, ...], limit: float) -> Rendered:
        """Call a function in the process.

        Raises:
            TimeoutError: it took too long; the caller must end the process.
            EOFError: the process has ended.
            _RenderingError: the function raised an error, or cannot be pickled.
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
