"""Questions of a new reader, asked as such a reader would: from the first page, by links and controls with their names.

Each is answered within three clicks. The answers are computed from the published tables, not from the pages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import pytest
from playwright.sync_api import Locator, expect

from tests.pages.looked import Looked

MOST_CLICKS = 3
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
VARIATIONS = {
    "common_cause": "No unusual change",
    "improving": "Better than usual",
    "concerning": "Worse than usual",
    "unusual": "Unusual",
}


@dataclass
class Reader:
    """Somebody who began at the first page, and the clicks since."""

    looked: Looked
    clicks: int = 0

    def follow(self, name: str, within: Locator | None = None, role: Any = "link") -> None:
        """Click a visible link by its name."""
        (within or self.looked.page).get_by_role(role, name=name, exact=True).click()
        self.clicks += 1

    def choose(self, label: str, option: str) -> None:
        """Choose an option of a visible control by their names."""
        self.looked.page.get_by_role("combobox", name=label, exact=True).select_option(label=option)
        self.clicks += 1

    def find(self, words: str, title: str) -> None:
        """Type words into the search, and click a result."""
        self.looked.page.get_by_role("searchbox").fill(words)
        results = self.looked.page.get_by_role("list", name="Search results")
        results.get_by_role("link").filter(has_text=title).click()
        self.clicks += 1

    def card(self, label: str) -> Locator:
        """A card of the first page."""
        link = self.looked.page.get_by_role("link", name=label, exact=True)
        return self.looked.page.get_by_role("listitem").filter(has=link)

    def part(self, name: str) -> Locator:
        """A part of the page by its name."""
        return self.looked.page.get_by_role("region", name=name, exact=True)

    def row(self, name: str, within: Locator) -> list[str]:
        """The texts of a row's cells, found by the name of the row."""
        head = self.looked.page.get_by_role("rowheader", name=name, exact=True)
        row = within.get_by_role("row").filter(has=head).first
        expect(row).to_be_visible()
        return [text.strip() for text in row.locator("th, td").all_inner_texts()]

    def under(self, heading: str, row: str, within: Locator) -> str:
        """The text in a row of a table, in the column of a heading."""
        headings = [text.strip() for text in within.locator("thead th").all_inner_texts()]
        return self.row(row, within)[headings.index(heading)]


@pytest.fixture
def reader(looked) -> Iterator[Reader]:
    looked.open("index.html")
    one = Reader(looked)
    yield one
    assert one.clicks <= MOST_CLICKS
    assert looked.complaints == []


@pytest.fixture(scope="module")
def answer(published) -> Iterator[Callable[..., tuple[Any, ...]]]:
    """The first row of a query of the published tables."""
    with duckdb.connect(str(published / "fcir.duckdb"), read_only=True) as connection:
        connection.execute("use fcir.marts")

        def first(sql: str, **values: object) -> tuple[Any, ...]:
            row = connection.execute(sql, values).fetchone()
            assert row is not None, sql
            return row

        yield first


@dataclass(frozen=True)
class Shown:
    """The force and month of the first page."""

    force: str
    name: str
    month: date

    @property
    def short(self) -> str:
        return f"{self.month:%b %Y}"

    @property
    def values(self) -> dict[str, object]:
        return {"force": self.force, "month": self.month}


@pytest.fixture(scope="module")
def shown(looked, answer) -> Shown:
    looked.open("index.html")
    name = looked.page.inner_text(".lead").partition(",")[0]
    return Shown(
        *answer(
            "select force_code, force_name, month_start from report_months inner join dim_force using (force_code) "
            "where force_name = $name and is_default",
            name=name,
        )
    )


FIGURE = (
    "select display_value from kpi_measure_period where force_code = $force and measure = $measure "
    "and month_start = $month and period = $period"
)


def label_of(answer, measure: str) -> str:
    return answer("select short_label from measures where measure = $measure", measure=measure)[0]


