"""The explorer in a browser: its figures are those of the marts, and it says what it does not have."""

import csv
import re
import shutil
from pathlib import Path

import duckdb
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from dagster_project.publication.html import packed
from tests.pages.test_explorer_csv import data_of, write_page

AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], "preload": {"assets": ["media"]}}
SPAN = "from=2022-08&to=2023-01"
CALLS = f"measures=calls_999.received,calls_101.pct_not_answered&forces=kent,city-of-london&{SPAN}"
CHOICES = {
    "month": CALLS,
    "week": f"{CALLS}&grain=week",
    "day": f"{CALLS}&grain=day",
    "district": f"measures=crime.recorded_crime,crime.cancelled_crime&forces=kent&{SPAN}&split=district",
    "offence_group": f"measures=crime.cancelled_crime&forces=kent,city-of-london&{SPAN}&split=offence_group",
}

# Force, measure, member and first day of every figure that each choice selects, from the marts.
FIGURES = {
    "month": """
        select force_code, measure, '' as member, month_start as first_day, value
        from marts.kpi_measure_period
        where period = 'month' and measure in ('calls_999.received', 'calls_101.pct_not_answered')
    """,
    "week": """
        select force_code, measure, '', week_start, value
        from marts.kpi_measure_weekly
        where
            measure in ('calls_999.received', 'calls_101.pct_not_answered')
            and week_start between '2022-08-01' and '2023-01-31'
    """,
    "day": """
        select
            force_code, if(line = '999', 'calls_999.received', 'calls_101.pct_not_answered'), '', date_day,
            if(line = '999', received, pct_not_answered)
        from marts.kpi_calls_daily
        where date_day between '2022-08-01' and '2023-01-31'
    """,
    "district": """
        select force_code, 'crime.' || name, coalesce(district, 'Not stated'), month_start, value
        from marts.kpi_crime_by_district_monthly unpivot (value for name in (recorded_crime, cancelled_crime))
        where force_code = 'kent'
    """,
    "offence_group": """
        select
            force_code, 'crime.cancelled_crime', coalesce(offence_group, 'Offence not in the list'), month_start,
            sum(cancelled)
        from marts.kpi_cancellations_monthly
        left join marts.dim_offence using (offence_code)
        group by all
    """,
}


