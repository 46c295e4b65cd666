"""Render files in a separate process with a time limit: a file that fails is left out, and the publication continues.

Drawing, typesetting and templates process any value of the marts, partly in native code. A single value can make one of
them hang, abort or use up memory. Such a rendering could not be stopped within this process, which holds the lock of
the warehouse.

A file is not rendered again if the previous publication has it from the same function, arguments and code. A request is
a pickled function with its arguments. A reply is JSON that states success or failure, followed on success by the bytes.
"""

import io
import json
import pickle
import resource
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self, TypeVar

from dagster_project.child_process import Child, connect_to_parent
from dagster_project.console import LOGGER, warn
from dagster_project.publication.characters import cleaned
from dagster_project.publication.files import FailedRendering, manifest_of, take_over

# The first PDF, with its charts and the libraries, takes 0.8 s of CPU. The limit allows for busy machines.
TIME_LIMIT = 60.0

# Imports take 0.5 s of CPU, but can take long on a busy machine.
_START = 60.0

# A paper with its charts takes 0.3 GiB.
_MEMORY = 2 << 30

_PACKAGE = Path(__file__).parents[1]
_LIBRARIES = ("font-source-sans-pro", "fonttools", "jinja2", "lxml", "python-docx", "typst", "xlsxwriter")

T = TypeVar("T")


@dataclass(frozen=True)
class Rendered:
    """A file that was rendered."""

    content: bytes
    replaced: int = 0
    """Number of characters replaced because the typeface lacks them."""
    is_reused: bool = False
    """Whether the previous publication has the file."""


@cache
def code_version() -> str:
    """Return a fingerprint of what renders: this package and its drawing libraries."""
    digest = sha256(repr([(library, version(library)) for library in _LIBRARIES]).encode())
    for path in sorted(path for path in _PACKAGE.rglob("*") if path.is_file() and path.suffix != ".pyc"):
        digest.update(path.read_bytes())
    return digest.hexdigest()


class Renderer:
    """Renders files one after the other and records which failed. Close it after use, best with `with`.

    Attributes:
        made_of: fingerprint of what each file and each part (`is_unchanged`) is made of, by path or name; what failed
            has none.
        has_same_tables: whether the tables are those of the previous publication.
    """

    def __init__(self, before: Path | None = None) -> None:
        """Create a renderer, which uses unchanged files of a publication again; its process starts with the first."""
        self.made_of: dict[str, str] = {}
        self.has_same_tables = False
        self._before = before
        self._made_before: Mapping[str, str] = manifest_of(before).get("rendered", {}) if before else {}
        self._worker: _Worker | None = None
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
        """Return whether the rendering of a path failed."""
        return path in self._failed

    def attempt(self, path: str, read: Callable[[], T]) -> T | None:
        """Read the data for a file, in this process.

        This is the only place that catches every error: one bad value in the marts must not stop the other files.

        Args:
            path: path of the file within the publication.
            read: function that reads the marts.

        Returns:
            The data; None if they cannot be read, and then the file counts as failed.
        """
        try:
            return read()
        except Exception as error:
            LOGGER.debug("%s", path, exc_info=error)
            self._fail(path, f"what it shows cannot be read from the marts ({type(error).__name__})")
            return None

    def leave_out(self, commentary: Path) -> None:
        """Record a commentary that cannot be shown. The caller warns why: a manifest must not quote an analyst.

        Args:
            commentary: `commentary/FORCE/NAME.md` of the data root.
        """
        self._failed["/".join(commentary.parts[-3:])] = "it cannot be shown; publishing again says why"

    def is_unchanged(self, part: str, made_of: object) -> bool:
        """Return whether a part of the previous publication is made of the same tables and values."""
        self.made_of[part] = fingerprint(made_of)
        return self.has_same_tables and self._made_before.get(part) == self.made_of[part]

    def keep(self, folder: Path, is_kept: Callable[[str], bool]) -> list[str]:
        """Link files of the previous publication into the folder of the new one; return their paths.

        `is_kept` decides by path.
        """
        if self._before is None:
            return []
        paths = [file["path"] for file in manifest_of(self._before)["files"] if is_kept(file["path"])]
        for path in paths:
            take_over(self._before, folder, path)
            if path in self._made_before:
                self.made_of[path] = self._made_before[path]
        return paths

    def render(
        self, path: str, function: Callable[..., str | bytes | Rendered], *arguments: Any, made_of: object = None
    ) -> Rendered | None:
        """Render a file, or return that of the previous publication. A file that failed is not tried again.

        Args:
            path: path of the file within the publication.
            function: function of a module, imported by the other process. It returns text, bytes, or `Rendered`.
            arguments: its arguments, which must be picklable. Characters not allowed in documents are replaced in them.
            made_of: what decides whether the file has changed; by default the arguments.

        Returns:
            The file; None if it failed.
        """
        if path in self._failed:
            return None
        try:
            made = fingerprint(function, made_of) if made_of else fingerprint(function, *arguments)
        except Exception as error:
            LOGGER.debug("a rendering cannot be handed over", exc_info=error)
            self._fail(path, f"what it shows cannot be handed over ({type(error).__name__})")
            return None
        if self._before and self._made_before.get(path) == made and (self._before / path).is_file():
            rendered: Rendered | None = Rendered((self._before / path).read_bytes(), is_reused=True)
        else:
            rendered = self._render(path, function, arguments)
        if rendered:
            self.made_of[path] = made
        return rendered

    def _render(self, path: str, function: Callable[..., object], arguments: tuple[Any, ...]) -> Rendered | None:
        try:
            self._worker = self._worker or _Worker()
            rendered, error = self._worker.render(function, arguments)
        except TimeoutError:
            self._fail(path, f"it took longer than {TIME_LIMIT:.3g} seconds")
            self.close()
        except EOFError:
            how = self._worker.end() if self._worker else ""
            self._worker = None
            self._fail(path, f"its process ended ({how})")
        except OSError as refused:
            self._fail(path, f"its process cannot be started ({refused.strerror})")
        else:
            if error:
                self._fail(path, f"rendering it failed ({error})")
            return rendered
        return None

    def _fail(self, path: str, reason: str) -> None:
        if path not in self._failed:
            warn(f"{path} is left out: {reason}.")
            self._failed[path] = reason


