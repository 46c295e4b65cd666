"""The explorer in a browser: its figures are those of the marts, and it says what it does not have."""

import csv
import io
import re
import shutil
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb
import pytest
from playwright.sync_api import Browser, Page, expect

from dagster_project.publication.explorer import FIGURES, explorer_page, write_vega
from dagster_project.publication.html import packed
from dagster_project.publication.spreadsheet import FIGURE, FORMULA, neutralised
from tests.pages.looked import WIDE, Looked
from tests.unit.publication.payloads import FORMULAS, TEXTS
from tests.unit.publication.reports import a_frame

SPAN = "from=2022-08&to=2023-01"
CALLS = f"measures=calls_999.received,calls_101.pct_not_answered&forces=kent,city-of-london&{SPAN}"
CHOICES = {
    "month": CALLS,
    "day": f"{CALLS}&grain=day",
    "district": f"measures=crime.recorded_crime,crime.cancelled_crime&forces=kent&{SPAN}&split=district",
}
# Force, measure, member and first day of every figure that each choice selects, from the marts.
MARTS = {
    "month": """
        select force_code, measure, '' as member, month_start as first_day, value from kpi_measure_period
        where period = 'month' and measure in ('calls_999.received', 'calls_101.pct_not_answered')
    """,
    "day": """
        select
            force_code, if(line = '999', 'calls_999.received', 'calls_101.pct_not_answered'), '', date_day,
            if(line = '999', received, pct_not_answered)
        from kpi_calls_daily where date_day between '2022-08-01' and '2023-01-31'
    """,
    "district": """
        select force_code, 'crime.' || name, coalesce(district, 'Not stated'), month_start, value
        from kpi_crime_by_district_monthly unpivot (value for name in (recorded_crime, cancelled_crime))
        where force_code = 'kent'
    """,
}


class Explorer(Looked):
    """The page, with a way to choose by its address."""

    def choose(self, choice: str) -> Page:
        self.open(f"explorer.html#{choice}")
        # The policy of the page forbids functions that the test would wait for.
        expect(self.page.locator("#summary")).to_have_text(re.compile(r"^(?!Reading)\S"))
        return self.page

    def rows(self) -> list[dict[str, str]]:
        """The downloaded figures."""
        with self.page.expect_download() as download:
            self.page.click("#download")
        text = Path(download.value.path()).read_bytes().decode().replace("\0", "\ufffd")
        return list(csv.DictReader(io.StringIO(text, newline="")))

    def reason(self, select: str, value: str) -> str:
        """The text of an option that is disabled; empty for one that can be chosen."""
        option = self.page.locator(f"#{select} option[value='{value}']")
        return option.inner_text() if option.is_disabled() else ""


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[[Path], Explorer]]:
    """Return a function that opens a window on the explorer of a folder; in the end, nothing of it failed."""
    opened = []

    def opening(folder: Path) -> Explorer:
        opened.append(Explorer(browser.new_page(viewport=WIDE), folder))
        return opened[-1]

    yield opening
    for explorer in opened:
        assert explorer.faults == []
        explorer.page.close()


@pytest.fixture
def explorer(open_page, published: Path) -> Explorer:
    """The explorer of the sample."""
    return open_page(published)


@pytest.mark.parametrize("by", CHOICES)
def test_every_figure_is_that_of_the_marts_and_shown_without_a_barrier(explorer, published, by):
    page = explorer.choose(CHOICES[by])
    rows = explorer.rows()
    with duckdb.connect(str(published / "fcir.duckdb"), read_only=True) as connection:
        connection.execute("use fcir.marts")
        figures = {tuple(map(str, key)): value for *key, value in connection.execute(MARTS[by]).fetchall()}
    downloaded = {tuple(row[name] for name in ("force_code", "measure", "member", "first_day")): row for row in rows}
    assert len(downloaded) == len(rows)
    # A district or group without a row in a month had no crime in it.
    assert {key for key, row in downloaded.items() if key not in figures and row["value"] != "0"} == set()
    assert figures.keys() - downloaded.keys() == set()
    for key, value in figures.items():
        shown = downloaded[key]["value"]
        assert (float(shown) if shown else None) == (None if value is None else pytest.approx(float(value)))
    assert {row["grain"] for row in rows} == {"day" if by == "day" else "month"}
    cells = page.locator("#table td").all_inner_texts()
    shown = [text.removesuffix(" [p]") for text in cells if text != "\N{EN DASH}"]
    texts = [row["display_value"] for row in rows if row["display_value"]]
    assert shown
    assert set(shown) <= set(texts)
    if len(texts) <= 200:
        assert sorted(shown) == sorted(texts)
    assert page.inner_text("#summary").startswith("2 measures, ")
    assert explorer.barriers() == []