class Explorer:
    """The page, with a way to choose by its address."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.errors: list[str] = []
        page.on("console", lambda said: said.type == "error" and self.errors.append(said.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on(
            "request", lambda request: request.url.startswith(("file:", "blob:")) or self.errors.append(request.url)
        )

    def open(self, choice: str) -> None:
        self.page.goto("about:blank")
        self.errors.clear()
        self.page.goto(f"{self.address}#{choice}")
        # The policy of the page forbids functions that the test would wait for.
        expect(self.page.locator("#summary")).to_have_text(re.compile(r"^(?!Reading)\S"))

    def rows(self) -> list[dict[str, str]]:
        with self.page.expect_download() as download:
            self.page.click("#download")
        with Path(download.value.path()).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def reason(self, select: str, value: str) -> str:
        """The text of an option that is disabled; empty for one that can be chosen."""
        option = self.page.locator(f"#{select} option[value='{value}']")
        return option.inner_text() if option.is_disabled() else ""


@pytest.fixture
def explorer(browser: Browser, sample) -> Explorer:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    yield Explorer(page, (sample.current.resolve() / "explorer.html").as_uri())
    page.close()


@pytest.mark.parametrize("by", CHOICES)
def test_every_downloaded_figure_is_that_of_the_marts(explorer, sample, by):
    explorer.open(CHOICES[by])
    rows = explorer.rows()
    with duckdb.connect(str(sample.current / "fcir.duckdb"), read_only=True) as connection:
        figures = {tuple(map(str, key)): value for *key, value in connection.execute(FIGURES[by]).fetchall()}
    downloaded = {tuple(row[name] for name in ("force_code", "measure", "member", "first_day")): row for row in rows}
    assert len(downloaded) == len(rows)
    # A district or group without a row in a month had no crime in it.
    assert {key for key, row in downloaded.items() if key not in figures and row["value"] != "0"} == set()
    assert figures.keys() - downloaded.keys() == set()
    for key, value in figures.items():
        shown = downloaded[key]["value"]
        assert (float(shown) if shown else None) == (None if value is None else pytest.approx(float(value)))
    assert {row["grain"] for row in rows} == {by if by in ("week", "day") else "month"}
    assert explorer.errors == []


@pytest.mark.parametrize("by", CHOICES)
def test_the_table_has_the_texts_of_the_download(explorer, by):
    explorer.open(CHOICES[by])
    rows = explorer.rows()
    cells = explorer.page.locator("#table td").all_inner_texts()
    shown = [text.removesuffix(" [p]") for text in cells if text != "\N{EN DASH}"]
    texts = [row["display_value"] for row in rows if row["display_value"]]
    assert shown
    assert set(shown) <= set(texts)
    if len(texts) <= 200:
        assert sorted(shown) == sorted(texts)


def test_weeks_have_the_limits_and_target_of_the_marts(explorer, sample):
    measure = "calls_999.pct_not_answered"
    explorer.open(f"measures={measure}&forces=kent&{SPAN}&grain=week")
    names = ("mean", "lower_limit", "upper_limit", "target")
    shown = {
        row["first_day"]: (*(float(row[name]) for name in names), row["signal"])
        for row in explorer.rows()
        if row["mean"]
    }
    with duckdb.connect(str(sample.current / "fcir.duckdb"), read_only=True) as connection:
        judged = connection.execute(
            f"select week_start, {', '.join(names)}, signal from fcir.marts.kpi_measure_spc_weekly "  # noqa: S608
            "where force_code = 'kent' and measure = $measure and mean is not null",
            {"measure": measure},
        ).fetchall()
    assert len(judged) > 12
    assert shown == {f"{week}": (*map(float, limits), signal or "") for week, *limits, signal in judged}
    expect(explorer.page.locator(".legend").first).to_contain_text("Limits of the usual range")
    expect(explorer.page.locator("#notes")).to_contain_text("those of the newest control chart")
    assert explorer.errors == []


@pytest.mark.parametrize("by", CHOICES)
def test_no_choice_has_a_barrier_or_is_wider_than_320_pixels(explorer, by):
    explorer.open(CHOICES[by])
    violations = Axe().run(explorer.page, options=AXE).response["violations"]
    assert [f"{item['id']}: {item['nodes'][0]['html'][:200]}" for item in violations] == []
    explorer.page.set_viewport_size({"width": 320, "height": 640})
    assert explorer.page.evaluate("document.documentElement.scrollWidth") <= 320


def test_what_cannot_be_chosen_says_why(explorer):
    explorer.open(f"measures=calls_999.received&forces=kent&{SPAN}")
    assert explorer.reason("split", "district") == "District (No district is recorded for 999 calls)"
    assert "No district is recorded for 999 calls." in explorer.page.inner_text("#split-absent")
    assert explorer.reason("grain", "day") == ""
    assert explorer.page.is_disabled("#compare")
    assert explorer.page.inner_text("#compare-hint") == "There are no figures for the year before these."
    explorer.open(f"measures=digital.email&forces=kent&{SPAN}")
    assert explorer.reason("grain", "day") == "Day (No figures by day for Digital contact)"
    explorer.open(f"measures=crime.recorded_crime&forces=kent&{SPAN}&split=district")
    assert explorer.reason("split", "offence_group").endswith("(No offence group is counted for Recorded Crime)")
    assert explorer.reason("grain", "week") == "Week (not by district)"
    assert explorer.reason("figure", "fytd") == "Year to date (not by district)"
    calls = explorer.page.locator("label.tick", has_text="Calls Received").first
    assert calls.locator("input").is_disabled()
    assert "No district is recorded" in calls.text_content()
    explorer.open(f"measures=digital.email&forces=kent&{SPAN}&grain=day")
    assert explorer.page.inner_text("#summary").startswith("No figures by day for Digital contact.")


def test_grain_and_members_are_chosen_by_keyboard_and_kept_in_the_address(explorer):
    page = explorer.page
    explorer.open(f"measures=crime.recorded_crime&forces=kent&{SPAN}")
    page.focus("#split")
    page.keyboard.press("ArrowDown")
    page.wait_for_selector("#members input")
    members = page.locator("#members input").count()
    assert page.locator("#table tbody tr").count() == members
    page.locator("#members input").first.focus()
    page.keyboard.press("Space")
    assert page.locator("#table tbody tr").count() == members - 1
    assert page.evaluate("document.activeElement.name") == "member"
    assert "split=district" in page.url
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    page.wait_for_selector("#members input")
    assert page.locator("#members input:checked").count() == members - 1
    page.select_option("#split", "")
    assert page.locator("#table tbody tr").count() == 6
    page.focus("#grain")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#summary")).to_contain_text("Week value")
    assert "grain=week" in page.url
    assert explorer.errors == []


@pytest.mark.parametrize("typed", ["abandoned", "attrition", "lost"])
def test_the_search_knows_the_words_that_people_use(explorer, typed):
    explorer.open("")
    explorer.page.fill("#measure-search", typed)
    visible = explorer.page.locator("#measures label:visible")
    assert "% Not Answered" in [text.split("\n")[0] for text in visible.all_inner_texts()]
    assert visible.count() < explorer.page.locator("#measures label").count()


def test_the_search_of_the_site_and_its_links_within_the_page_keep_the_choice(browser, tmp_path):
    address = write_page(tmp_path, data_of(["Kent"]))
    index = tmp_path / "assets" / "search-index.js"
    index.write_text('window.FCIR_PAGES=[["demand.html","Demand","page","abandoned",""]];')
    page = browser.new_page()
    explorer = Explorer(page, address)
    explorer.open("measures=calls.received&forces=force-0&from=2023-01&to=2023-01")
    page.focus(".skip")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("#measures=calls.received&forces=force-0"))
    page.fill("#search", "abandoned")
    assert page.inner_text("#search-status") == "1 found"
    assert page.get_attribute("#search-results a", "href") == "demand.html"
    assert page.locator("#measures input:checked").count() == 1
    assert explorer.errors == []
    page.close()


def test_a_missing_file_is_named_and_the_months_remain(browser, sample, tmp_path):
    shutil.copytree(sample.current.resolve() / "assets", tmp_path / "assets")
    shutil.copy(sample.current / "explorer.html", tmp_path)
    page = browser.new_page()
    explorer = Explorer(page, (tmp_path / "explorer.html").as_uri())
    explorer.open(f"measures=calls_999.received&forces=kent&{SPAN}&grain=day")
    assert "The folder explorer next to this page is needed for the figures of Kent Police by day" in page.inner_text(
        "#summary"
    )
    page.select_option("#grain", "month")
    assert page.locator("#table tbody tr").count() == 6
    page.close()


def test_the_year_before_follows_the_figure(browser, tmp_path):
    """Month value and year to date have the marts' figure of the year before; others have that of twelve months ago."""
    data = data_of(["Kent"])
    months = ["2022-01-01", "2023-01-01"]
    columns = {"first": months, "loaded": [31, 31], "days": [31, 31], "provisional": [False] * 2, "since": [None] * 2}

    def cells(*values):
        return {"force-0": {"calls.received": columns | {"text": values, "value": values}}}

    data |= {
        "months": months,
        "opening_month": 1,
        "year_before": {"fytd": "prev_fytd"},
        "spans": {figure: {month: [month, month] for month in months} for figure in data["spans"]},
        "cells": {"month": cells("1", "2"), "fytd": cells("3", "4"), "prev_fytd": cells("5", "6")},
    }
    address = write_page(tmp_path, data)
    page = browser.new_page()
    explorer = Explorer(page, address)
    explorer.open("from=2023-01&to=2023-01")
    page.check("#compare")
    assert "compare=year_before" in page.url
    found = [(row["compared_with"], row["value"], row["first_day"], row["period_start"]) for row in explorer.rows()]
    assert found == [("", "2", "2023-01-01", "2023-01-01"), ("year_before", "1", "2022-01-01", "2023-01-01")]
    page.select_option("#figure", "fytd")
    assert [row["value"] for row in explorer.rows()] == ["4", "6"]
    assert page.locator("#table td").all_inner_texts() == ["4", "6"]
    page.close()