def fingerprint(*values: Any) -> str:
    """Return a fingerprint of values that can be pickled, and of the code that renders: the same in every process."""
    pickled = io.BytesIO()
    pickler = pickle.Pickler(pickled)
    # Otherwise the bytes depend on which equal values are the same object.
    pickler.fast = True
    pickler.dump([_in_order(value) for value in values])
    return sha256(code_version().encode() + pickled.getbuffer()).hexdigest()[:32]


def _in_order(value: object) -> object:
    """Return the content of a page with its sets in order; Python gives them another one in each process."""
    if not isinstance(value, dict):
        return value
    return {name: sorted(item) if isinstance(item, set | frozenset) else item for name, item in value.items()}


class _Worker(Child):
    """The process, and the exchange with it."""

    def __init__(self) -> None:
        super().__init__(__name__)
        # The time for imports does not count towards the limit of a rendering.
        with suppress(EOFError, TimeoutError):
            self.receive(_START)

    def render(self, function: Callable[..., object], arguments: tuple[Any, ...]) -> tuple[Rendered | None, str]:
        """Call a function in the process; return the file, or the name of the error that it raised.

        Raises:
            TimeoutError: it took too long; the caller must end the process.
            EOFError: the process has ended.
        """
        self.send((function, arguments))
        reply = json.loads(self.receive(TIME_LIMIT))
        if reply["error"]:
            LOGGER.debug("%s", reply["traceback"])
            return None, reply["error"]
        return Rendered(self.receive(TIME_LIMIT), reply["replaced"]), ""


def serve() -> None:
    """Serve the requests of a `Renderer` until it closes the connection."""
    # Imported here so that the time of the imports does not count for the first rendering.
    from dagster_project.publication import charts, html  # noqa: F401

    connection = connect_to_parent({resource.RLIMIT_DATA: _MEMORY})
    connection.send_bytes(b"ready")
    # If the parent has ended, no process can receive an error.
    with suppress(EOFError, ConnectionError):
        while True:
            _answer(connection)


def _answer(connection: Connection) -> None:
    request = connection.recv_bytes()
    try:
        function, arguments = pickle.loads(request)  # noqa: S301 - from the parent, over a private connection
        file = function(*cleaned(arguments))
    except Exception as error:
        text = traceback.format_exc()
        connection.send_bytes(json.dumps({"error": type(error).__name__, "traceback": text}).encode())
        return
    if not isinstance(file, Rendered):
        file = Rendered(file.encode("utf-8", "replace") if isinstance(file, str) else file)
    connection.send_bytes(json.dumps({"error": None, "replaced": file.replaced}).encode())
    connection.send_bytes(file.content)


if __name__ == "__main__":
    # Not the functions of this module under the name `__main__`, whose `Rendered` would be another class.
    from dagster_project.publication import rendering

    rendering.serve()
