"""The frame of the site: its pages are rendered into the publication, and its search entries collected.

What is on a page: `pages.py` and the modules that it calls; layout: the templates.
"""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from dagster_project.publication.characters import cleaned
from dagster_project.publication.files import Draft, write
from dagster_project.publication.html import render_template
from dagster_project.publication.report.model import Chart

# A link, and an element that has nothing but a link.
_LINK = re.compile(r'<a\b[^>]*?\shref="(?P<to>[^"#]+)[^"]*"[^>]*>(?P<words>(?:(?!</a>).)*)</a>', re.DOTALL)
_ONLY_LINK = re.compile(rf"<(li|p)\b[^>]*>\s*{_LINK.pattern}\s*</\1>", re.DOTALL)


class Site:
    """Renders the pages of the site, and collects the entries of the search."""

    def __init__(self, draft: Draft, shared: Mapping[str, Any]) -> None:
        """Start a site in a publication; what is `shared` by its pages has the `pages` of the navigation."""
        self.folder, self.renderer = draft.folder, draft.renderer
        self.shared = shared
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
        """Write a page.

        Args:
            address: its address within the publication.
            template: its template.
            here: the page of the navigation that it belongs to; by default itself.
            charts: the charts for its template's `drawings`, by the names used there.
            content: values for the template.
        """
        frame = {**self.shared, "root": "../" * address.count("/"), "here": here or address}
        self.add(address, site_page, template, frame | content, charts or {})

    def add(self, address: str, render: Callable[..., str | bytes], *arguments: Any) -> None:
        """Write a file that a function of a module renders; leave it out if that fails."""
        if file := self.renderer.render(address, render, *arguments):
            write(self.folder, address, file.content)

    def find(
        self, address: str, title: str, kind: str, words: str, *, anchor: str = "", synonyms: str | None = None
    ) -> None:
        """Add a page, or a place on it, to the search, by its title, its text and other words for its title."""
        self.entries.append((address, title, kind, words, anchor, synonyms or ""))

    def search_index(self) -> bytes:
        """Return the search index without failed pages. It is a script: pages opened from a disk may not fetch data."""
        entries = [
            (address + (f"#{quote(anchor)}" if anchor else ""), title, kind, words, synonyms)
            for address, title, kind, words, anchor, synonyms in self.entries
            if not self.renderer.has_failed(address)
        ]
        index = json.dumps(cleaned(entries), ensure_ascii=False, separators=(",", ":"))
        return f"window.FCIR_PAGES={index};\n".encode()


def unlink_failed(draft: Draft) -> None:
    """Remove links to files that failed from every page, also from papers, which are written before the site.

    The words of a link stay, unless they are all that an item of a list or a paragraph has. The next publication
    renders these pages again.
    """
    for page in draft.folder.rglob("*.html") if draft.renderer.failed else ():

        def is_dead(address: str, folder: Path = page.parent) -> bool:
            return not re.match(r"\w+:", address) and not (folder / address).exists()

        text = page.read_text(encoding="utf-8")
        linked = _ONLY_LINK.sub(lambda link: "" if is_dead(link["to"]) else link[0], text)
        linked = _LINK.sub(lambda link: link["words"] if is_dead(link["to"]) else link[0], linked)
        if linked != text:
            address = page.relative_to(draft.folder)
            write(draft.folder, address.as_posix(), linked.encode())
            for made in (address, address.parent):
                draft.renderer.made_of.pop(made.as_posix(), None)


def site_page(template: str, content: Mapping[str, Any], charts: Mapping[str, Chart]) -> str:
    """Render a page of the site from its template, with its charts."""
    # Imported here: only the rendering process draws.
    from dagster_project.publication.charts import LARGE, draw

    # The project draws the charts from numbers, so nothing in them needs escaping.
    drawings = {name: Markup(draw(chart, LARGE)) for name, chart in charts.items()}  # noqa: S704
    return render_template(f"site/{template}", {**content, "drawings": drawings})
