"""Draw the pictures of the README in `docs/sample/`; `make pictures` runs this with what they show.

The first page of `board_paper.pdf` there becomes `board_paper.png`, and the text on standard input `trace.svg`.
"""

import sys

import typst

from dagster_project.settings import PROJECT_ROOT

FOLDER = PROJECT_ROOT / "docs" / "sample"

_FIRST_PAGE = """
#set page(width: auto, height: auto, margin: 0pt)
#image("board_paper.pdf", page: 1)
"""
# 900 pixels for the width of A4.
_DOTS_PER_INCH = 900 / (210 / 25.4)
_TERMINAL = """
#set page(width: auto, height: auto, margin: 14pt, fill: rgb("#0b0c0c"))
#set text(font: "DejaVu Sans Mono", size: 9pt, fill: rgb("#f3f2f1"))
#raw(sys.inputs.text)
"""


def main() -> None:
    """Write the pictures."""
    # The types of typst want a root of bytes beside a text of bytes.
    page: bytes = typst.compile(_FIRST_PAGE.encode(), root=FOLDER, format="png", ppi=_DOTS_PER_INCH)  # type: ignore[call-overload]
    (FOLDER / "board_paper.png").write_bytes(page)
    text = {"text": sys.stdin.read()}
    trace = typst.compile(_TERMINAL.encode(), format="svg", ignore_system_fonts=True, sys_inputs=text)
    (FOLDER / "trace.svg").write_bytes(trace)


if __name__ == "__main__":
    main()
