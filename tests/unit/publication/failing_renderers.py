"""Renderings that fail, as functions of a module, which the rendering process imports."""

import os
import threading
from contextlib import suppress
from pathlib import Path

from dagster_project.publication.site.frame import site_page


def hang(*_):
    while True:
        threading.Event().wait()


def abort(*_):
    os.abort()


def leave(*_):
    os._exit(3)


def refuse(*arguments):
    raise ValueError(f"personal: {arguments}")


def ask_for_8_gb(*_):
    return b"x" * (8 << 30)


def answer(*arguments):
    return repr(arguments)


def process_id():
    return str(os.getpid())


def environment():
    """Names of the variables and of the open files of the process."""
    files = []
    for link in Path("/proc/self/fd").iterdir():
        # The list itself was open while it was read.
        with suppress(FileNotFoundError):
            files.append(str(link.readlink()))
    return "\n".join([*os.environ, *files])


def refuse_front_pages(template, content, chart):
    """Renders every page of the site but the first and the explorer."""
    if template in ("index.html.j2", "explorer.html.j2"):
        raise ValueError(template)
    return site_page(template, content, chart)
