"""A small paper with one case of everything that a renderer has to show."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from dagster_project.publication.report.model import (
    Block,
    Change,
    Chart,
    Column,
    Definition,
    ExceptionItem,
    Figure,
    Headline,
    Matrix,
    Measure,
    Point,
    Report,
    Revision,
    Row,
    Run,
    Section,
    Statement,
    Table,
)
from dagster_project.publication.site.frame import PAGES

MONTHS = (date(2022, 12, 1), date(2023, 1, 1))
COLUMNS = (
    Column("2022-12", "Dec 2022", "December 2022"),
    Column("2023-01", "Jan 2023", "January 2023"),
    Column("fytd", "Year to date", "April 2022 to January 2023"),
)


def figure(text: str, value: str | None, note: int | None = None) -> Figure:
    return Figure(text, None if value is None else Decimal(value), is_provisional=note is not None, note=note)


def chart(
    measure: str, unit: str, values: list[str], *, target: str | None = None, verdict: str | None = None
) -> Chart:
    points = tuple(
        Point(month, Decimal(value), value, is_provisional=False, verdict=verdict)
        for month, value in zip(MONTHS, values, strict=True)
    )
    return Chart(
        measure=measure,
        title="A measure",
        finding="January 2023: worse than usual",
        alternative=f"{measure} by month",
        unit=unit,
        points=points,
        usual=Decimal(values[0]),
        lower_limit=Decimal(0),
        upper_limit=Decimal(values[0]) * 2,
        target=Decimal(target) if target else None,
        target_label="2% benchmark" if target else "",
    )


def a_frame() -> dict[str, Any]:
    """The values that a page of the site needs, for one beside the first page."""
    return {
        "root": "",
        "here": "explorer.html",
        "pages": PAGES,
        "failed": frozenset(),
        "run_id": "20230201T041500Z-0a1b2c3d",
        "published_at": datetime(2023, 2, 1, 4, 15, tzinfo=UTC),
        "data_until": date(2023, 1, 31),
        "is_synthetic": True,
    }


def a_report() -> Report:
    received = (figure("1,234", "1234"), figure("1,235", "1234.5", 1), figure("\N{EN DASH}", None, 2))
    lost = (figure("1.16%", "1.155"), figure("0.00%", "0.0049"), figure("100.00%", "100"))
    queue = (figure("17s", "17.4"), figure("1m 0s", "59.5"), figure("1h 2m 3s", "3723"))
    ratio = (figure("1.50", "1.5"), figure("0.01", "0.005"), figure("-2.25", "-2.25"))
    rows = (
        Row("calls_999.received", "=Received & <answered>", "count", 0, received),
        Row("calls_999.pct_not_answered", "% Not Answered", "percent", 2, lost),
        Row("calls_999.avg_queue_time", "Average Queuing Time", "duration", 0, queue),
        Row("calls_999.ratio", "Chats an hour", "ratio", 2, ratio),
    )
    section = Section(
        code="calls_999",
        title="999 calls",
        statements=(Statement("Received", "Rose."),),
        commentary=(
            Block("paragraph", (Run("Busy: "), Run("very", is_strong=True), Run(" <busy> #1 *", is_emphasised=True))),
            Block("bullet", (Run("first"),)),
            Block("bullet", (Run("second"),)),
        ),
        table=Table("999 calls, December 2022 to January 2023", COLUMNS, rows),
        charts=(
            chart("calls_999.received", "count", ["1234", "1234.5"]),
            chart("calls_999.pct_not_answered", "percent", ["1.155", "0.0049"], target="2", verdict="worse"),
            chart("calls_999.avg_queue_time", "duration", ["17.4", "59.5"]),
        ),
        weekly_charts=(
            replace(
                chart("calls_999.pct_not_answered", "percent", ["1.155", "0.0049"], target="2"),
                title="A measure by week",
                points=(
                    Point(date(2023, 1, 16), Decimal("1.155"), "1.16%", is_provisional=False),
                    Point(date(2023, 1, 23), Decimal("0.0049"), "0.00%", is_provisional=False),
                ),
                usual=Decimal(1),
                lower_limit=None,
                upper_limit=None,
                by="week",
            ),
        ),
    )
    return Report(
        force_code="kent",
        force_name="Kent Police & Co",
        months=MONTHS,
        data_until=date(2023, 1, 31),
        is_synthetic=True,
        main_points=("=Calls & <answered> rose by 1 (0.1%).",),
        matrix=a_matrix(section.charts[0].points),
        exceptions=(
            ExceptionItem(
                "=999 calls <received>",
                "Missed the target",
                (Block("paragraph", (Run("=Why & <how> #1"),)),),
                action="@Act <now>",
                owner="+A & B",
                due="1 May 2023",
            ),
        ),
        no_exceptions="",
        front=(("Author", "=A & <B> #c *d*"), ("Contact", "not stated")),
        marking="OFFICIAL & <more> #1",
        revisions=(Revision("=Calls <x>", "Dec 2022", "100", "102", "New or corrected deliveries"),),
        revisions_note="1 figure of an earlier month has changed since the paper of December 2022.",
        publication="20230201T041500Z-0a1b2c3d",
        commentary=(Block("number", (Run("One thing."),)),),
        sections=(section,),
        notes=(
            "Provisional: of January 2023, 30 of 31 days are delivered (96.8%).",
            "Nothing was delivered for April 2022 to January 2023.",
        ),
        definitions=(Definition("999 calls", "Received", "999 calls received", "Calls, by month."),),
    )


def a_matrix(trend: tuple[Point, ...]) -> Matrix:
    received = Headline(
        measure="calls_999.received",
        section="999 calls",
        label="=999 calls <received>",
        unit="count",
        decimals=0,
        figure=figure("1,235", "1234.5", 1),
        month_change=Change("\N{BLACK UP-POINTING TRIANGLE}", "up 1 (0.1%)"),
        year_change=Change("", "not compared: different formula"),
        trend=trend,
        trend_words="December 2022 to January 2023: lowest 1234 in December 2022, highest 1234.5 in January 2023",
        verdict="Worse than usual",
        target="under 2%: missed",
        course=("met in 3 of the last 12 months",),
        remark="Provisional: 30 of 31 days",
    )
    titles = {"label": "Measure", "figure": "Jan 2023", "month_change": "Change on Dec 2022"}
    titles |= {"year_change": "Change on Jan 2022", "trend": "Trend", "verdict": "Stands out", "target": "Target"}
    return Matrix(columns=tuple(titles.items()), headlines=(received,), note="")


def texts(report: Report) -> list[list[str]]:
    """The texts of the first table, row by row."""
    return [[item.text for item in row.figures] for row in report.sections[0].table.rows]


def a_measure(**changes: object) -> Measure:
    measure = Measure(
        code="calls_101.pct_not_answered",
        section="calls_101",
        section_title="101 calls",
        section_order=2,
        label="% Not Answered",
        short_label="Share of 101 calls not answered",
        unit="count",
        decimals=0,
        better="neither",
        definition="",
        numerator=None,
        denominator=None,
        owner="",
        sources="calls",
        in_board_paper=True,
        is_headline=True,
        chart_type="xmr",
        target_kind="benchmark",
    )
    return replace(measure, **changes)
