"""Which papers a publication renders, and which it takes over from the one before."""

import re
from dataclasses import replace
from datetime import date

import pytest

from dagster_project.publication import files, papers
from dagster_project.publication.files import Draft
from dagster_project.publication.rendering import Rendered, Renderer
from dagster_project.publication.report.commentary import Names
from dagster_project.publication.report.model import Event, PaperMonth
from dagster_project.publication.report.queries import ForceRows
from dagster_project.publication.report.read import ReportError
from tests.unit.publication.reports import MONTHS, a_measure, a_report, of_section

COMPLETE = [PaperMonth(month, 31, 31, month == MONTHS[-1], is_running=False) for month in MONTHS]
RUNNING = [replace(COMPLETE[0], is_default=True), PaperMonth(MONTHS[1], 31, 1, is_default=False, is_running=True)]
MEASURE = "measures/kent/calls_101.pct_not_answered.html"


def as_text(report, *_):
    """A form of a paper as a short text in place of a picture or a page."""
    return f"{report.data_until} {report.publication}"


def page_as_text(report, _, measure_pages):
    links = "".join(f'<a class="site" href="../../../{address}">x</a>' for address in measure_pages.values())
    return f"{report.data_until} {report.publication} {links}"


def rows_of(force) -> ForceRows:
    return ForceRows(force, catalogue=[a_measure()])


class RenderingHere(Renderer):
    """Renders in this process."""

    def _render(self, path, function, arguments):
        return None if path in self.failing else Rendered(function(*arguments).encode())

    failing: tuple[str, ...] = ()


@pytest.fixture
def publish(tmp_path, monkeypatch):
    """Write the papers of two months; returns what was written of each month: whether rendered, folder, page."""
    monkeypatch.setattr(papers, "paper_months", lambda _: {"kent": COMPLETE})
    monkeypatch.setattr(papers, "paper_names", lambda _: Names({"calls_999": "999 calls"}, {}))
    monkeypatch.setattr(papers, "tasks", lambda report, forms: dict.fromkeys(forms[1:], (as_text, (report,))))
    monkeypatch.setattr(papers, "page", page_as_text)
    folders = [tmp_path / "0"]

    def publish(fails=None, failing=(), has_same_tables=False, **changes):
        def report(_, *, month, publication, **__):
            if fails == month:
                raise ReportError("no figure")
            return a_report(**{"publication": publication, "months": MONTHS[: MONTHS.index(month) + 1]} | changes)

        monkeypatch.setattr(papers, "report_of", report)
        before = folders[-1] if folders[-1].exists() else None
        folders.append(tmp_path / str(len(folders)))
        renderer = RenderingHere(before=before)
        renderer.failing, renderer.has_same_tables = failing, has_same_tables
        draft = Draft(folders[-1], before, renderer)
        written = papers.write_papers(None, draft, rows_of, commentary=tmp_path / "commentary", force_code="kent")
        files.write_manifest(folders[-1], {"files": files.files_of(folders[-1]), "rendered": renderer.made_of})
        pages = [(paper, folders[-1] / paper.folder / papers.PAGE) for paper in written]
        return {
            paper.month.month: (paper.is_rendered, page.parent, page.read_text(encoding="utf-8"))
            for paper, page in pages
        }

    return publish


def rendered(written) -> list[bool]:
    """Whether each month was rendered, newest first."""
    return [is_rendered for is_rendered, *_ in written.values()]


def test_later_deliveries_that_change_nothing_render_the_latest_paper_alone(publish):
    first = publish(data_until=date(2023, 1, 30))
    assert (list(first), rendered(first)) == ([*reversed(MONTHS)], [True, True])
    second = publish(data_until=date(2023, 1, 31))
    assert rendered(second) == [True, False]
    # The earlier one still names the deliveries that it was made from.
    assert [page.split()[0] for *_, page in second.values()] == ["2023-01-31", "2023-01-30"]
    third = publish(data_until=date(2023, 1, 31))
    assert rendered(third) == [False, False]
    # A paper that is taken over names the publication that it was made for.
    assert [page.split()[1] for *_, page in third.values()] == ["2", "1"]
    names = [sorted(path.name for path in written[MONTHS[0]][1].iterdir()) for written in (first, third)]
    assert names[0] == names[1]