def test_which_month_was_worst_for_101_and_why(reader, answer, shown):
    measure = "calls_101.pct_not_answered"
    worst, figure = answer(
        "select charts.month_start, display_value from kpi_measure_spc_as_of as charts "
        "inner join kpi_measure_period as figures using (force_code, measure, month_start) "
        "where force_code = $force and measure = $measure and as_of_month = $month and period = 'month' "
        "and not charts.is_provisional order by charts.value desc limit 1",
        measure=measure,
        **shown.values,
    )
    weekday, hour, share = answer(
        "select day_of_week, hour_of_day, pct_not_answered from kpi_calls_hourly "
        "where force_code = $force and line = '101' and month_start = $worst and pct_not_answered is not null "
        "order by pct_not_answered desc, hour_of_day, day_of_week limit 1",
        force=shown.force,
        worst=worst,
    )
    name = f"Worst month of {label_of(answer, measure)}, and why: {worst:%B %Y}"
    reader.follow(name)
    page = reader.looked.page
    expect(page.get_by_role("heading", name=f"Worst month: {worst:%B %Y}")).to_be_in_viewport()
    told = page.inner_text("main")
    assert f"{figure}, the highest of" in told
    assert f"Worst hour of the week: {DAYS[weekday - 1]} from {hour:02d}:00, {share:.2f}% of " in told
    assert "No event is listed for the month." in told or "Events: " in told
    reader.follow(f"Calls, share not answered and operators needed, by hour and weekday of {worst:%B %Y}")
    table = reader.part("Share not answered").last
    expect(table).to_contain_text(f"{shown.name}, 101 calls, {worst:%b %Y}")
    assert reader.under(DAYS[weekday - 1][:3], f"{hour:02d}:00", table) == f"{share:.0f}%"


def test_is_999_within_its_benchmark(reader, answer, shown):
    measure = "calls_999.pct_not_answered"
    value, text = answer(
        "select value, display_value from kpi_measure_period where force_code = $force and measure = $measure "
        "and month_start = $month and period = 'month'",
        measure=measure,
        **shown.values,
    )
    (benchmark,) = answer(
        "select value from definitions where definition = 'benchmark' and applies_to = $measure "
        "and force_code in ('*', $force) and $month >= valid_from and (valid_to is null or $month <= valid_to) "
        "order by force_code desc",
        measure=measure,
        **shown.values,
    )
    card = reader.card(label_of(answer, measure))
    expect(card).to_contain_text(text)
    verdict = "met" if value < float(benchmark) else "missed"
    expect(card).to_contain_text(f"Benchmark under {float(benchmark):g}%: {verdict}")


def test_what_changed_since_the_last_publication(reader, answer):
    newest, before = answer(
        "select max(run_id), max(run_id) filter (where run_id < (select max(run_id) from published_versions)) "
        "from published_versions"
    )
    added, revised = answer(
        "select count(*) filter (where is_new), count(*) filter (where not is_new) from revisions where run_id = $run",
        run=newest,
    )
    (figures,) = answer("select count(value) from published_versions where run_id = $run", run=newest)
    reader.follow("What changed since the last publication?")
    page = reader.looked.page
    expect(page.get_by_role("heading", name="What changed since the last publication")).to_be_in_viewport()
    told = page.inner_text("main")
    if before is None:
        assert f"This is the first publication: its {figures:,} figures are all new." in told
    else:
        assert re.search(rf"{revised:,} figures? w(?:as|ere) revised and {added:,} (?:is|are) new\.", told)


def test_how_many_operators_are_needed_on_friday_evening(reader, answer, shown):
    (operators,) = answer(
        "select operators_required from kpi_staffing_hourly where force_code = $force and month_start = $month "
        "and line = '101' and day_of_week = 5 and hour_of_day = 20",
        **shown.values,
    )
    reader.follow("How many operators does each hour need?")
    reader.choose("Line", "101 calls")
    table = reader.part("Operators needed").last
    expect(table).to_contain_text(f"{shown.name}, 101 calls, {shown.short}")
    assert reader.under("Fri", "20:00", table) == str(operators)


