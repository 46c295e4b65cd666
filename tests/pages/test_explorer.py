"""The explorer in a browser: its figures are those of the marts, and it says what it does not have."""

import csv
import io
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from playwright.sync_api import Browser, Page, expect

from dagster_project.publication.html import packed, render_template
from dagster_project.publication.report.display import in_full
from dagster_project.publication.report.sentences import VERDICT_WORDS
from dagster_project.publication.site.explorer import VIEWS
from dagster_project.publication.spreadsheet import FIGURE, FORMULA, neutralised
from tests.pages.conftest import WIDE, Looked
from tests.unit.publication.payloads import FORMULAS, TEXTS
from tests.unit.publication.reports import a_frame

SPAN = "from=2022-08&to=2023-01"


class Explorer(Looked):
    """The page, with a way to choose by its address."""

    def choose(self, choice: str) -> Page:
        self.open(f"explorer.html#{choice}")
        # The policy of the page forbids functions that the test would wait for.
        expect(self.page.locator("#status")).to_have_text(re.compile(r"\S"))
        return self.page

    def download(self, button: str) -> bytes:
        with self.page.expect_download() as download:
            self.page.click(button)
        return Path(download.value.path()).read_bytes()

    def rows(self) -> list[dict[str, str]]:
        """The downloaded figures."""
        text = self.download("#csv").decode().replace("\0", "\ufffd")
        return list(csv.DictReader(io.StringIO(text, newline="")))


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


def written(value: Any) -> str:
    """A value of DuckDB as the CSV file has it."""
    if isinstance(value, bool):
        return str(value).lower()
    return in_full(Decimal(value)) if isinstance(value, Decimal | int) else str(value or "")


@pytest.mark.parametrize(
    ("choice", "series"),
    [
        ("measure=calls_999.received&measure=calls_101.pct_not_answered&force=kent&force=city-of-london&view=month", 4),
        ("measure=calls_999.pct_answered_within_target&force=kent&view=month", 1),
        ("measure=calls_999.received&force=kent&view=fytd&compare=yes", 2),
        ("measure=calls_999.received&force=kent&view=month_per_day", 1),
        ("measure=calls_101.avg_queue_time&force=kent&view=week", 1),
        ("measure=calls_101.avg_queue_time&force=kent&view=day", 1),
        ("measure=crime.recorded_crime&measure=crime.cancelled_crime&force=kent&view=district&member=Dover", 2),
        ("measure=crime.cancelled_crime&force=kent&view=offence_group", 7),
    ],
)
def test_the_csv_file_has_the_rows_of_the_query_and_the_page_has_no_barrier(explorer, published, choice, series):
    page = explorer.choose(f"{choice}&{SPAN}")
    rows = explorer.rows()
    with duckdb.connect(str(published / "fcir.duckdb"), read_only=True) as connection:
        cursor = connection.execute(page.locator("#sql").text_content())
        names = [column[0] for column in cursor.description]
        expected = [tuple(map(written, row)) for row in cursor.fetchall()]
        printed = connection.execute(
            "select display_value from marts.kpi_measure_period where period = $period and measure = $measure "
            "and force_code = $force_code and month_start = $first_day",
            {name: rows[-1][name] for name in ("period", "measure", "force_code", "first_day")},
        ).fetchone()
    assert list(rows[0]) == names
    assert sorted(tuple(row.values()) for row in rows) == sorted(expected) != []
    table = page.locator("#table tbody tr")
    days = sorted({row["first_day"] for row in rows})
    assert (table.count(), page.locator("#table thead th").count() >= 1 + series) == (len(days), True)
    figures = [text for row in table.all() for text in row.locator("td").all_inner_texts()[:series]]
    assert len([text for text in figures if text != "\N{EN DASH}"]) == len([row for row in rows if row["value"]])
    if printed and printed[0] and "view=district" not in choice and "view=offence" not in choice:
        assert printed[0] in figures
    assert explorer.barriers() == []


def test_what_is_not_there_is_said(explorer):
    for choice, words in {
        "measure=digital.email&force=kent&view=day": "No figures in this form (Day) for: E-mails.",
        "measure=&force=": "Choose at least one measure and one force.",
        "measure=a.b&measure=crime.recorded_crime&force=kent": "Not in this publication: a.b. 6 figures in 1 series.",
    }.items():
        assert explorer.choose(f"{choice}&{SPAN}").inner_text("#status").startswith(words)


