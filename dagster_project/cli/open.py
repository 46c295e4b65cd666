"""`fcir open`: open the published paper or site in the browser."""

import os
import sys
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from dagster_project.console import say
from dagster_project.publication.catalogue import page_of
from dagster_project.settings import read_settings


class Page(StrEnum):
    """What `fcir open` opens."""

    PAPER = "paper"
    SITE = "site"


def open_page(page: Annotated[Page, typer.Argument(metavar="PAGE", help="paper or site.")] = Page.PAPER) -> None:
    """Open the published board paper or site in the browser, and print its path.

    Without a display, only print the path.

    Examples:
      fcir open
      fcir open site
    """
    settings = read_settings()
    name = {Page.PAPER: "board_paper.html", Page.SITE: "index.html"}[page]
    file = page_of(settings, name)
    say(str(file), path=str(file))
    open_in_browser(file)


def open_in_browser(file: Path) -> bool:
    """Open a page in the user's browser; return whether one was started. Without a display, none is."""
    import webbrowser

    has_display = sys.platform == "darwin" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    if not has_display:
        return False
    with suppress(webbrowser.Error, OSError):
        return webbrowser.open(file.as_uri())
    return False
