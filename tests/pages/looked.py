"""A page of the browser that keeps what it asked for and complained of, and is looked at in three sizes."""

from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# The smallest width of WCAG 2.2, 1.4.10 Reflow.
NARROW = {"width": 320, "height": 640}
WIDE = {"width": 1280, "height": 900}
# A4 upright, in pixels of 1/96 inch.
PRINTED = {"width": 794, "height": 1123}

# Rules of WCAG 2.0 to 2.2, levels A and AA.
AXE = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    # What passes is not listed part by part, which takes longer than the looking.
    "resultTypes": ["violations"],
    # No rule of these needs the text of stylesheets; axe would ask for them again, which a page from a disk may not.
    "preload": {"assets": ["media"]},
}
# Parts that scroll sideways, and that the keyboard does not reach.
UNREACHABLE = """[...document.querySelectorAll(".scroll, pre")].filter(
    part => part.scrollWidth > part.clientWidth && part.tabIndex < 0
).map(part => part.outerHTML.slice(0, 99))"""


class Looked:
    """A page of the browser, and what it asked for and complained of."""

    def __init__(self, page: Page, published: Path) -> None:
        self.page = page
        self.root = published.resolve()
        self.faults: list[str] = []
        """Requests to anything but files of the publication, and errors of its scripts."""
        inside = (self.root.as_uri(), "data:", "blob:")
        page.on("request", lambda request: request.url.startswith(inside) or self.faults.append(request.url))
        page.on("console", lambda said: said.type == "error" and self.faults.append(said.text))
        page.on("pageerror", lambda error: self.faults.append(str(error)))

    def open(self, address: str) -> None:
        self.page.goto("about:blank")
        self.faults.clear()
        self.page.goto(f"{self.root.as_uri()}/{address}")

    def barriers(self) -> list[str]:
        """What keeps somebody out of the page that is open: found by axe, on a phone, and on paper."""
        page = self.page
        violations = Axe().run(page, options=AXE).response["violations"]
        found = [f"{item['id']}: {item['nodes'][0]['html'][:200]}" for item in violations]
        for media, size in (("screen", NARROW), ("print", PRINTED)):
            page.emulate_media(media=media)
            page.set_viewport_size(size)
            width = page.evaluate("document.documentElement.scrollWidth")
            found += [f"{media}: {width} pixels wide"] if width > size["width"] else []
            found += page.evaluate(UNREACHABLE) if media == "screen" else []
        page.emulate_media(media="screen")
        page.set_viewport_size(WIDE)
        return found
