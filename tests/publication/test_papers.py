"""Which papers a publication renders, and which it takes over from the one before."""

import re
from dataclasses import replace
from datetime import date

import pytest

from dagster_project.publication import papers
from dagster_project.publication.draft import Draft
from dagster_project.publication.rendering import Renderer
from dagster_project.publication.report.commentary import Names
from dagster_project.publication.report.events import marked
from dagster_project.publication.report.model import Event
from dagster_project.publication.report.months import PaperMonth
from dagster_project.publication.report.read import ReportError
from tests.publication.reports import MONTHS, a_report

COMPLETE = [PaperMonth(month, 31, 31, month == MONTHS[-1], is_running=False) for month in MONTHS]
RUNNING = [
    PaperMonth(MONTHS[0], 31, 31, is_default=True, is_running=False),
    PaperMonth(MONTHS[1], 31, 1, is_default=False, is_running=True),
]


@pytest.fixture
def publish(tmp_path, monkeypatch):
    """Write the papers of two months that say this of the deliveries; returns what was written of each month."""
    monkeypatch.setattr(papers, "paper_months", lambda _: {"kent": COMPLETE})
    monkeypatch.setattr(papers, "paper_names", lambda _: Names({"calls_999": "999 calls"}, {}))
    monkeypatch.setattr(
        papers, "trace_addresses", lambda *_: {"calls_999.received": "measures/kent/received.trace.html"}
    )
    folders = [tmp_path / "0"]

    def publish(**changes):
        def report(_, *, month, publication, **__):
            return replace(
                a_report(), months=MONTHS[: MONTHS.index(month) + 1], **({"publication": publication} | changes)
            )

        monkeypatch.setattr(papers, "read_report", report)
        before = folders[-1] if folders[-1].exists() else None
        folders.append(tmp_path / str(len(folders)))
        with Renderer() as renderer:
            draft = Draft(folders[-1], before, renderer)
            written = papers.write_papers(None, draft, commentary=tmp_path / "commentary", force_code="kent")
        return {paper.month.month: (paper.is_rendered, folders[-1] / paper.folder) for paper in written}

    return publish


def test_later_deliveries_that_change_nothing_render_the_latest_paper_alone(publish):
    first = publish(data_until=date(2023, 1, 30))
    assert [is_rendered for is_rendered, _ in first.values()] == [True, True]
    second = publish(data_until=date(2023, 1, 31))
    rendered = {month: is_rendered for month, (is_rendered, _) in second.items()}
    assert rendered == {MONTHS[1]: True, MONTHS[0]: False}
    shown = {month: (folder / "board_paper.html").read_text(encoding="utf-8") for month, (_, folder) in second.items()}
    assert "From deliveries up to 31 January 2023." in shown[MONTHS[1]]
    # It still names the deliveries that it was made from, and so does the next one.
    assert "From deliveries up to 30 January 2023." in shown[MONTHS[0]]
    third = publish(data_until=date(2023, 1, 31))
    assert [is_rendered for is_rendered, _ in third.values()] == [False, False]
    # A paper that is taken over names the publication that it was made for.
    assert "Publication 2." in (third[MONTHS[1]][1] / "board_paper.html").read_text(encoding="utf-8")
    assert sorted(path.name for path in third[MONTHS[0]][1].iterdir()) == sorted(
        path.name for path in first[MONTHS[0]][1].iterdir()
    )


def test_a_paper_of_an_earlier_month_is_rendered_when_something_in_it_has_changed(publish):
    publish(data_until=date(2023, 1, 30))
    again = publish(data_until=date(2023, 1, 31), force_name="Kent")
    assert [is_rendered for is_rendered, _ in again.values()] == [True, True]
    assert "From deliveries up to 31 January 2023." in (again[MONTHS[0]][1] / "board_paper.html").read_text("utf-8")


