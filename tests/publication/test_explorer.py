"""The explorer's page has every figure of the marts as it is, runs one script only, and asks nothing of any server.

The data are read here as the page's script reads them; what they consist of is said in `read_explorer`.
"""

import base64
import gzip
import hashlib
import json
import re
from datetime import date
from decimal import Decimal
from html.parser import HTMLParser

import duckdb
import pytest

from dagster_project.publication import explorer
from dagster_project.publication.explorer import (
    FIGURES,
    VEGA,
    explorer_page,
    read_explorer,
    vega_bundle,
    write_vega,
)
from dagster_project.publication.report.display import display
from dagster_project.publication.report.model import Event
from dagster_project.publication.report.read import ReportError
from dagster_project.publication.site.frame import site_page
from tests.publication.reports import a_frame

PERIODS = [figure for figure in FIGURES if figure != "month_per_day"]
MONTHS = [date(2022, 11, 1), date(2022, 12, 1), date(2023, 1, 1)]
HOSTILE = "</script><script>alert(1)</script><!-- & 'x' \N{LINE SEPARATOR}"

# code, section, label, unit, decimals, additive, breakdown, order in the paper, definition
MEASURES = [
    ("calls_101.received", "calls_101", "Calls Received", "count", 0, True, None, 2, "Calls to 101."),
    ("calls_999.received", "calls_999", "=Calls Received", "count", 0, True, None, 1, HOSTILE),
    ("calls_999.pct_not_answered", "calls_999", "% Not Answered", "percent", 2, False, None, 3, "Share."),
    ("calls_999.avg_queue_time", "calls_999", "Average Queuing Time", "duration", 0, False, None, None, "Mean."),
    ("demand.total", "demand", "Total Demand", "count", 0, True, None, None, "All."),
    ("digital.email", "digital", "E-mails", "count", 0, True, "contact_type", None, "E-mails."),
    ("digital.other", "digital", "Other", "count", 0, True, "contact_type", None, "Others."),
    ("outer_space.ratio", "outer_space", "Ratio", "ratio", 2, False, None, None, "Of the last section."),
]
# In the order of the sections; no measure of the last one is in the paper.
SECTIONS = {"calls_999": "999 calls", "calls_101": "101 calls", "digital": "Digital contact", "demand": "Demand"}
SECTIONS |= {"outer_space": "Space & time"}
VALUES = ["0", "1", "999", "1000", "1234567", "0.5", "2.345678", "59.5", "3723", "-2.25", "100", None]