def test_from_the_same_tables_a_paper_is_read_again_only_if_its_words_have_changed(publish, tmp_path):
    newest = f"papers/kent/{MONTHS[-1]:%Y-%m}"
    assert rendered(publish(failing=(f"{newest}/board_paper.xlsx",))) == [True, True]
    # The form that failed is tried again; the other month is not even read.
    assert rendered(publish(has_same_tables=True, fails=MONTHS[0])) == [True, False]
    assert rendered(publish(has_same_tables=True, fails=MONTHS[0])) == [False, False]
    words = tmp_path / "commentary" / "kent" / f"{MONTHS[-1]:%Y-%m}.md"
    words.parent.mkdir(parents=True)
    words.write_text("A sentence.\n", encoding="utf-8")
    # What was read of the month is the same here, so nothing is drawn.
    assert list(publish(has_same_tables=True, fails=MONTHS[-1])) == [MONTHS[0]]


def test_a_paper_is_rendered_again_when_something_in_it_has_changed(publish):
    charts = (replace(a_report().sections[0].charts[0], events=(Event(MONTHS[0], "Strike"),)),)
    marked = {"sections": of_section(a_report(), charts=charts).sections}
    changes = [({}, True), (marked, True), (marked, False), ({}, True), ({"force_name": "Kent"}, True)]
    assert [rendered(publish(**change)) for change, _ in changes] == [[changed, changed] for _, changed in changes]


def test_the_complete_month_is_shown_first_and_a_running_one_never(publish, monkeypatch):
    monkeypatch.setattr(papers, "paper_months", lambda _: {"kent": RUNNING})
    written = publish()
    folder = written[MONTHS[0]][1].parents[2]
    first = written[MONTHS[0]][1].glob("board_paper.*")
    # Links to the site begin at the folder of the page.
    expected = {path.name: path.read_bytes().replace(b'href="../../../', b'href="') for path in first}
    assert {path.name: path.read_bytes() for path in folder.glob("board_paper.*")} == expected
    # It changes every night, and is a page alone.
    assert [path.name for path in written[MONTHS[1]][1].iterdir()] == [papers.PAGE]
    # Where the first paper cannot be made, no month that runs takes its place.
    failed = publish(fails=MONTHS[0])
    assert list(failed) == [MONTHS[1]]
    assert not list(failed[MONTHS[1]][1].parents[2].glob("board_paper.*"))


def test_measures_of_a_paper_lead_to_their_pages(publish):
    written = publish()
    folder = written[MONTHS[0]][1].parents[2]

    def links(page):
        found = re.findall(r'<a class="site" href="([^"]*)">', page.read_text(encoding="utf-8"))
        return [(page.parent / address).resolve() for address in found]

    pages = [folder / papers.PAGE, *(written[month][1] / papers.PAGE for month in MONTHS)]
    assert [links(page) for page in pages] == [[(folder / MEASURE).resolve()]] * 3


def test_the_papers_of_a_year_and_of_what_runs_are_kept(tmp_path, monkeypatch, renderer):
    year = [PaperMonth(date(2021 + n // 12, n % 12 + 1, 1), 30, 30, n == 13, is_running=n > 13) for n in range(15)]
    monkeypatch.setattr(papers, "paper_months", lambda _: {"kent": year})
    monkeypatch.setattr(papers, "_write", lambda *given, **_: given[-2].month)
    monkeypatch.setattr(papers, "first_shown", lambda *_: None)
    written = papers.write_papers(None, Draft(tmp_path, None, renderer), rows_of, commentary=None, force_code="kent")
    assert written == [item.month for item in reversed(year[2:])]


def test_a_paper_is_written_in_every_form_and_names_those_that_failed(tmp_path, monkeypatch, caplog):
    report = a_report(marking="\u4e2d")
    written = papers.write_paper(report, tmp_path)
    assert [path.name for path in written][:2] == ["board_paper.html", "board_paper.pdf"]
    assert len(written) == len(list(tmp_path.iterdir())) == 5
    assert "characters that the typeface does not have are shown as ?: 1. Look for ? in it" in caplog.text
    page = (tmp_path / "board_paper.html").read_text(encoding="utf-8")
    assert '<a href="board_paper.docx">Word</a>' in page
    monkeypatch.setattr(papers, "page", lambda: "not by a function of a module")
    with pytest.raises(ReportError, match=r"board_paper.html: .*The other files are in"):
        papers.write_paper(report, tmp_path)
