"""Figures that are published for all forces: sentences, the page, its charts, and the section of a paper."""

from datetime import date

import pytest

from dagster_project.publication.report.published_answering import findings, how_we_compare, ordinal
from dagster_project.publication.report.queries import read
from dagster_project.publication.site.peers import peer_charts

JULY, AUGUST, SEPTEMBER = (date(2022, month, 1) for month in (7, 8, 9))
FIGURES = ("calls", "mean_answer_seconds", "pct_under_10s", "pct_10_to_60s", "pct_over_60s")
COLUMNS = (
    *("force_code", "month_start", *FIGURES, "force_rank", "mean_rank", "forces_ranked", "rank_reason"),
    *(*(f"group_{name}" for name in FIGURES), "group_forces_complete", "group_forces", "group_reason"),
    *(*(f"uk_{name}" for name in FIGURES), "uk_forces_complete", "uk_forces"),
)


@pytest.fixture
def published(marts):
    """Two months of three forces; in the second, surrey has nothing."""
    kinds = {"force_code": "text", "month_start": "date", "rank_reason": "text", "group_reason": "text"}
    kinds |= {name: "decimal(38, 6)" for name in COLUMNS if "pct" in name or "seconds" in name}
    types = ", ".join(f"{name} {kinds.get(name, 'bigint')}" for name in COLUMNS)
    group, uk = "4000, 17, 75, 21, 4, 2, 3", "4000, 17, 75, 21, 4, 2, 3"
    nothing, no_group = "null, null, null, null, null", "null, null, null, null, null, null, null, 'no_group'"
    marts.execute(
        f"""
        create table marts.national_call_answering ({types});
        insert into marts.national_call_answering values
            ('kent', '2022-07-01', 1000, 8, 90, 9, 1, 1, 2, 2, null, {no_group}, {uk}),
            ('surrey', '2022-07-01', 3000, 20, 70, 25, 5, 2, 1, 2, null, {group}, null, {uk}),
            ('kent', '2022-08-01', 1000, 8, 90, 9, 1, 1, 1, 1, null, {no_group}, 1000, 8, 90, 9, 1, 1, 3),
            ('surrey', '2022-08-01', {nothing}, null, null, 1, 'no_data', {no_group}, 1000, 8, 90, 9, 1, 1, 3);
        create table marts.dim_force as from (values ('kent', 'Kent Police'), ('surrey', '<b>Surrey</b>'))
            as t (force_code, force_name);
        create table marts.kpi_calls_monthly as select 'kent' as force_code, * from (values
            ('999', date '2022-08-01', 1010, 6.5, false), ('999', date '2022-07-01', 990, 6.5, true),
            ('101', date '2022-08-01', 1, 6.5, false)
        ) as t (line, month_start, received, avg_queue_seconds, is_provisional)
        """
    )
    return marts


def test_sentences_compare_texts_and_say_why_there_is_no_rank(published):
    july, august = read(published, "published", force_code="kent")
    assert findings(july) == (
        "90.0% of 999 calls were answered in under 10 seconds, above the United Kingdom (75.0%): ranked 1st of 2 "
        "forces.",
        "The mean answer time was 8.0s, below the United Kingdom (17.0s): ranked 2nd of 2 (1 is the shortest).",
    )
    assert "as in the United Kingdom (90.0%)" in findings(august)[0]
    surrey = read(published, "published", force_code="surrey")[-1]
    assert findings(surrey) == ("<b>Surrey</b> has no rank: nothing published.",)
    assert len(read(published, "published", force_code=None)) == 4
    ranks = (1, 2, 3, 4, 11, 12, 13, 22, 111)
    assert " ".join(map(ordinal, ranks)) == "1st 2nd 3rd 4th 11th 12th 13th 22nd 111th"


def test_the_chart_of_the_forces_names_the_own_one_and_the_country(published):
    share, mean = peer_charts(published, "kent")["peer_charts"]
    assert share.finding == "August 2022: 90.0%; United Kingdom 90.0%"
    assert share.alternative == (
        "Line chart of the share of 999 calls answered in under 10 seconds, of 2 forces, July 2022 to August 2022. "
        f"{share.finding}."
    )
    assert share.own_name == "Kent"
    drawn = share.drawing
    assert drawn.count('stroke-width="3"') == drawn.count('stroke="#c9cdd0"') == 1
    assert drawn.count(">Kent<") == drawn.count(">UK<") == drawn.count('stroke-dasharray="5,3"') == 1
    assert ">100%<" in drawn
    assert ">20s<" in mean.drawing
    outside, _ = peer_charts(published, "btp")["peer_charts"]
    assert outside.own_name == ""
    assert outside.drawing.count("font-weight") == 1


def test_a_paper_has_the_section_for_months_with_published_figures_only(published):
    section = how_we_compare(read(published, "published", force_code="kent"), [JULY, AUGUST, SEPTEMBER])
    assert [statement.label for statement in section.statements[:2]] == ["999 calls, August 2022"] * 2
    rows = {row.measure.partition(".")[2]: [figure.text for figure in row.figures] for row in section.table.rows}
    assert [rows[name] for name in ("calls", "uk_pct_under_10s", "force_rank", "mean_rank")] == [
        [*row, "\N{EN DASH}"] for row in (["1,000", "1,000"], ["75.0%", "90.0%"], ["1", "1"], ["2", "1"])
    ]
    assert section.table.caption == "999 calls as published for all forces, July 2022 to September 2022"
    of_group = how_we_compare(read(published, "published", force_code="surrey"), [JULY, AUGUST]).table.rows[-2:]
    assert [row.figures[0].text for row in of_group] == ["75.0%", "17.0"]
    # August has nothing of surrey, the months before nothing of any force.
    assert how_we_compare(read(published, "published", force_code="surrey"), [AUGUST]) is None
    assert how_we_compare(read(published, "published", force_code="kent"), [date(2021, 1, 1)]) is None