@pytest.fixture(scope="module")
def marts():
    connection = duckdb.connect(":memory:")
    connection.execute("create schema marts")
    connection.execute(
        """
        create table marts.measures (
            measure varchar, section varchar, name varchar, label varchar, unit varchar, decimals bigint,
            better varchar, owner varchar, definition varchar, numerator varchar, denominator varchar,
            is_headline boolean, breakdown varchar, board_paper_order bigint, sources varchar,
            section_title varchar, section_order bigint, synonyms varchar
        );
        create table marts.definitions (
            definition varchar, applies_to varchar, force_code varchar, valid_from date, valid_to date, value varchar,
            source varchar
        );
        create table marts.dim_force (force_code varchar, force_name varchar);
        create table marts.dim_date (date_day date, is_bank_holiday boolean, bank_holiday_name varchar);
        insert into marts.dim_date values
            ('2022-12-26', true, 'Boxing Day'), ('2022-12-27', false, null), ('2001-12-26', true, 'Too old');
        create table marts.load_audit (source varchar, extract_date date, status varchar, is_synthetic boolean);
        create table marts.kpi_measure_period (
            force_code varchar, measure varchar, month_start date, period varchar, first_month date, last_month date,
            value decimal(38, 6), display_value varchar, mean_per_day decimal(38, 6), days bigint, days_loaded bigint,
            is_provisional boolean, complete_since date
        );
        create table marts.report_months (
            force_code varchar, month_start date, days bigint, days_loaded bigint, is_default boolean,
            is_running boolean
        );
        create table marts.kpi_measure_spc (
            force_code varchar, measure varchar, month_start date, mean decimal(38, 6), lower_limit decimal(38, 6),
            upper_limit decimal(38, 6), target decimal(38, 6), is_trial boolean, signal varchar
        );
        insert into marts.report_months values
            ('kent', '2022-11-01', 30, 30, true, false), ('kent', '2022-12-01', 31, 1, false, true),
            ('nameless', '2022-12-01', 31, 31, true, false), ('nameless', '2023-01-01', 31, 1, false, true);
        insert into marts.dim_force values ('kent', 'Kent Police'), ('never', 'Never Delivered');
        insert into marts.load_audit values
            ('calls', '2023-01-31', 'loaded', true), ('published_figures', '2023-03-15', 'loaded', true);
        insert into marts.definitions values
            ('benchmark', 'calls_999.pct_not_answered', '*', '2000-01-01', null, '2.000000', 'Quoted by forces.'),
            ('formula', 'calls_999.received', 'kent', '2000-01-01', '2022-10-31', 'calls_999.other', 'A paper.');
        """
    )
    for code, section, label, unit, decimals, _, breakdown, order, definition in MEASURES:
        connection.execute(
            "insert into marts.measures "
            "values (?, ?, ?, ?, ?, ?, 'neither', 'owner', ?, 'n', null, ?, ?, ?, 'calls', ?, ?, 'lost, unanswered')",
            [
                *(code, section, code.split(".")[1], label, unit, decimals, definition, order == 1, breakdown, order),
                *(SECTIONS[section], list(SECTIONS).index(section)),
            ],
        )
    periods, limits = [], []
    # A force without a name has a later first month.
    for force, months in (("kent", MONTHS), ("nameless", MONTHS[1:])):
        for code, _, _, unit, decimals, is_additive, *_ in MEASURES:
            for month in months:
                for period in PERIODS:
                    number = len(periods) * 7 % len(VALUES)
                    value = Decimal(VALUES[number]) if VALUES[number] is not None else None
                    if value is not None and unit == "count":
                        value = value.to_integral_value()
                    text = None if value is None else display(value, unit, decimals)
                    per_day = value / 31 if value is not None and is_additive else None
                    days = None if period == "prev_fytd" and number == 3 else 31
                    loaded = None if days is None else 31 - number % 3
                    start = date(2022, 11, 13) if period == "fytd" and number % 3 == 2 else None
                    delivered = (days, loaded, number % 3 > 0, start)
                    periods.append((force, code, month, period, month, month, value, text, per_day, *delivered))
                number = len(limits)
                signal = "outside_limits" if number % 4 == 1 else None
                target = Decimal(2) if unit == "percent" else None
                mean = Decimal(number // 2) + Decimal("0.125")
                is_judged = month != MONTHS[-1]
                numbers = (mean, mean - 1, mean + 1) if is_judged else (None,) * 3
                limits.append((force, code, month, *numbers, target, is_judged or None, signal))
    connection.executemany(f"insert into marts.kpi_measure_period values ({', '.join('?' * 13)})", periods)  # noqa: S608
    connection.executemany(f"insert into marts.kpi_measure_spc values ({', '.join('?' * 9)})", limits)  # noqa: S608
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def page(marts):
    return explorer_page(read_explorer(marts, force_code="nameless"), a_frame())


@pytest.fixture(scope="module")
def data(page):
    return json.loads(gzip.decompress(base64.b64decode(_elements(page, "script", id="data")[0])))


class _Elements(HTMLParser):
    """Contents of the elements of one name, and all addresses that anything of the page names."""

    def __init__(self, tag: str) -> None:
        super().__init__()
        self.tag, self.inside = tag, False
        self.found: list[tuple[dict[str, str | None], str]] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "action", "data", "srcset")]
        if tag == self.tag:
            self.inside = True
            self.found.append((dict(attrs), ""))

    def handle_endtag(self, tag):
        if tag == self.tag:
            self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.found[-1] = (self.found[-1][0], self.found[-1][1] + data)


def _elements(page: str, tag: str, **attributes: str) -> list[str]:
    parser = _Elements(tag)
    parser.feed(page)
    return [text for found, text in parser.found if attributes.items() <= found.items()]


def _cells(data, figure):
    """Every month of a figure that the marts have: (force, measure, month) to its other columns."""
    return {
        (force, measure, month): columns
        for force, measures in data["cells"][figure].items()
        for measure, found in measures.items()
        for month, *columns in zip(*found.values(), strict=True)
    }


@pytest.mark.parametrize("period", PERIODS)
def test_every_figure_of_every_period_is_that_of_the_marts(marts, data, period):
    rows = marts.execute(
        """
        select force_code, measure, cast(month_start as varchar), display_value, value, coalesce(days_loaded, 0),
               days, is_provisional, cast(complete_since as varchar)
        from marts.kpi_measure_period
        where period = ?
        """,
        [period],
    ).fetchall()
    cells = _cells(data, period)
    assert len(rows) == 8 * 5
    assert cells.keys() == {row[:3] for row in rows}
    for force, measure, month, text, value, *delivered in rows:
        shown, decimal, *covered = cells[force, measure, month]
        assert (shown, Decimal(decimal) if decimal else None) == (text, value)
        assert covered == delivered