def test_weeks_have_the_limits_and_target_of_the_marts(explorer, published):
    measure = "calls_999.pct_not_answered"
    page = explorer.choose(f"measures={measure}&forces=kent&{SPAN}&grain=week")
    names = ("mean", "lower_limit", "upper_limit", "target")
    shown = {
        row["first_day"]: (*(float(row[name]) for name in names), row["signal"])
        for row in explorer.rows()
        if row["mean"]
    }
    with duckdb.connect(str(published / "fcir.duckdb"), read_only=True) as connection:
        judged = connection.execute(
            f"select week_start, {', '.join(names)}, signal from fcir.marts.kpi_measure_spc_weekly "
            "where force_code = 'kent' and measure = $measure and mean is not null",
            {"measure": measure},
        ).fetchall()
    assert len(judged) > 12
    assert shown == {f"{week}": (*map(float, limits), signal or "") for week, *limits, signal in judged}
    expect(page.locator(".legend").first).to_contain_text("Limits of the usual range")
    expect(page.locator("#notes")).to_contain_text("those of the newest control chart")
    assert page.locator("#table thead th").all_inner_texts()[2:] == [
        *("Benchmark", "Mean", "Lower limit", "Upper limit", "Control chart", "Days delivered")
    ]


def test_what_cannot_be_chosen_says_why(explorer):
    page = explorer.choose(f"measures=calls_999.received&forces=kent&{SPAN}")
    assert explorer.reason("split", "district") == "District (No district is recorded for 999 calls)"
    assert "No district is recorded for 999 calls." in page.inner_text("#split-absent")
    assert explorer.reason("grain", "day") == ""
    assert page.is_disabled("#compare")
    assert page.inner_text("#compare-hint") == "There are no figures for the year before these."
    explorer.choose(f"measures=crime.recorded_crime&forces=kent&{SPAN}&split=district")
    assert explorer.reason("split", "offence_group").endswith("(No offence group is counted for Recorded Crime)")
    assert explorer.reason("grain", "week") == "Week (not by district)"
    assert explorer.reason("figure", "fytd") == "Year to date (not by district)"
    calls = page.locator("label.tick", has_text="Calls Received").first
    assert calls.locator("input").is_disabled()
    assert "No district is recorded" in calls.text_content()
    explorer.choose(f"measures=digital.email&forces=kent&{SPAN}&grain=day")
    assert page.inner_text("#summary").startswith("No figures by day for Digital contact.")
    explorer.choose(f"measures=&forces=&{SPAN}")
    assert page.inner_text("#summary") == "Tick at least one measure and one force."
    explorer.choose(f"measures=crime.unknown,crime.recorded_crime&forces=kent&{SPAN}")
    assert page.inner_text("#summary").startswith("Not in this publication: crime.unknown. 1 measure, 1 force: Month")