def test_a_paper_is_rendered_again_when_the_events_in_its_charts_change(publish):
    section = a_report().sections[0]

    def sections(*events: Event):
        return (replace(section, charts=tuple(marked(chart, section.code, events) for chart in section.charts)),)

    strike = Event(date(2022, 12, 14), "Strike")
    rendered = [
        [is_rendered for is_rendered, _ in publish(sections=sections(*events)).values()]
        for events in ((), (strike,), (strike,), (replace(strike, label="Strikes"),), ())
    ]
    assert rendered == [[True] * 2, [True] * 2, [False] * 2, [True] * 2, [True] * 2]


def test_a_month_that_runs_has_a_paper_and_the_complete_one_is_shown_first(publish, monkeypatch):
    monkeypatch.setattr(papers, "paper_months", lambda _: {"kent": RUNNING})
    written = publish()
    folder = written[MONTHS[0]][1].parents[2]
    first, running = ((written[month][1] / "board_paper.html").read_bytes() for month in MONTHS)
    assert first != running
    assert {path.name: path.read_bytes() for path in folder.glob("board_paper.*")} == {
        path.name: path.read_bytes().replace(b'href="../../../', b'href="')
        for path in written[MONTHS[0]][1].glob("board_paper.*")
    }


def test_measures_of_the_newest_paper_lead_to_their_traces_unless_these_are_missing(publish):
    written = publish()
    folder, newest = written[MONTHS[1]][1].parents[2], written[MONTHS[1]][1] / "board_paper.html"
    (folder / "measures" / "kent").mkdir(parents=True)
    trace = folder / "measures" / "kent" / "received.trace.html"
    trace.write_text("trace", encoding="utf-8")
    shown = [folder / "board_paper.html", newest]

    def links(page):
        return re.findall(r'<a class="trace" href="([^"]*)">(.*?)</a>', page.read_text(encoding="utf-8"))

    with Renderer() as renderer:
        draft = Draft(folder, None, renderer)
        paper = papers.Paper("kent", "Kent", COMPLETE[1], newest.parent.relative_to(folder), True, (), ())
        papers.remove_broken_links(draft, [paper])
        for page in shown:
            assert [label for _, label in links(page)] == [
                "=999 calls &lt;received&gt;",
                "=Received &amp; &lt;answered&gt;",
            ]
            assert {(page.parent / address).resolve() for address, _ in links(page)} == {trace.resolve()}
        assert links(written[MONTHS[0]][1] / "board_paper.html") == []
        trace.unlink()
        papers.remove_broken_links(draft, [paper])
    assert [links(page) for page in shown] == [[], []]
    assert '<th scope="row">=Received &amp; &lt;answered&gt;' in newest.read_text(encoding="utf-8")
    # So that the next publication renders it again.
    assert not newest.with_name("report.json").exists()


def test_the_papers_of_a_year_and_of_what_runs_are_kept(monkeypatch):
    year = [PaperMonth(date(2021 + n // 12, n % 12 + 1, 1), 30, 30, n == 13, is_running=n > 13) for n in range(15)]
    monkeypatch.setattr(papers, "paper_months", lambda _: {"kent": year})
    monkeypatch.setattr(papers, "_write", lambda *given, **_: given[-1].month)
    monkeypatch.setattr(papers, "read_defaults", lambda *_: {})
    monkeypatch.setattr(papers, "first_shown", lambda *_: None)
    written = papers.write_papers(None, None, commentary=None, force_code="kent")
    assert written == [item.month for item in reversed(year[2:])]


def test_where_the_first_paper_cannot_be_made_no_month_that_runs_takes_its_place(monkeypatch, tmp_path):
    def fails(_, *, month, **__):
        if month == MONTHS[0]:
            raise ReportError("no figure")
        return replace(a_report(), months=(month,))

    monkeypatch.setattr(papers, "paper_months", lambda _: {"kent": RUNNING})
    monkeypatch.setattr(papers, "read_report", fails)
    monkeypatch.setattr(papers, "paper_names", lambda _: Names({"calls_999": "999 calls"}, {}))
    with Renderer() as renderer:
        draft = Draft(tmp_path / "x", None, renderer)
        written = papers.write_papers(None, draft, commentary=tmp_path / "none", force_code="kent")
    assert [paper.month for paper in written] == [RUNNING[1]]
    assert not list((tmp_path / "x").glob("board_paper.*"))
