"""Write `docs/sample/`: the sample's board paper, a picture of its first page, and a picture of a trace.

`make pictures` loads and publishes the sample of the printed months first. A test compares the paper with the one that
it publishes, and fails until this is run again.
"""

import shutil
from datetime import date
from itertools import islice

from dagster_project.cli.paper import read_report
from dagster_project.console import say
from dagster_project.publication.charts import draw
from dagster_project.publication.files import pointer_of
from dagster_project.publication.pdf import render_first_page
from dagster_project.publication.report.model import PAPER_MONTHS
from dagster_project.settings import PROJECT_ROOT, Settings, read_settings
from dagster_project.tracing.read import trace_figure
from dagster_project.tracing.text import lines_of

FOLDER = PROJECT_ROOT / "docs" / "sample"
PAPER = "board_paper.pdf"

_MEASURE, _MONTH = "calls_999.pct_not_answered", date(2023, 1, 1)
# Up to the files that the numerator was counted from.
_TRACE_LINES = 24

_TERMINAL = """
#set page(width: auto, height: auto, margin: 14pt, fill: rgb("#0b0c0c"))
#set text(font: "DejaVu Sans Mono", size: 9pt, fill: rgb("#f3f2f1"))
#raw(sys.inputs.text)
"""


def trace_text(settings: Settings) -> str:
    """Return what `fcir trace` prints of a figure, without the name of the publication, up to its first files."""
    trace = trace_figure(settings, _MEASURE, _MONTH, force=None, with_rows=False)
    lines = (line for line in lines_of(trace) if not line.startswith("Published"))
    return "\n".join([f"$ fcir trace {_MEASURE} {_MONTH:%Y-%m}", *islice(lines, _TRACE_LINES)])


def terminal(text: str) -> bytes:
    """Return a picture (SVG) of text as a terminal shows it."""
    import typst

    drawn: bytes = typst.compile(_TERMINAL.encode(), format="svg", ignore_system_fonts=True, sys_inputs={"text": text})
    return drawn


def main() -> None:
    """Write the files from the current publication, which has to be of the sample."""
    settings = read_settings()
    FOLDER.mkdir(exist_ok=True)
    shutil.copyfile(pointer_of(settings.published) / PAPER, FOLDER / PAPER)
    (FOLDER / "trace.svg").write_bytes(terminal(trace_text(settings)))
    report = read_report(settings, month=None, length=PAPER_MONTHS, force_code=settings.force)
    drawings = {chart.key: draw(chart) for section in report.sections for chart in section.all_charts}
    (FOLDER / "board_paper.png").write_bytes(render_first_page(report, drawings))
    say(f"Wrote {', '.join(sorted(path.name for path in FOLDER.iterdir()))} to {FOLDER}")


if __name__ == "__main__":
    main()