def test_the_choice_is_made_by_keyboard_and_kept_in_the_address(explorer):
    page = explorer.choose(f"measure=crime.recorded_crime&force=kent&view=last_12_months&{SPAN}")
    for _ in range(3):
        page.focus("#view")
        page.keyboard.press("ArrowDown")
    expect(page.locator("#member option")).to_have_count(14)
    page.focus("#member")
    page.keyboard.press("Home")
    page.keyboard.press("Shift+ArrowDown")
    expect(page.locator("#table thead th")).to_have_text(["Month", "Ashford", "Canterbury"])
    address = page.url.partition("#")[2]
    explorer.choose(address)
    expect(page.locator("#table thead th")).to_have_count(3)
    page.select_option("#view", "week")
    expect(page.locator("#status")).to_contain_text("27 figures in 1 series, 1 of them provisional")
    page.select_option("#view", "month")
    page.select_option("#from", label="Jan 2023")
    page.select_option("#to", label="Aug 2022")
    assert page.locator("#table tbody tr").count() == 6
    page.fill("#search-measures", "attrition")
    visible = page.locator("#measure option:not([hidden])").all_text_contents()
    assert "% Not Answered" in visible
    assert len(visible) < 10


MONTHS = [f"2022-{number:02}-01" for number in range(1, 7)]
COLUMNS = ["force_code", "measure", "period", "first_day", "value", "is_provisional", "verdict"]


def series(days: list[str], values: list[str], **columns: Any) -> dict[str, Any]:
    """Figures of a measure by month."""
    names = {"measure": "received", "period": "month"}
    return names | {"first_day": days, "value": values, "value_text": values} | columns


@pytest.fixture
def open_with(open_page, published: Path, tmp_path: Path) -> Callable[..., Explorer]:
    """Return a function that opens the explorer with figures of one measure, by the code of their force."""

    def opening(figures: dict[str, Any], names: dict[str, str] | None = None, **data: Any) -> Explorer:
        shutil.copytree(published.resolve() / "assets", tmp_path / "assets")
        addresses: dict[str, dict[str, Any]] = {view.file: {} for view in VIEWS.values()}
        for number, (force, one) in enumerate(figures.items()):
            name = {"month": "month", "day": "day"}[one["period"]]
            (tmp_path / f"{number}.js").write_text(f'window.fcirFigures["{number}"]="{packed([one])}";')
            addresses[name][force] = {"address": f"{number}.js", "key": f"{number}"}
        days = sorted({day for one in figures.values() for day in one["first_day"]})
        measure = {"section": "calls_999", "section_title": "999 calls", "label": "Calls", "unit": "count"}
        measure["definition"] = "All calls."
        content = {
            "groups": [("999 calls", {"received": measure})],
            "forces": names or {force: force.title() for force in figures},
            "views": VIEWS,
            "months": {day[:7]: f"{date.fromisoformat(day):%b %Y}" for day in days},
            "opening": {"received", next(iter(figures))},
            "span": (days[0][:7], days[-1][:7]),
            "data": {
                "measures": {"received": measure},
                "views": {code: asdict(view) for code, view in VIEWS.items()},
                "files": addresses,
                "queries": dict.fromkeys(addresses, ("select 1", COLUMNS)),
                **{name: {} for name in ("formula_changes", "events", "addresses")},
                "bank_holidays": [],
                "verdicts": VERDICT_WORDS,
                "spreadsheet": {"formula": FORMULA, "figure": FIGURE},
            }
            | data,
        }
        page = render_template("site/explorer.html.j2", a_frame() | content)
        (tmp_path / "explorer.html").write_text(page, encoding="utf-8")
        return open_page(tmp_path)

    return opening


def test_the_browser_neutralises_the_same_texts_as_the_publication(open_with):
    # Figures with an exponent or units stay as they are, and so does a number of a telephone without blanks.
    texts = [*TEXTS, *FORMULAS, "-1e5", "+1E+3%", "+44 1632 960001", "+441632960001", "1h", "-12m 30s"]
    days = [f"{2000 + number // 12}-{number % 12 + 1:02}-01" for number in range(len(texts))]
    explorer = open_with({"kent": series(days, ["1"] * len(texts), verdict=texts)})
    explorer.choose("")
    expected = [neutralised(text).replace("\0", "\ufffd") for text in texts]
    assert [row["verdict"] for row in explorer.rows()] == expected


