"""The first page of a public edition says how complete each month is."""

import re
from datetime import date
from pathlib import Path

import pytest

from dagster_project.clock import utc_now
from dagster_project.publication.forms import FORMS
from dagster_project.publication.papers import Paper
from dagster_project.publication.public_index import public_index
from dagster_project.publication.report.months import PaperMonth


def words_of(*months: PaperMonth) -> str:
    """The words of the page with the papers of these months; the first one is shown."""
    papers = [
        Paper("kent", "Kent", month, Path("papers"), is_rendered=True, forms=("board_paper.pdf",)) for month in months
    ]
    content = {
        **{"papers": papers, "latest": papers[0], "forms": FORMS, "tables": [], "contacts": ()},
        **{"published_at": utc_now(), "is_synthetic": False},
    }
    page = public_index(content, "# Title\n\n## Notes\n")
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


@pytest.mark.parametrize(
    ("days", "first", "listed"),
    [
        (28, "Newest complete month: February 2023,", "Kent February 2023 PDF"),
        (0, "Month shown: February 2023,", "Kent February 2023 0 of 28 days PDF"),
    ],
)
def test_a_month_is_called_complete_only_if_every_day_is_delivered(days, first, listed):
    words = words_of(PaperMonth(date(2023, 2, 1), 28, days, is_default=True, is_running=False))
    assert first in words
    assert listed in words
    notice = "February 2023 is not complete: 0 of 28 days are delivered by every source. Its figures are provisional."
    assert (notice in words) == (days < 28)


def test_a_running_month_is_marked_in_the_list_of_papers():
    january = PaperMonth(date(2023, 1, 1), 31, 31, is_default=True, is_running=False)
    february = PaperMonth(date(2023, 2, 1), 28, 1, is_default=False, is_running=True)
    assert "Kent February 2023 so far, 1 of 28 days PDF" in words_of(january, february)