def test_figures_per_day_are_those_of_the_months_that_have_one(marts, data):
    rows = marts.execute(
        """
        select force_code, measure, cast(month_start as varchar), mean_per_day
        from marts.kpi_measure_period
        where period = 'month' and mean_per_day is not null
        """
    ).fetchall()
    cells = _cells(data, "month_per_day")
    assert {key: Decimal(value) for key, (_, value, *_) in cells.items()} == {row[:3]: row[3] for row in rows}
    assert all(text == display(Decimal(value), "count", 1) for text, value, *_ in cells.values())
    assert any("." in value and value != text for text, value, *_ in cells.values())


def test_limits_targets_and_signals_are_those_of_the_marts(marts, data):
    rows = marts.execute(
        """
        select force_code, measure, cast(month_start as varchar), mean, lower_limit, upper_limit, target,
               coalesce(is_trial, false), signal
        from marts.kpi_measure_spc
        """
    ).fetchall()
    units = {item["code"]: (item["unit"], item["decimals"]) for item in data["measures"]}
    for force, measure, month, *numbers, is_trial, signal in rows:
        (found,) = [one for one in data["limits"][force][measure] if one["first"] == month]
        assert [None if value is None else Decimal(value) for value in found["values"].values()] == numbers
        *texts, target = found["texts"].values()
        assert texts == ["" if number is None else display(number, *units[measure]) for number in numbers[:3]]
        assert target == ("2%" if numbers[3] else "")
        assert (found["trial"], found["signal"] or None) == (is_trial, signal)
        assert signal is None or signal in data["signals"]


def test_what_a_figure_covers_is_what_the_marts_say(marts, data):
    rows = marts.execute(
        """
        select distinct period, cast(month_start as varchar), cast(first_month as varchar),
               cast(last_month as varchar)
        from marts.kpi_measure_period
        """
    ).fetchall()
    for period, month, first, last in rows:
        assert data["spans"][period][month] == [first, last]
    assert data["spans"]["month_per_day"] == data["spans"]["month"]


def test_every_measure_is_there_with_its_definition_and_a_section(data):
    assert {item["code"]: item["definition"] for item in data["measures"]} == {row[0]: row[8] for row in MEASURES}
    assert [(section["code"], section["title"]) for section in data["sections"]] == list(SECTIONS.items())
    assert {item["section"] for item in data["measures"]} == SECTIONS.keys()
    assert {item["unit"] for item in data["measures"]} == data["units"].keys()


def test_a_measure_shows_its_decisions(data):
    decided = {item["code"]: item["decisions"] for item in data["measures"]}
    (benchmark,) = decided["calls_999.pct_not_answered"]
    assert (benchmark["what"], benchmark["value"], benchmark["last"]) == ("benchmark", "2%", None)
    assert [(row["force"], row["value"]) for row in decided["calls_999.received"]] == [("kent", "calls_999.other")]
    assert decided["demand.total"] == []


def test_the_changes_of_formula_of_each_force_are_those_by_the_days_in_force(marts):
    marts.execute("begin")
    marts.execute(
        """
        insert into marts.definitions values
            ('formula', 'demand.total', '*', '2000-01-01', null, 'demand.a', 'All.'),
            ('formula', 'demand.total', 'kent', '2022-11-01', '2022-11-30', 'demand.b', 'Kent.')
        """
    )
    changes = read_explorer(marts)["formula_changes"]
    marts.execute("rollback")
    assert changes == {"kent": {"demand.total": ["2022-11-01", "2022-12-01"]}, "nameless": {}}


def test_breakdowns_and_lines_name_the_measures_that_belong_together(data):
    codes = [item["code"] for item in data["measures"]]
    families = {family["title"]: [codes[member] for member in family["members"]] for family in data["breakdowns"]}
    assert families == {"Digital contact by contact type": ["digital.email", "digital.other"]}
    lines = [[codes[member] for member in line] for line in data["lines"]]
    assert lines == [["calls_999.received", "calls_101.received"]]


def test_forces_with_figures_can_be_chosen_and_the_given_one_is_first(marts, data):
    assert data["forces"] == [{"code": "kent", "name": "Kent Police"}, {"code": "nameless", "name": "nameless"}]
    assert data["first_force"] == 1
    assert read_explorer(marts, force_code="elsewhere")["first_force"] == 0


