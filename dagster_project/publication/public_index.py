"""The first page and the README of a public edition: its newest paper, its tables, how small counts are protected."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import duckdb
from markdown_it import MarkdownIt
from markupsafe import Markup

from dagster_project.clock import LONDON
from dagster_project.config.publication import PublicationSettings
from dagster_project.disclosure.releases import Controlled, Release
from dagster_project.disclosure.rules import DisclosureRules
from dagster_project.publication.charts import draw
from dagster_project.publication.files import Draft, write
from dagster_project.publication.forms import FORMS
from dagster_project.publication.html import render_template
from dagster_project.publication.papers import Paper, first_shown
from dagster_project.publication.report.model import PAPER_MONTHS, Block, Chart, Report
from dagster_project.publication.report.queries import read_force
from dagster_project.publication.report.read import report_of

INDEX = "index.html"

_TEXT = """# Police contact and crime figures, public edition {name}
{synthetic}
`board_paper.html`, `.pdf` and `.xlsx` are the paper for the newest complete month; `papers/` has those for other
months. Each table is in `csv/`, in `parquet/` and in `fcir_public.duckdb`, where tables and columns have descriptions.
`manifest.json` has the hash of every file. `index.html` says whom to ask, when the next edition comes, and under which
licence the figures may be used.

## Figures of the whole force

{whole}

These are exact, and each edition shows their values as of its date. A figure marked as provisional will change.

## Counts below force level

{controlled}

- **Small counts are not shown.** A count below {threshold} is left empty, or its row is left out; so is a count of 0.
  An empty count says "{range}", not "none".
- **Shown counts are rounded** to the nearest {base}, each independently, so they do not add up to the force's total.
  The exact total is next to them (`..._of_force`).
- **A month is withheld** from a table where the rounded counts and the total together would reveal a small count. All
  its counts are empty or its rows are left out, which says nothing about any of them.
- **No rates and means** are shown below force level: they would reveal the exact counts.
- **A month is shown once.** It is shown when every day of it is loaded{settle}.
  Every later edition repeats it unchanged, with its total, even if records were corrected since; the figures for the
  whole force are corrected. `shown_months` has the edition that first showed each month, its threshold and its base.
- Each table has a single breakdown (district, offence, code, ...). Two breakdowns at once, single events, and anything
  about a person who works for the force or contacts it are not published.

The method is secondary suppression of whole months on top of a threshold and conventional rounding; see Hundepool et
al., Statistical Disclosure Control (Wiley 2012), chapter 5, and the GSS/GSR Disclosure Control Guidance for Tables
Produced from Administrative Sources.
"""


def write_public_index(
    connection: duckdb.DuckDBPyConnection,
    draft: Draft,
    papers: Sequence[Paper],
    *,
    notes: str,
    about: PublicationSettings,
    approved: Callable[[str, str], Sequence[Block]],
    force_code: str,
    published_at: datetime,
    is_synthetic: bool,
) -> None:
    """Write `index.html`: the main points, figures and charts of the newest paper, and links to all papers and tables.

    Args:
        connection: the database of the edition; the comments on its tables describe them.
        draft: the edition; it has the papers and tables.
        papers: the papers, by force, newest month first.
        notes: the notes for readers, in Markdown.
        about: licence, owner, contact and next release.
        approved: returns the text on a force's month (`YYYY-MM`) that was approved for the public.
        force_code: the force whose newest paper is linked first.
        published_at: time of publication, with time zone.
        is_synthetic: whether any row behind the edition is synthetic.
    """
    tables = connection.execute(
        "select table_name, comment, estimated_size from duckdb_tables() where schema_name = 'marts' order by all"
    ).fetchall()
    latest = first_shown(papers, force_code)
    report = latest and report_of(
        read_force(connection, latest.force_code),
        month=latest.month.month,
        length=PAPER_MONTHS,
        commentary=None,
        main_points={latest.month.month: latest.main_points},
    )
    charts = _charts(report) if report else []
    content = {
        "report": report,
        "matrix": report and report.matrix,
        "has_notes": False,
        "measure_pages": {},
        "approved": approved(latest.force_code, f"{latest.month.month:%Y-%m}") if latest else (),
        "charts": [(chart, draw(chart)) for chart in charts],
        "papers": sorted(papers, key=lambda paper: paper.force_code != force_code),
        "latest": latest,
        "forms": FORMS,
        "tables": [
            (name, comment, rows, [(form, f"{form}/{name}.{form}") for form in ("csv", "parquet")])
            for name, comment, rows in tables
        ],
        "contacts": [
            ("Next release", f"{about.next_release.day} {about.next_release:%B %Y}"),
            ("Owner", about.owner),
            ("Contact", about.contact),
            ("Licence", about.licence),
        ],
        "published_at": published_at.astimezone(LONDON),
        "is_synthetic": is_synthetic,
    }
    page = draft.renderer.render(INDEX, public_index, content, notes)
    if page:
        write(draft.folder, INDEX, page.content)


def public_index(content: Mapping[str, Any], notes: str) -> str:
    """Render the page; HTML in the notes is shown as text."""
    method = MarkdownIt("js-default", {"html": False}).render(_sections(notes))
    # The project draws the charts from numbers, so nothing in them needs escaping.
    charts = [(chart, Markup(drawing)) for chart, drawing in content["charts"]]  # noqa: S704
    return render_template("public_index.html.j2", {**content, "charts": charts, "notes": Markup(method)})  # noqa: S704


def _charts(report: Report) -> list[Chart]:
    """Return the chart by month of the first headline measure of each section that has one."""
    headlines = {item.measure for item in report.matrix.headlines}
    return [
        chart
        for section in report.sections
        if (chart := next((chart for chart in section.charts if chart.measure in headlines), None))
    ]


def _sections(notes: str) -> str:
    """Return the notes from their first section on; the page says otherwise what comes before it."""
    return notes[notes.index("\n## ") :]


def notes(releases: Sequence[Release], rules: DisclosureRules, name: str, *, is_synthetic: bool) -> str:
    """Return the README of a public edition, in Markdown; it says if any row behind the edition is synthetic."""
    whole = ", ".join(f"`{release.table}`" for release in releases if not isinstance(release, Controlled))
    controlled = "\n".join(
        f"- `{release.table}`: {release.about}" for release in releases if isinstance(release, Controlled)
    )
    months = rules.months_to_settle
    settle = "" if not months else f" and so is the {'month' if months == 1 else f'{months} months'} after it"
    return _TEXT.format(
        name=name,
        synthetic="\n**Synthetic sample: nothing in it took place.**\n" if is_synthetic else "",
        whole=whole or "None.",
        controlled=controlled or "None.",
        threshold=rules.threshold,
        base=rules.rounding_base,
        range=f"0 to {rules.most_hidden}",
        settle=settle,
    )