def test_grain_members_and_breakdown_are_chosen_by_keyboard_and_kept_in_the_address(explorer):
    page = explorer.choose(f"measures=crime.recorded_crime&forces=kent&{SPAN}")
    page.focus("#split")
    page.keyboard.press("ArrowDown")
    page.wait_for_selector("#members input")
    members = page.locator("#members input").count()
    assert page.locator("#table tbody tr").count() == members
    page.locator("#members input").first.focus()
    page.keyboard.press("Space")
    assert page.locator("#table tbody tr").count() == members - 1
    assert page.evaluate("document.activeElement.name") == "member"
    explorer.choose(page.url.partition("#")[2])
    page.wait_for_selector("#members input")
    assert page.locator("#members input:checked").count() == members - 1
    page.select_option("#split", "")
    assert page.locator("#table tbody tr").count() == 6
    page.focus("#grain")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#summary")).to_contain_text("Week value")
    assert "grain=week" in page.url
    page.select_option("#grain", "month")
    page.select_option("#from", label="Jan 2023")
    page.select_option("#to", label="Aug 2022")
    assert "from=2022-08&to=2022-08" in page.url
    page.select_option("#breakdown", "line")
    assert page.locator("#measures input:checked").count() >= 2
    page.select_option("#breakdown", "")
    assert "measures=crime.recorded_crime&" in page.url


def test_the_search_knows_the_words_that_people_use(explorer):
    page = explorer.choose("")
    labels = page.locator("#measures label")
    for typed in ("abandoned", "attrition", "lost"):
        page.fill("#measure-search", typed)
        visible = page.locator("#measures label:visible")
        assert "% Not Answered" in [text.split("\n")[0] for text in visible.all_inner_texts()]
        assert visible.count() < labels.count()


def test_a_missing_file_is_named_and_the_months_remain(open_page, published, tmp_path):
    shutil.copytree(published.resolve() / "assets", tmp_path / "assets")
    shutil.copy(published / "explorer.html", tmp_path)
    explorer = open_page(tmp_path)
    page = explorer.choose(f"measures=calls_999.received&forces=kent&{SPAN}&grain=day")
    summary = page.inner_text("#summary")
    assert "The folder explorer next to this page is needed for the figures of Kent Police by day" in summary
    page.select_option("#grain", "month")
    assert page.locator("#table tbody tr").count() == 6
    # The missing file itself.
    assert explorer.faults.pop().endswith("ERR_FILE_NOT_FOUND")


MONTHS = [f"2022-{number:02}-01" for number in range(1, 7)]


def series(days: list[str], texts: list[str], loaded: int = 31) -> dict[str, list[Any]]:
    """Figures of a measure: the first day and the text of each."""
    of_each = {"value": "1", "loaded": loaded, "days": loaded, "provisional": False, "since": None}
    return {"first": days, "text": texts} | {name: [value] * len(days) for name, value in of_each.items()}


def write_page(folder: Path, forces: list[str], months: list[str], cells: dict[str, Any], **changes: Any) -> None:
    """Write the page of one measure and these forces, by name, and the files that it loads."""
    named = {f"force-{number}": name for number, name in enumerate(forces)}
    measure = dict.fromkeys(("name", "better", "owner", "definition", "numerator", "denominator", "breakdown"), "")
    data = {
        "months": months,
        "forces": [{"code": code, "name": name} for code, name in named.items()],
        "figures": [{"code": code, "title": title, "meaning": text} for code, (title, text) in FIGURES.items()],
        "sections": [{"code": "calls", "title": "Calls"}],
        "units": {"count": "Number"},
        "signals": {},
        "spreadsheet": {"formula": FORMULA, "figure": FIGURE},
        "measures": [
            measure
            | {"code": "calls.received", "section": "calls", "label": "Received", "unit": "count"}
            | {"decimals": 0, "is_headline": True, "decisions": []}
        ],
        **{name: [] for name in ("breakdowns", "lines", "details", "bank_holidays")},
        **{name: {} for name in ("limits", "formula_changes", "year_before", "events")},
        "first_force": 0,
        "opening_month": len(months) - 1,
        "spans": {figure: {month: [month, month] for month in months} for figure in FIGURES},
        "cells": {
            figure: {code: {"calls.received": found} for code, found in of.items()} for figure, of in cells.items()
        },
        "detail_months": 36,
    }
    write_vega(folder)
    assets = Path(str(files("dagster_project.publication") / "assets"))
    for name in ("site.css", "explorer.css", "search.js"):
        shutil.copy(assets / name, folder / "assets")
    (folder / "assets" / "search-index.js").write_text("window.FCIR_PAGES=[];")
    (folder / "explorer.html").write_text(explorer_page(data | changes, a_frame()), encoding="utf-8")