@pytest.mark.parametrize("measure", ["calls_999.pct_not_answered", "crime.pct_cancelled"])
def test_where_a_printed_figure_comes_from(reader, answer, shown, measure):
    month, printed, section, label = answer(
        "select month_start, published_value, section_title, measures.label from reconciliation "
        "inner join measures on measures.measure = reconciliation.section || '.' || reconciliation.measure "
        "where force_code = $force and measures.measure = $measure and verdict like 'match%' "
        "order by reconciliation.warehouse_value desc limit 1",
        force=shown.force,
        measure=measure,
    )
    numerator, denominator = answer(
        "select numerator, denominator from kpi_measure_monthly "
        "where force_code = $force and measure = $measure and month_start = $month",
        force=shown.force,
        measure=measure,
        month=month,
    )
    reader.find(printed, f"Days and deliveries: {section}, {label}, {shown.name}")
    reader.follow(f"{month:%B %Y}")
    page = reader.looked.page
    expect(page.get_by_role("heading", name=f"{month:%B %Y}: {printed}")).to_be_in_viewport()
    told = page.inner_text("main")
    assert re.search(rf"\b{numerator:,.0f} [\w ]+, divided by {denominator:,.0f} ", told)


def test_how_many_gave_up_waiting_and_against_last_year(reader, answer, shown):
    measure = "calls_101.not_answered"
    values = {"measure": measure, **shown.values}
    (now,) = answer(FIGURE, period="month", **values)
    (before,) = answer(FIGURE, period="same_month_last_year", **values)
    title, label = answer("select section_title, label from measures where measure = $measure", measure=measure)
    reader.follow("Measures")
    reader.follow(label, within=reader.part(f"{title}, {shown.name}"))
    table = reader.part(f"Figures of {label}")
    link = f"Days and deliveries of {shown.month:%B %Y}"
    assert reader.under("Figure", link, table) == now
    headings = table.locator("thead th").all_inner_texts()
    if before is not None:
        assert reader.under("Same month last year", link, table) == before
    else:
        # Its column is left out only if no month has a year before it.
        assert "Same month last year" not in headings or reader.under("Same month last year", link, table) == "\u2013"


def test_is_the_change_of_recorded_crime_unusual(reader, answer, shown):
    measure = "crime.recorded_crime"
    points, variation = answer(
        "select points, variation from kpi_measure_spc_as_of where force_code = $force and measure = $measure "
        "and as_of_month = $month and month_start = $month",
        measure=measure,
        **shown.values,
    )
    label = label_of(answer, measure)
    card = reader.card(label)
    if variation is None:
        reader.follow(label)
        expect(reader.looked.page.get_by_text(f"No verdict yet: {points} of 12 months")).to_be_visible()
    else:
        words = VARIATIONS[variation]
        expect(card).to_contain_text(re.compile(f"{words}|Unusually (?:high|low)" if words == "Unusual" else words))


def test_which_cancellation_code_is_used_most_and_how_long_it_takes(reader, answer, shown):
    code, cancelled, total = answer(
        "select cancel_code, sum(cancelled), sum(sum(cancelled)) over () from kpi_cancellation_detail_monthly "
        "where force_code = $force and month_start = $month and counted_by = 'event' "
        "group by cancel_code order by 2 desc limit 1",
        **shown.values,
    )
    (days,) = answer(
        "select days_to_cancel from kpi_crime_monthly where force_code = $force and month_start = $month",
        **shown.values,
    )
    reader.follow("Why are crimes cancelled, and after how many days?")
    page = reader.looked.page
    title = "Cancelled crime by reason and days to cancel"
    expect(page.get_by_role("heading", name=title)).to_be_in_viewport()
    told = page.get_by_role("region", name=title).first.inner_text()
    assert re.search(rf"Most: {code}: [\w ]+, {cancelled:,} of {total:,}\.", told)
    table = reader.part("By month").last
    assert reader.under("Average days to cancel", shown.short, table) == f"{days:.1f}"


def test_which_data_are_missing_or_late(reader, answer):
    reader.follow("Which data are missing, late or left out?")
    table = reader.part("Deliveries by source")
    expect(table).to_be_in_viewport()
    for source in ("call_segments", "crimes", "digital_contacts", "live_chats", "online_crime_reports"):
        newest, missing, quarantined = answer(
            "select max(extract_date) filter (where status in ('loaded', 'empty')), "
            "count(distinct extract_date) filter (where status = 'missing_delivery'), "
            "(select count(*) from quarantine where source = $source) from load_audit where source = $source",
            source=source,
        )
        name = source.replace("_", " ")
        assert reader.under("Newest day", name, table) == f"{newest}"
        assert reader.under("Missing", name, table) == f"{missing:,}"
        assert reader.under("Quarantined rows", name, table) == f"{quarantined:,}"


