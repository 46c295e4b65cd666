"""A page of the browser that keeps what it asked for and complained of, and the sizes that pages are looked at in."""

from pathlib import Path

from playwright.sync_api import Page

# The smallest width of WCAG 2.2, 1.4.10 Reflow.
NARROW = {"width": 320, "height": 640}
WIDE = {"width": 1280, "height": 900}
# A4 upright, in pixels of 1/96 inch.
PRINTED = {"width": 794, "height": 1123}


class Looked:
    """A page of the browser, and what it asked for and complained of."""

    def __init__(self, page: Page, published: Path) -> None:
        self.page = page
        self.root = published.resolve()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda said: said.type == "error" and self.complaints.append(said.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, address: str) -> None:
        self.requests.clear()
        self.complaints.clear()
        self.page.goto((self.root / address).as_uri())

    def outside(self) -> list[str]:
        """Requests to anything but files of the publication."""
        inside = self.root.as_uri()
        return [url for url in self.requests if not url.startswith((inside, "data:", "blob:"))]

    def width_at(self, size: dict[str, int]) -> int:
        """How wide the page that is open is in a window of a size."""
        self.page.set_viewport_size(size)
        return self.page.evaluate("document.documentElement.scrollWidth")
