"""The frame of the site: its navigation, and the pages and search entries that are collected and rendered.

What is on a page: `pages.py` and the modules that it calls; layout: the templates.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from dagster_project.publication.characters import cleaned
from dagster_project.publication.charts import LARGE, draw
from dagster_project.publication.html import PAGES, render_template
from dagster_project.publication.paths import url_of
from dagster_project.publication.rendering import Renderer
from dagster_project.publication.report.model import Chart


class Site:
    """Collects the pages of the site, and the entries of the search."""

    def __init__(self, folder: Path, shared: Mapping[str, Any], renderer: Renderer, absent: Iterable[str] = ()) -> None:
        """Start a site; no page links to those that are absent, as to those that failed."""
        self.folder = folder
        self.failed = frozenset((*absent, *(item["path"] for item in renderer.failed)))
        self.shared = dict(shared) | {"failed": self.failed}
        self.renderer = renderer
        self.pages: dict[str, tuple[Callable[..., str | bytes], tuple[Any, ...]]] = {}
        self.entries: list[tuple[str, str, str, str, str, str]] = []

    def write(
        self,
        address: str,
        template: str,
        *,
        here: str | None = None,
        charts: Mapping[str, Chart] | None = None,
        **content: Any,
    ) -> None:
        """Add a page with the values for its template.

        Args:
            address: its address within the publication.
            template: its template.
            here: the page of the navigation that it belongs to; by default itself.
            charts: the charts for its template's `drawings`, by the names used there.
            content: values for the template.
        """
        self.add(address, site_page, template, self.values(address, here) | content, charts or {})

    def values(self, address: str, here: str | None = None) -> dict[str, Any]:
        """Return the values that the frame of every page needs; arguments are those of `write`."""
        return {**self.shared, "root": "../" * address.count("/"), "here": here or address, "pages": PAGES}

    def add(self, address: str, render: Callable[..., str | bytes], *arguments: Any) -> None:
        """Add a file that a function of a module renders."""
        self.pages[address] = (render, arguments)

    def find(
        self, address: str, title: str, kind: str, words: str, *, anchor: str = "", synonyms: str | None = None
    ) -> None:
        """Add a page, or a place on it, to the search, by its title, its text and other words for its title."""
        self.entries.append((address, title, kind, words, anchor, synonyms or ""))

    def render(self) -> dict[str, bytes]:
        """Render the collected pages; return address to content, without those that failed."""
        return {
            address: file.content
            for address, (render, arguments) in self.pages.items()
            if (file := self.renderer.render(address, render, *arguments))
        }

    def search_index(self) -> bytes:
        """Return the search index without failed pages. It is a script: pages opened from a disk may not fetch data."""
        entries = [
            (url_of(*address.split("/")) + (f"#{quote(anchor)}" if anchor else ""), title, kind, words, synonyms)
            for address, title, kind, words, anchor, synonyms in self.entries
            if not self.renderer.has_failed(address)
        ]
        index = json.dumps(cleaned(entries), ensure_ascii=False, separators=(",", ":"))
        return f"window.FCIR_PAGES={index};\n".encode()


def site_page(template: str, content: Mapping[str, Any], charts: Mapping[str, Chart]) -> str:
    """Render a page of the site from its template, with its charts."""
    # The project draws the charts from numbers, so nothing in them needs escaping.
    drawings = {name: Markup(draw(chart, LARGE)) for name, chart in charts.items()}  # noqa: S704
    return render_template(f"site/{template}", {**content, "drawings": drawings})