def of_six_months(folder: Path, forces: list[str], changes: dict[str, list[str]]) -> None:
    """Write the page with figures of January to June, and the first days of other formulas by code of force."""
    cells = {f"force-{number}": series(MONTHS, list("123456")) for number in range(len(forces))}
    changes = {force: {"calls.received": days} for force, days in changes.items()}
    write_page(folder, forces, MONTHS, {"month": cells}, formula_changes=changes)


def test_the_browser_neutralises_the_same_texts_as_the_publication(open_page, tmp_path):
    # Figures with an exponent or units stay as they are, and so does a number of a telephone without blanks.
    texts = [*TEXTS, *FORMULAS, "-1e5", "+1E+3%", "+44 1632 960001", "+441632960001", "1h", "-12m 30s"]
    cells = {f"force-{number}": series(["2023-01-01"], [text]) for number, text in enumerate(texts)}
    write_page(tmp_path, texts, ["2023-01-01"], {"month": cells})
    explorer = open_page(tmp_path)
    page = explorer.choose("")
    page.fill("#force-search", "KENT")
    assert page.locator("#forces label:visible").count() == sum("kent" in text for text in texts)
    page.click("#all-forces")
    rows = {row["force_code"]: row for row in explorer.rows()}
    written = [rows[f"force-{number}"] for number in range(len(texts))]
    expected = [neutralised(text).replace("\0", "\ufffd") for text in texts]
    assert [row["force_name"] for row in written] == expected
    assert [row["display_value"] for row in written] == expected


def test_the_search_of_the_site_ranks_titles_first_and_its_links_within_the_page_keep_the_choice(open_page, tmp_path):
    of_six_months(tmp_path, ["Kent"], {})
    pages = [["text", "A", "lost calls", ""], ["closest", "Closest", "", ""], ["word", "B", "", "lost"]]
    pages += [["calls", "Calls lost", "", ""], ["lost", "Lost calls", "", ""]]
    index = [[f"{address}.html", title, "page", text, words] for address, title, text, words in pages]
    (tmp_path / "assets" / "search-index.js").write_text(f"window.FCIR_PAGES={index};")
    page = open_page(tmp_path).choose("measures=calls.received&forces=force-0&from=2022-01&to=2022-01")
    page.focus(".skip")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("#measures=calls.received&forces=force-0"))
    for typed, found in (("lost", "lost calls word text"), ("calls LOST", "calls lost text"), ("non-lost", "")):
        page.fill("#search", typed)
        links = page.locator("#search-results a").all()
        assert [link.get_attribute("href") for link in links] == [f"{address}.html" for address in found.split()]
    assert page.locator("#measures input:checked").count() == 1


def test_the_year_before_follows_the_figure(open_page, tmp_path):
    """Month value and year to date have the marts' figure of the year before; others have that of twelve months ago."""
    months = ["2022-01-01", "2023-01-01"]
    texts = {"month": ["1", "2"], "fytd": ["3", "4"], "prev_fytd": ["5", "6"]}
    cells = {figure: {"force-0": series(months, of)} for figure, of in texts.items()}
    write_page(tmp_path, ["Kent"], months, cells, year_before={"fytd": "prev_fytd"})
    explorer = open_page(tmp_path)
    page = explorer.choose("from=2023-01&to=2023-01")
    page.check("#compare")
    assert "compare=year_before" in page.url
    names = ("compared_with", "display_value", "first_day", "period_start")
    assert [tuple(row[name] for name in names) for row in explorer.rows()] == [
        ("", "2", "2023-01-01", "2023-01-01"),
        ("year_before", "1", "2022-01-01", "2023-01-01"),
    ]
    page.select_option("#figure", "fytd")
    assert page.locator("#table td").all_inner_texts() == ["4", "6"]