def test_how_my_force_compares_in_answering_999(reader, answer, shown):
    rank, share, forces, country = answer(
        "select force_rank, pct_under_10s, forces_ranked, uk_pct_under_10s from national_call_answering "
        "where force_code = $force order by month_start desc limit 1",
        force=shown.force,
    )
    reader.follow("999 in the UK", within=reader.looked.page.get_by_role("navigation", name="Site"))
    told = reader.looked.page.inner_text("main")
    assert f"{share:.1f}% of 999 calls were answered in under 10 seconds" in told
    assert f"the United Kingdom ({country:.1f}%)" in told
    row = reader.row(shown.name, reader.part("Forces"))
    assert row[0] == str(rank)
    assert re.search(rf"ranked {rank}(?:st|nd|rd|th) of {forces} forces", told)


def test_how_the_forces_of_this_warehouse_rank(reader, answer, shown):
    measure = "calls_999.pct_not_answered"
    rank, text = answer(
        "select force_rank, display_value from national_figures "
        "inner join kpi_measure_period using (force_code, measure, month_start, period) "
        "where force_code = $force and measure = $measure and period = 'month' and forces_ranked > 1 "
        "order by month_start desc limit 1",
        force=shown.force,
        measure=measure,
    )
    reader.follow("Forces ranked", within=reader.looked.page.get_by_role("navigation", name="Site"))
    table = reader.part(label_of(answer, measure)).last
    assert reader.row(shown.name, table)[:3] == [str(rank), shown.name, text]


def test_which_definition_of_answered_is_used(reader, answer):
    texts = [
        answer("select definition from measures where measure = $measure", measure=f"calls_999.{name}")[0]
        for name in ("answered", "not_answered")
    ]
    reader.follow("Which calls count as answered?")
    page = reader.looked.page
    for text in texts:
        expect(page.get_by_text(text, exact=True).first).to_be_visible()


def test_how_to_get_the_figures_into_excel_or_power_bi(reader, published):
    reader.follow("How do I get the figures into Excel or Power BI?")
    page = reader.looked.page
    expect(page.get_by_role("heading", name="Queries for Power BI and Excel")).to_be_in_viewport()
    link = page.get_by_role("link", name="measures.pq", exact=True)
    expect(link).to_be_visible()
    query = published / "dictionary" / str(link.get_attribute("href"))
    # It reads the CSV files of the measures, which are there.
    assert "measures" in query.read_text(encoding="utf-8")
    assert len(list((published / "measures").rglob("*.csv"))) > 100


def test_on_how_many_days_a_target_was_missed(reader, answer, shown):
    measure = "calls_999.pct_answered_within_target"
    missed, days = answer(
        "select count(*) filter (where pct_answered_within_target <= target), count(*) from kpi_calls_daily as daily "
        "inner join kpi_measure_monthly as monthly using (force_code) where force_code = $force and line = '999' "
        "and measure = $measure and month_start = $month and date_trunc('month', date_day) = month_start "
        "and not daily.is_provisional",
        measure=measure,
        **shown.values,
    )
    title, label = answer("select section_title, label from measures where measure = $measure", measure=measure)
    reader.follow("On how many days was a target missed?")
    table = reader.part("Days that missed a target").last
    assert reader.under(f"{title}: {label}", shown.short, table) == f"{missed} of {days}"


def test_when_the_next_release_is_and_whom_to_ask(reader):
    told = reader.looked.page.inner_text("#contact")
    assert re.fullmatch(r"Next release: .+\. Owner: .+\. Contact: .+\.", told)


def test_how_many_online_reports_became_recorded_crimes(reader, answer, shown):
    reports, recorded = answer(
        "select count(*), count(*) filter (where (force_code, crime_ref) in (select force_code, crime_ref "
        "from fct_crime)) from fct_online_crime_report where force_code = $force and service = 'report_a_crime' "
        "and date_trunc('month', submitted_date) = $month",
        **shown.values,
    )
    reader.follow("How many online reports became recorded crimes?")
    table = reader.part("Result: How many online reports became recorded crimes?")
    row = table.get_by_role("row").filter(has_text=shown.force).filter(has_text=f"{shown.month}")
    cells = row.get_by_role("cell").all_inner_texts()
    assert (cells[2], cells[4]) == (f"{reports}", f"{recorded}")