def test_the_search_of_the_site_ranks_titles_first_and_its_links_within_the_page_keep_the_choice(open_with, tmp_path):
    explorer = open_with({"kent": series(MONTHS, list("123456"))})
    pages = [["text", "A", "lost calls", ""], ["closest", "Closest", "", ""], ["word", "B", "", "lost"]]
    pages += [["calls", "Calls lost", "", ""], ["lost", "Lost calls", "", ""]]
    index = [[f"{address}.html", title, "page", text, words] for address, title, text, words in pages]
    (tmp_path / "assets" / "search-index.js").write_text(f"window.FCIR_PAGES={index};")
    page = explorer.choose("measure=received&force=kent&from=2022-01&to=2022-01")
    page.focus(".skip")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("#measure=received&force=kent&view=month&from=2022-01"))
    for typed, found in (("lost", "lost word calls text"), ("calls LOST", "calls lost text"), ("non-lost", "")):
        page.fill("#search", typed)
        links = page.locator("#search-results a").all()
        assert [link.get_attribute("href") for link in links] == [f"{address}.html" for address in found.split()]


def test_the_chart_follows_the_rules_of_papers_and_is_a_picture(open_with):
    judged = {
        "is_provisional": [False] * 5 + [True],
        "verdict": [None] * 3 + ["worse", None, None],
        "target": ["5"] * 6,
        "target_text": ["5"] * 6,
        **{name: [""] * 4 + ["3", ""] for name in ("usual", "usual_text")},
        **{name: [""] * 4 + ["2", ""] for name in ("lower_limit", "lower_limit_text")},
        **{name: [""] * 4 + ["4", ""] for name in ("upper_limit", "upper_limit_text")},
    }
    figures = {"kent": series(MONTHS, list("123456"), **judged), "essex": series(MONTHS, list("123456"))}
    events = {"kent": [{"day": "2022-03-14", "label": "=Strike <b>", "sections": []}]}
    events["kent"] += [{"day": "2022-03-20", "label": "Elsewhere", "sections": ["crime"]}]
    explorer = open_with(figures, formula_changes={"kent": {"received": ["2022-03-01"]}}, events=events)
    page = explorer.choose("force=kent")
    svg = page.locator("figure svg")
    # The line breaks at the new formula, and does not reach the provisional month.
    assert re.findall("[ML]", svg.locator(".line").get_attribute("d")) == list("MLMLL")
    assert "Different formula since Mar 2022" in page.inner_text("#charts")
    assert svg.locator("path[fill=white] title").all_text_contents() == ["Calls, Jun 2022: 6 (provisional)"]
    square = svg.locator("path", has=page.locator("title", has_text="Apr 2022"))
    assert square.get_attribute("d").endswith("h10v10h-10z")
    words = " ".join(svg.locator("text").all_text_contents())
    assert "Usual 3; the year before would lead one to expect 2 to 4 Target 5 Worse or better than usual" in words
    assert "Events: 1 =Strike <b> (14 Mar 2022)." in words
    spoken = (
        "Lowest 1 (Jan 2022), highest 6 (Jun 2022). Events: 1 =Strike <b> (14 Mar 2022). The table has the figures."
    )
    assert svg.get_attribute("aria-label").endswith(spoken)
    assert page.locator("#table thead th").all_text_contents()[2:] == [
        *("Target", "Usual", "Expected from", "Expected to", "Verdict")
    ]
    # The head of a PNG ends with its width and height.
    png = explorer.download("figure button")
    assert (png[:4], int.from_bytes(png[16:20], "big"), len(png) > 20_000) == (b"\x89PNG", 1800, True)
    page.select_option("#force", ["kent", "essex"])
    expect(svg.locator(".line")).to_have_count(2)
    assert svg.locator("rect").count() == 1


def test_days_have_bank_holidays_and_a_replaced_or_missing_file_is_named(open_with, tmp_path):
    days = [f"2022-12-{day:02}" for day in range(1, 32)]
    holidays = [{"day": "2022-12-26", "label": "Boxing Day"}, {"day": "2022-11-30", "label": "Earlier"}]
    explorer = open_with({"kent": series(days, ["1"] * 31, period="day")}, bank_holidays=holidays)
    page = explorer.choose("view=day")
    titles = page.locator("figure svg path title")
    assert [text for text in titles.all_text_contents() if "Dec 2022)" in text] == ["Boxing Day (26 Dec 2022)"]
    # A newer publication replaces the file while the page is open.
    by_day = tmp_path / "0.js"
    by_day.write_text('window.fcirFigures["9f9f"]="";')
    page.reload()
    expect(page.locator("#status")).to_contain_text("A newer publication has replaced this page; reload it.")
    by_day.unlink()
    page.reload()
    missing = "The figures of Kent are not available: the folder explorer next to this page is missing."
    expect(page.locator("#status")).to_contain_text(missing)
    # The missing file itself.
    assert explorer.faults.pop().endswith("ERR_FILE_NOT_FOUND")