def test_the_line_breaks_where_the_formula_changes(open_page, tmp_path):
    of_six_months(tmp_path, ["Kent"], {"force-0": ["2022-03-01"]})
    explorer = open_page(tmp_path)
    page = explorer.choose("from=2022-01&to=2022-06")
    lines = page.locator(".drawing .mark-line path")
    expect(lines).to_have_count(2)
    assert sorted(line.get_attribute("d").count("L") for line in lines.all()) == [1, 3]
    expect(page.locator("figure p", has_text="Different formula since March 2022:")).to_be_visible()
    explorer.choose("from=2022-03&to=2022-06")
    expect(lines).to_have_count(1)
    assert "Different formula" not in page.inner_text("#charts")


def test_a_change_of_formula_names_its_lines_unless_it_is_that_of_all(open_page, tmp_path):
    changes = {"force-0": ["2022-05-01"], "force-1": ["2022-03-01", "2022-05-01"], "force-2": ["2022-05-01"]}
    of_six_months(tmp_path, ["Kent", "Essex", "Surrey"], changes)
    page = open_page(tmp_path).choose("forces=force-0,force-1,force-2&from=2022-01&to=2022-06")
    remark = page.locator("figure p", has_text="Different formula").inner_text()
    since = "since March 2022 (Essex) and May 2022"
    assert remark == f"Different formula {since}: figures before and after are not joined."


def test_events_are_named_below_the_chart_and_in_the_download_and_a_replaced_page_says_so(open_page, tmp_path):
    days = [f"2022-12-{day:02}" for day in range(1, 32)]
    packed_days = packed({"calls.received": {"": series(days, ["1"] * 31, loaded=1)}})
    by_day = tmp_path / "kent.day.js"
    by_day.write_text(f'window.fcirDetails["force-0 day 0a1b"]="{packed_days}";')
    month = ["2022-12-01"]
    detail = {"code": "day", "kind": "grain", "title": "Day", "absent": "No figures by day", "measures": [0]}
    events = [("2022-12-14", "=Strike <b>", []), ("2022-12-20", "Elsewhere", ["crime"]), ("2023-01-01", "Later", [])]
    write_page(
        tmp_path,
        ["Kent"],
        month,
        {"month": {"force-0": series(month, ["31"])}},
        details=[detail | {"files": {"force-0": by_day.name}, "digests": {"force-0": "0a1b"}}],
        events={"force-0": [dict(zip(("day", "label", "sections"), event, strict=True)) for event in events]},
        bank_holidays=[{"day": "2022-12-26", "label": "Boxing Day"}, {"day": "2022-11-30", "label": "Earlier"}],
    )
    explorer = open_page(tmp_path)
    page = explorer.choose("")
    note = "Marked in the chart: =Strike <b> (14 December 2022)."
    holiday = "Bank holidays of England: Boxing Day (26 December 2022)."
    assert page.locator("figure p", has_text="Marked").inner_text() == note
    expect(page.locator(".drawing svg text", has_text="=Strike <b>").first).to_be_visible()
    assert note in page.get_attribute(".drawing", "aria-label")
    assert [row["events"] for row in explorer.rows()] == ["'=Strike <b>"]
    assert "Boxing Day" not in page.inner_text("#result")
    page.select_option("#grain", "day")
    expect(page.locator("figure p", has_text=holiday)).to_be_visible()
    named = {row["first_day"]: row["events"] for row in explorer.rows() if row["events"]}
    assert named == {"2022-12-14": "'=Strike <b>", "2022-12-26": "Boxing Day"}
    # A newer publication replaces the file while the page is open.
    page.select_option("#grain", "month")
    page.reload()
    by_day.write_text(f'window.fcirDetails["force-0 day 9f9f"]="{packed_days}";')
    page.select_option("#grain", "day")
    expect(page.locator("#summary")).to_contain_text("A newer publication has replaced this page; reload it.")
