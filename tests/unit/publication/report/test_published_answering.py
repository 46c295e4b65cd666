"""What is published nationally stands below the force's own share of 999 calls, with country and rank."""

from datetime import date
from decimal import Decimal
from typing import Any

from dagster_project.publication.report.headlines import matrix
from dagster_project.publication.report.model import Headline
from dagster_project.publication.report.published_answering import BESIDE, HEADLINE, published_headline
from tests.unit.publication.reports import a_report

DECEMBER, JANUARY = date(2022, 12, 1), date(2023, 1, 1)
MONTHS = (DECEMBER, JANUARY)


def published(month: date, share: str | None, **changes: Any) -> dict[str, Any]:
    row = {"month_start": month, "pct_under_10s": share and Decimal(share), "uk_pct_under_10s": Decimal("84.06")}
    return row | {"force_rank": 23, "forces_ranked": 44, "rank_reason": None} | changes


def row_of(*rows: dict[str, Any]) -> Headline:
    row = published_headline(rows, MONTHS)
    assert row is not None
    return row


def test_the_figure_of_the_month_stands_beside_country_rank_and_the_months_it_is_compared_with():
    row = row_of(published(date(2022, 1, 1), "80"), published(DECEMBER, "81"), published(JANUARY, "82.44"))
    assert (row.figure.text, row.verdict) == ("82.4%", "UK 84.1%, 23rd of 44 forces")
    assert [figure.text for figure in row.beside.values()] == ["81.0%", "80.0%", "\N{EN DASH}", "\N{EN DASH}"]
    unranked = published(JANUARY, "82.4", force_rank=None, rank_reason="no_figure")
    assert row_of(unranked).verdict == "UK 84.1%, no rank: figures incomplete"


def test_an_earlier_month_is_named_and_one_that_no_paper_of_these_months_shows_is_not_taken():
    row = row_of(published(DECEMBER, "82.44"), published(JANUARY, None), published(date(2023, 2, 1), "90"))
    assert (row.figure.text, row.beside["month_before"].text) == ("\N{EN DASH}", "82.4%")
    assert row.verdict == "Dec 2022: 82.4%; UK 84.1%, 23rd of 44 forces"
    assert published_headline([published(date(2022, 11, 1), "80")], MONTHS) is None


def test_it_follows_the_share_of_the_force_itself():
    (received,) = a_report().matrix.headlines
    own, nation = (Headline(**vars(received) | {"measure": code}) for code in (BESIDE, HEADLINE))
    for rows, expected in (
        ((own, received), [BESIDE, HEADLINE, received.measure]),
        ((received,), [received.measure, HEADLINE]),
    ):
        assert [item.measure for item in matrix(rows, JANUARY, nation).headlines] == expected