def data_of_six_months(forces: list[str], changes: dict[str, list[str]]) -> dict[str, object]:
    """The figures of January to June 2022, and the first days of other formulas by code of force."""
    data = data_of(forces)
    months = [f"2022-{number:02}-01" for number in range(1, 7)]
    values = [str(number) for number in range(1, 7)]
    columns = {"loaded": [31] * 6, "days": [31] * 6, "provisional": [False] * 6, "since": [None] * 6}
    series = {"first": months, "text": values, "value": values} | columns
    return data | {
        "months": months,
        "opening_month": 5,
        "spans": {figure: {month: [month, month] for month in months} for figure in data["spans"]},
        "cells": {"month": {f"force-{number}": {"calls.received": series} for number in range(len(forces))}},
        "formula_changes": {force: {"calls.received": days} for force, days in changes.items()},
    }


def test_the_line_breaks_where_the_formula_changes(browser, tmp_path):
    address = write_page(tmp_path, data_of_six_months(["Kent"], {"force-0": ["2022-03-01"]}))
    page = browser.new_page()
    explorer = Explorer(page, address)
    explorer.open("from=2022-01&to=2022-06")
    lines = page.locator(".drawing .mark-line path")
    expect(lines).to_have_count(2)
    drawn = sorted(lines.nth(number).get_attribute("d").count("L") for number in range(2))
    assert drawn == [1, 3]
    expect(page.locator("figure p", has_text="Different formula since March 2022:")).to_be_visible()
    explorer.open("from=2022-03&to=2022-06")
    expect(lines).to_have_count(1)
    assert "Different formula" not in page.inner_text("#charts")
    assert explorer.errors == []
    page.close()


