"""Which papers a publication renders, and which it takes over from the one before."""

from dataclasses import replace
from datetime import date

import pytest

from dagster_project.publication import papers
from tests.publication.reports import MONTHS, a_report


@pytest.fixture
def publish(tmp_path, monkeypatch):
    """Write the papers of two months that say this of the deliveries; returns what was written of each month."""
    monkeypatch.setattr(papers, "paper_months", lambda _: {"kent": list(MONTHS)})
    monkeypatch.setattr(papers, "paper_sections", lambda _: {"calls_999": "999 calls"})
    folders = [tmp_path / "0"]

    def publish(**changes):
        def report(_, *, month, **__):
            return replace(a_report(), months=MONTHS[: MONTHS.index(month) + 1], **changes)

        monkeypatch.setattr(papers, "read_report", report)
        before = folders[-1] if folders[-1].exists() else None
        folders.append(tmp_path / str(len(folders)))
        written = papers.write_papers(
            None, folders[-1], before=before, commentary=tmp_path / "commentary", force_code="kent"
        )
        return {paper.month: (paper.is_rendered, folders[-1] / paper.place) for paper in written}

    return publish


def test_later_deliveries_that_change_nothing_render_the_latest_paper_alone(publish):
    first = publish(data_until=date(2023, 1, 30))
    assert [is_rendered for is_rendered, _ in first.values()] == [True, True]
    second = publish(data_until=date(2023, 1, 31))
    rendered = {month: is_rendered for month, (is_rendered, _) in second.items()}
    assert rendered == {MONTHS[1]: True, MONTHS[0]: False}
    shown = {month: (place / "board_paper.html").read_text(encoding="utf-8") for month, (_, place) in second.items()}
    assert "From deliveries up to 31 January 2023." in shown[MONTHS[1]]
    # It goes on naming what it was made from, and so does the one after it.
    assert "From deliveries up to 30 January 2023." in shown[MONTHS[0]]
    third = publish(data_until=date(2023, 1, 31))
    assert [is_rendered for is_rendered, _ in third.values()] == [False, False]
    assert sorted(path.name for path in third[MONTHS[0]][1].iterdir()) == sorted(
        path.name for path in first[MONTHS[0]][1].iterdir()
    )


def test_a_paper_of_an_earlier_month_is_rendered_when_something_in_it_has_changed(publish):
    publish(data_until=date(2023, 1, 30))
    again = publish(data_until=date(2023, 1, 31), force_name="Kent")
    assert [is_rendered for is_rendered, _ in again.values()] == [True, True]
    assert "From deliveries up to 31 January 2023." in (again[MONTHS[0]][1] / "board_paper.html").read_text("utf-8")
