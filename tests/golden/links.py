"""Links of a site that lead nowhere. No tests here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit


def pages_of(site: Path) -> dict[str, str]:
    """Every page that the project writes, by its address."""
    return {path.relative_to(site).as_posix(): path.read_text(encoding="utf-8") for path in site.rglob("*.html")}


def finds(site: Path) -> list[tuple[str, str]]:
    """What the search can find: an address and a place in it."""
    index = (site / "assets" / "search-index.js").read_text(encoding="utf-8")
    entries = json.loads(index.removeprefix("window.FCIR_PAGES=").rstrip(";\n"))
    return [(unquote(address), place) for entry in entries for address, _, place in [entry[0].partition("#")]]


def links(page: str, text: str) -> Iterator[tuple[str, str]]:
    """What a page leads to within the publication: an address and a place in it."""
    for link in re.findall(r'\b(?:href|src)="([^"]*)"', text):
        parts = urlsplit(unescape(link))
        if parts.scheme not in ("http", "https", "mailto", "data"):
            folders: list[str] = page.split("/")[:-1]
            for name in unquote(parts.path).split("/"):
                folders = folders[:-1] if name == ".." else [*folders, name]
            yield "/".join(folders) if parts.path else page, unquote(parts.fragment)


def dead_links(site: Path) -> list[tuple[str, str]]:
    """Links of all pages and of the search that lead to no file, or to no place in it."""
    pages = pages_of(site)
    found = {link for page, text in pages.items() for link in links(page, text)} | {*finds(site)}
    return sorted(link for link in found if not _leads_somewhere(site, pages, *link))


def _leads_somewhere(site: Path, pages: dict[str, str], address: str, place: str) -> bool:
    text = pages.get(address)
    if text is None or not place:
        return (site / address).is_file()
    if "=" not in place:
        return f'id="{place}"' in text
    # A choice of a page with choosers. The explorer has its options in its data.
    return address == "explorer.html" or all(
        f'<select name="{name}">' in text and f'<option value="{value}"' in text for name, value in parse_qsl(place)
    )