@pytest.mark.parametrize(
    ("changes", "since"),
    [
        ({"force-0": ["2022-03-01"]}, "March 2022 (Kent)"),
        ({"force-0": ["2022-03-01"], "force-1": ["2022-03-01"]}, "March 2022 (Kent; Essex)"),
        ({f"force-{number}": ["2022-03-01"] for number in range(3)}, "March 2022"),
        (
            {"force-0": ["2022-05-01"], "force-1": ["2022-03-01", "2022-05-01"], "force-2": ["2022-05-01"]},
            "March 2022 (Essex) and May 2022",
        ),
    ],
)
def test_a_change_of_formula_names_its_lines_unless_it_is_that_of_all(browser, tmp_path, changes, since):
    address = write_page(tmp_path, data_of_six_months(["Kent", "Essex", "Surrey"], changes))
    page = browser.new_page()
    explorer = Explorer(page, address)
    explorer.open("measures=calls.received&forces=force-0,force-1,force-2&from=2022-01&to=2022-06")
    remark = page.locator("figure p", has_text="Different formula")
    assert remark.inner_text() == f"Different formula since {since}: figures before and after are not joined."
    assert explorer.errors == []
    page.close()


def test_events_are_named_below_the_chart_and_in_the_download(browser, tmp_path):
    data = data_of(["Kent"])
    days = [f"2022-12-{day:02}" for day in range(1, 32)]
    columns = {
        "text": ["1"] * 31,
        "value": ["1"] * 31,
        "loaded": [1] * 31,
        "days": [1] * 31,
        "provisional": [False] * 31,
    }
    packed_days = packed({"calls.received": {"": {"first": days} | columns}})
    (tmp_path / "kent.day.js").write_text(f'window.fcirDetails["force-0 day 0a1b"]="{packed_days}";')
    month = ["2022-12-01"]
    series = {"first": month, "loaded": [31], "days": [31], "provisional": [False], "since": [None]}
    data |= {
        "months": month,
        "spans": {figure: {month[0]: month * 2} for figure in data["spans"]},
        "cells": {"month": {"force-0": {"calls.received": series | {"text": ["31"], "value": ["31"]}}}},
        "details": [
            {"code": "day", "kind": "grain", "title": "Day", "absent": "No figures by day", "measures": [0]}
            | {"files": {"force-0": "kent.day.js"}, "digests": {"force-0": "0a1b"}}
        ],
        "events": {
            "force-0": [
                {"day": "2022-12-14", "label": "=Strike <b>", "sections": []},
                {"day": "2022-12-20", "label": "Elsewhere", "sections": ["crime"]},
                {"day": "2023-01-01", "label": "Later", "sections": []},
            ]
        },
        "bank_holidays": [{"day": "2022-12-26", "label": "Boxing Day"}, {"day": "2022-11-30", "label": "Earlier"}],
    }
    address = write_page(tmp_path, data)
    page = browser.new_page()
    explorer = Explorer(page, address)
    explorer.open("")
    note = "Marked in the chart: =Strike <b> (14 December 2022)."
    holiday = "Bank holidays of England: Boxing Day (26 December 2022)."
    assert page.locator("figure p", has_text="Marked").inner_text() == note
    expect(page.locator(".drawing svg text", has_text="=Strike <b>").first).to_be_visible()
    assert note in page.get_attribute(".drawing", "aria-label")
    assert [row["events"] for row in explorer.rows()] == ["'=Strike <b>"]
    assert "Boxing Day" not in page.inner_text("#result")
    page.select_option("#grain", "day")
    expect(page.locator("figure p", has_text=holiday)).to_be_visible()
    assert f"{note} {holiday}" in page.get_attribute(".drawing", "aria-label")
    named = {row["first_day"]: row["events"] for row in explorer.rows() if row["events"]}
    assert named == {"2022-12-14": "'=Strike <b>", "2022-12-26": "Boxing Day"}

    # A newer publication replaces the file while the page is open.
    page.select_option("#grain", "month")
    page.reload()
    (tmp_path / "kent.day.js").write_text(f'window.fcirDetails["force-0 day 9f9f"]="{packed_days}";')
    page.select_option("#grain", "day")
    expect(page.locator("#summary")).to_contain_text("A newer publication has replaced this page; reload it.")
    assert explorer.errors == []
    page.close()


def test_the_page_stays_small(sample):
    folder = sample.current
    sizes = [
        (folder / "explorer.html").stat().st_size,
        *(file.stat().st_size for file in (folder / "explorer").iterdir()),
    ]
    assert max(sizes) < 3_000_000
