"""The page and sentences on figures that are published for all forces, from rows of the mart."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import duckdb
import pytest

from dagster_project.publication.peer_charts import draw_peers
from dagster_project.publication.report.how_we_compare import how_we_compare
from dagster_project.publication.report.published_answering import findings, ordinal, published_months
from dagster_project.publication.site.peers import peers_content, peers_page

COLUMNS = (
    "force_code, month_start, calls, mean_answer_seconds, pct_under_10s, pct_10_to_60s, pct_over_60s, force_rank, "
    "mean_rank, forces_ranked, rank_reason, group_calls, group_mean_answer_seconds, group_pct_under_10s, "
    "group_pct_10_to_60s, group_pct_over_60s, group_forces_complete, group_forces, group_reason, uk_calls, "
    "uk_mean_answer_seconds, uk_pct_under_10s, uk_pct_10_to_60s, uk_pct_over_60s, uk_forces_complete, uk_forces"
)
COUNTRY = "4000, 17, 75, 21, 4, 2, 3"
NO_GROUP = "null, null, null, null, null, null, null, 'no_group'"
FRAME: dict[str, Any] = {
    **{"root": "", "here": "peers.html", "pages": (), "failed": (), "is_synthetic": False},
    **{"run_id": "run", "published_at": datetime(2023, 3, 15, tzinfo=UTC), "data_until": None},
}


def type_of(column: str) -> str:
    if column.endswith(("code", "reason")):
        return "varchar"
    if column == "month_start":
        return "date"
    return "decimal(38, 6)" if "pct" in column or "seconds" in column else "bigint"


@pytest.fixture
def marts() -> Iterator[duckdb.DuckDBPyConnection]:
    """Two months of three forces; in the second, surrey has nothing."""
    with duckdb.connect() as connection:
        connection.execute("create schema marts")
        connection.execute("create table marts.dim_force (force_code varchar, force_name varchar)")
        connection.execute("insert into marts.dim_force values ('kent', 'Kent Police'), ('surrey', '<b>Surrey</b>')")
        types = ", ".join(f"{name} {type_of(name)}" for name in COLUMNS.split(", "))
        connection.execute(f"create table marts.national_call_answering ({types})")
        connection.execute(
            "create table marts.kpi_calls_monthly (force_code varchar, line varchar, month_start date, "
            "received bigint, avg_queue_seconds decimal(38, 6), is_provisional boolean)"
        )
        yield connection


def fill(connection: duckdb.DuckDBPyConnection) -> None:
    own = "1000, 8, 90, 9, 1, 1, 1, 2, null"
    other = "3000, 20, 70, 25, 5, 2, 2, 2, null"
    group = "4000, 17, 75, 21, 4, 2, 3, null"
    gone = "null, null, null, null, null, null, null, 1, 'no_data'"
    for row in (
        f"'kent', '2022-07-01', {own}, {NO_GROUP}, {COUNTRY}",
        f"'surrey', '2022-07-01', {other}, {group}, {COUNTRY}",
        f"'kent', '2022-08-01', 1000, 8, 90, 9, 1, 1, 1, 1, null, {NO_GROUP}, 1000, 8, 90, 9, 1, 1, 3",
        f"'surrey', '2022-08-01', {gone}, {NO_GROUP}, 1000, 8, 90, 9, 1, 1, 3",
    ):
        connection.execute(f"insert into marts.national_call_answering values ({row})")  # noqa: S608 (rows of this test)
    connection.execute("insert into marts.kpi_calls_monthly values ('kent', '999', '2022-08-01', 1010, 6.5, false)")
    connection.execute("insert into marts.kpi_calls_monthly values ('kent', '999', '2022-07-01', 990, 6.5, true)")


def test_nothing_delivered_gives_no_page(marts):
    assert peers_content(marts, "kent") is None


def test_sentences_compare_texts_and_say_why_there_is_no_rank(marts):
    fill(marts)
    kent, surrey = ({row.month.month: row for row in published_months(marts, force_code=f)} for f in ("kent", "surrey"))
    assert findings(kent[7]) == (
        "90.0% of 999 calls were answered in under 10 seconds, above the United Kingdom (75.0%): "
        "ranked 1st of 2 forces.",
        "The mean answer time was 8.0s, below the United Kingdom (17.0s): ranked 1st of 2 (1 is the shortest).",
    )
    assert "as in the United Kingdom (90.0%)" in findings(kent[8])[0]
    assert findings(surrey[8]) == ("<b>Surrey</b> has no rank: nothing published.",)


@pytest.mark.parametrize(
    ("rank", "text"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (13, "13th"), (22, "22nd"), (46, "46th")],
)
def test_a_rank_is_written_as_an_ordinal(rank, text):
    assert ordinal(rank) == text


def test_the_page_marks_the_own_force_and_escapes_names(marts):
    fill(marts)
    page = peers_page(FRAME | peers_content(marts, "kent"))
    assert '<tr class="own"><td class="number">1</td><th scope="row">Kent Police</th>' in page
    assert "nothing published" in page
    assert "<b>Surrey" not in page
    assert "&lt;b&gt;Surrey" in page


def test_a_group_is_shown_for_a_force_that_has_one_and_own_figures_for_complete_months(marts):
    fill(marts)
    content = peers_content(marts, "surrey")
    assert [row.name for row in content["tables"]["2022-07"].totals] == ["United Kingdom", "Most similar group"]
    assert [row.remark for row in content["tables"]["2022-07"].totals] == ["2 of 3 forces", "2 of 3 forces"]
    assert [row.name for row in content["tables"]["2022-08"].totals] == ["United Kingdom"]
    assert content["compared"] == []
    # July has a missing day in the warehouse.
    assert [row[0] for row in peers_content(marts, "kent")["compared"]] == ["Aug 2022"]


def test_a_force_outside_the_table_has_a_page_without_a_mark(marts):
    fill(marts)
    content = peers_content(marts, "btp")
    assert content["own_name"] == ""
    assert content["tables"]["2022-08"].findings == ()
    assert all(chart.own == () for chart in content["charts"])
    assert "<svg" in draw_peers(content["charts"][0])


def test_a_paper_has_the_section_for_months_with_published_figures_only(marts):
    fill(marts)
    months = (date(2022, 7, 1), date(2022, 8, 1), date(2022, 9, 1))
    section = how_we_compare(marts, "kent", months)
    assert [statement.label for statement in section.statements[:2]] == ["999 calls, August 2022"] * 2
    texts = {row.measure: [figure.text for figure in row.figures] for row in section.table.rows}
    assert texts["how_we_compare.pct_under_10s"] == ["90.0%", "90.0%", "\N{EN DASH}"]
    assert texts["how_we_compare.uk_mean_answer_seconds"] == ["17.0", "8.0", "\N{EN DASH}"]
    assert "how_we_compare.group_pct_under_10s" not in texts
    of_surrey = {row.measure: row for row in how_we_compare(marts, "surrey", months).table.rows}
    assert [figure.text for figure in of_surrey["how_we_compare.group_pct_under_10s"].figures][:2] == [
        "75.0%",
        "\N{EN DASH}",
    ]
    # August has nothing of surrey, the months before November 2021 nothing of any force.
    assert how_we_compare(marts, "surrey", months[1:]) is None
    assert how_we_compare(marts, "kent", [date(2021, 1, 1)]) is None


def test_an_older_publication_without_the_table_has_no_section():
    with duckdb.connect() as connection:
        assert how_we_compare(connection, "kent", [date(2022, 7, 1)]) is None
