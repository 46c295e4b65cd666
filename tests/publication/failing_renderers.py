"""Renderings that fail, as functions of a module, which the rendering process imports."""

import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from dagster_project.publication.site.frame import site_page


def hang(*_: object) -> NoReturn:
    """Never returns."""
    while True:
        threading.Event().wait()


def abort(*_: object) -> NoReturn:
    """Ends the process as native code does that fails."""
    os.abort()


def leave(*_: object) -> NoReturn:
    """Ends the process with an exit code."""
    os._exit(3)


def refuse(*arguments: object) -> NoReturn:
    """Raises, with its arguments in the message."""
    raise ValueError(f"personal: {arguments}")


def eat_memory(*_: object) -> bytes:
    """Asks for more memory than the process may have."""
    return b"x" * (8 << 30)


def answer(*arguments: object) -> str:
    """Its arguments as text."""
    return repr(arguments)


def environment() -> str:
    """Names of the variables and of the open files of the process."""
    files = []
    for link in Path("/proc/self/fd").iterdir():
        # The list itself was open while it was read.
        with suppress(FileNotFoundError):
            files.append(str(link.readlink()))
    return "\n".join([*os.environ, *files])


def process_id() -> str:
    """Which process it is."""
    return str(os.getpid())


def refuse_front_page(template: str, content: Mapping[str, Any], chart: Any) -> str:
    """Renders every page of the site but the first."""
    if template == "index.html.j2":
        raise ValueError(template)
    return site_page(template, content, chart)