def test_the_page_opens_with_the_default_month_of_the_papers(marts, data):
    assert data["months"][data["opening_month"]] == "2022-12-01"
    assert (read_explorer(marts, force_code="kent")["opening_month"], data["months"][0]) == (0, "2022-11-01")


def test_events_and_bank_holidays_of_the_days_on_the_page_are_there(marts, data):
    assert data["events"] == {}
    assert data["bank_holidays"] == [{"day": "2022-12-26", "label": "Boxing Day"}]
    event = Event(date(2022, 12, 14), HOSTILE, ("digital",))
    events = read_explorer(marts, events={"kent": (event,)})["events"]
    assert events == {"kent": [{"day": "2022-12-14", "label": HOSTILE, "sections": ("digital",)}]}


def test_a_period_that_the_explorer_does_not_know_is_refused(marts):
    marts.execute("begin")
    marts.execute("update marts.kpi_measure_period set period = 'decade' where period = 'fytd'")
    with pytest.raises(ReportError, match="'decade'"):
        read_explorer(marts)
    marts.execute("rollback")


def test_texts_of_the_marts_never_become_script_or_markup(page, data):
    assert HOSTILE in [item["definition"] for item in data["measures"]]
    assert "alert(1)</script>" not in page
    assert len(_elements(page, "script")) == 5
    assert re.fullmatch("[A-Za-z0-9+/=]+", _elements(page, "script", id="data")[0])
    # Within a page, a comment in a script would change where it ends.
    (script,) = _elements(page, "script", type="module")
    assert "<!--" not in script
    assert script.rstrip().endswith("follow();")


def test_the_page_loads_only_the_files_of_the_site_next_to_it(page):
    parser = _Elements("script")
    parser.feed(page)
    styles = ["assets/site.css", "assets/explorer.css"]
    loaded = [address for address in parser.addresses if not address.endswith(".html")]
    assert loaded == ["data:,", *styles, "#main", "assets/search-index.js", "assets/search.js", VEGA]
    assert not re.search(r"@import|url\(", page)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", page)


def test_the_policy_allows_no_other_script_and_no_request(page):
    (script,) = _elements(page, "script", type="module")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy.startswith("default-src 'none'; ")
    assert f"script-src 'self' file: 'sha256-{digest}';" in policy
    assert "unsafe-eval" not in policy
    assert "style-src 'self' file:;" in policy
    assert not re.search(r"\son\w+=", page)


def test_the_script_adds_only_text_to_the_page(page):
    (script,) = _elements(page, "script", type="module")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", script)
    assert not re.search(r"\bfetch\(|XMLHttpRequest|WebSocket|sendBeacon|localStorage|\bimport\b", script)


def test_a_synthetic_sample_is_labelled(page):
    assert page.count("Synthetic sample.") == 1
    assert "From deliveries up to 31 January 2023." in page


def test_the_page_has_the_frame_of_the_site(page):
    other = site_page("empty.html.j2", a_frame() | {"title": "Explorer"}, {})
    for tag in ("header", "footer"):
        (expected,) = re.findall(f"<{tag}>.*?</{tag}>", other, re.S)
        assert page.count(expected) == page.count(f"<{tag}>") == 1
    assert 'aria-current="page">Explorer</a>' in page


def test_every_control_has_a_label(page):
    labelled = set(re.findall(r'<label[^>]* for="([^"]+)"', page))
    controls = set(re.findall(r'<(?:select|input)[^>]* id="([^"]+)"', page))
    assert controls
    assert controls == labelled


def test_the_library_is_one_script_with_its_licences_and_no_global_but_its_own():
    bundle = vega_bundle()
    assert bundle.startswith("/*! Vega")
    assert "ISC License" in bundle
    assert bundle.rstrip().endswith("})();")
    assert "window.vegaEmbed" in bundle
    # 900 kB at the time of writing; one that came without its parts would be a tenth, as with other snippets.
    assert 700_000 < len(bundle) < 1_500_000


def test_the_library_is_reused_until_its_version_changes(tmp_path, monkeypatch):
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))
    monkeypatch.setattr(explorer, "vega_bundle", lambda: "a library")
    write_vega(first, before=tmp_path / "none")
    assert (first / VEGA).read_text(encoding="utf-8").endswith("a library")
    write_vega(second, before=first)
    assert (second / VEGA).samefile(first / VEGA)
    monkeypatch.setattr(explorer, "version", lambda name: f"newer than any {name}")
    monkeypatch.setattr(explorer, "vega_bundle", lambda: "a newer library")
    write_vega(third, before=second)
    assert (third / VEGA).read_text(encoding="utf-8").endswith("a newer library")
