"""Data Docs: what Great Expectations shows of results, without anything from outside and without a value of a cell."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import pytest
from loading_helpers import Installation
from test_validation_engine import CONTRACTS, GOOD_DELIVERY, GOOD_ROW, VISITS, candidate

from dagster_project.contracts import Contract, Rule, Severity
from dagster_project.loading.acceptance import _DOCUMENTS_KEPT
from dagster_project.publication.html import environment
from dagster_project.publication.site.data_docs import FOLDER, write_data_docs
from dagster_project.validation import Outcome, expectations_of, validate
from dagster_project.validation.data_docs import result_body, suite_body
from dagster_project.validation.results import WrittenResult, written_results

AT = datetime.fromisoformat("2026-11-25T04:15:07")
DAY = date(2022, 10, 30)


def written(
    contract: Contract, *, fails: bool = False, at: datetime = AT, run_id: str = "run 1"
) -> list[WrittenResult]:
    outcomes = [
        Outcome(
            expectation, not fails, 1000, 17 if fails else 0, (DAY,) if fails else (), ((DAY, 7, 2),) if fails else ()
        )
        for expectation in expectations_of(contract)
    ]
    return written_results(contract, outcomes, run_id=run_id, validated_at=at, is_synthetic=True)


class _Needs(HTMLParser):
    """What a page fetches or runs, and whether its elements are closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag in ("script", "link", "img", "iframe", "svg", "style", "object", "embed", "video", "audio", "source"):
            self.found.append(tag)
        for name, value in attrs:
            if name.startswith("on") or name in ("src", "srcset", "action", "poster", "id"):
                self.found.append(f"{tag} {name}")
            if re.search(r"(https?:)?//|url\(|javascript:", value or "", re.IGNORECASE):
                self.found.append(f"{tag} {name}={value}")
        if tag not in ("br", "hr"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def needs(body: str) -> list[str]:
    parser = _Needs()
    parser.feed(body)
    assert parser.open == []
    return parser.found


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("source", sorted(CONTRACTS))
def test_pages_of_every_contract_need_nothing_from_outside_and_no_script(source, fails):
    results = written(CONTRACTS[source], fails=fails)
    assert [result.suite for result in results] == [source, f"{source}__deliveries"]
    for result in results:
        body, suite = result_body(result.document), suite_body(result.document)
        assert needs(body) == needs(suite) == []
        assert re.findall(r'href="([^"]*)"', body) == [f"../../../../expectations/{result.suite}.html"]
        assert re.findall(r'href="([^"]*)"', suite) == []
        assert result_body(result.document) == body
        assert suite_body(result.document) == suite


@pytest.mark.parametrize("source", sorted(CONTRACTS))
def test_a_page_shows_every_expectation_with_its_reason_and_whether_it_holds(source):
    for on_deliveries, result in enumerate(written(CONTRACTS[source], fails=True)):
        body = result_body(result.document)
        listed = [found for found in expectations_of(CONTRACTS[source]) if found.on_deliveries == on_deliveries]
        assert body.count('<strong class="failed">failed</strong>') == len(listed) == result.evaluated == result.failed
        assert "passed</span>" not in body
        assert "2022-10-30" in body
        for expectation in listed:
            is_critical = expectation.severity is Severity.CRITICAL
            outcome = "the delivery is rejected" if is_critical else "a warning; the delivery is loaded"
            for said in (expectation.name.replace("_", " "), expectation.description, outcome):
                assert f"<span>{html.escape(said, quote=False)}</span>" in body
                assert said in html.unescape(suite_body(result.document))
        counted = [found for found in listed if not found.type.startswith("expect_table_")]
        assert body.count("17 unexpected values found. 1.7% of 1000 total rows.") == len(counted)


def test_text_of_a_contract_is_shown_and_not_carried_out():
    hostile = (
        '<script src="https://example.org/x.js"></script><img src=x onerror=alert(1)> *a* [b](https://example.org)'
    )
    rule = Rule(
        name="rows_are_few",
        description=hostile,
        dimension=hostile,
        severity=Severity.WARNING,
        on_deliveries=False,
        expectation="unexpected_rows_expectation",
        # A share, which Great Expectations takes of other types only.
        arguments={"unexpected_rows_query": f"-- {hostile}", "mostly": 0.5},
    )
    (result, _) = written(replace(VISITS, rules=(rule,)), fails=True)
    for body in (result_body(result.document), suite_body(result.document)):
        assert needs(body) == []
        assert hostile in html.unescape(body)


def test_days_that_fail_are_named_up_to_twenty():
    (expectation, *_) = expectations_of(VISITS)
    days = tuple(date(2022, 10, day) for day in range(1, 26))
    outcome = Outcome(expectation, False, 25, 25, days, ())
    (result,) = written_results(VISITS, [outcome], run_id="r", validated_at=AT, is_synthetic=False)
    body = result_body(result.document)
    assert "2022-10-20, and 5 more" in body
    assert "2022-10-21" not in body


def test_no_value_of_a_row_that_fails_is_in_a_document(tmp_path):
    shown_nowhere = "Zebra-0123456789"
    bad = GOOD_ROW | {
        "visit_id": shown_nowhere,
        "kind": shown_nowhere,
        "caller": shown_nowhere,
        "length": -98765.4,
        "called": "2022-10-30 23:59:58",
    }
    warehouse = candidate(
        tmp_path, rows=(bad, bad), deliveries=(GOOD_DELIVERY | {"extract_date": DAY, "faulty_rows_over_limit": 7654},)
    )
    outcomes = validate(VISITS, warehouse)
    assert sum(not outcome.success for outcome in outcomes) > 3
    for result in written_results(VISITS, outcomes, run_id="r", validated_at=AT, is_synthetic=False):
        for text in (result.document, result_body(result.document), suite_body(result.document)):
            assert not [found for found in (shown_nowhere, "98765", "23:59:58", "7654") if found in text]


class Publications:
    """Folders of publications one after the other, and a warehouse of results."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0
        self.wrote: list[str] = []
        self.connection = duckdb.connect()
        self.connection.execute(
            "create schema audit; create table audit.validation_result (run_id varchar, source varchar, suite varchar,"
            " success boolean, evaluated bigint, failed bigint, engine_version varchar, document varchar,"
            " validated_at timestamp)"
        )

    def add(self, at: datetime, *, engine: str = "1.24.1", fails: bool = False) -> None:
        for result in written(VISITS, at=at, fails=fails):
            self.connection.execute(
                "insert into audit.validation_result values (?, 'visits', ?, ?, ?, ?, ?, ?, ?)",
                ["run 1", result.suite, result.success, result.evaluated, result.failed, engine, result.document, at],
            )

    def publish(self) -> Path:
        """Write the next publication; `wrote` has the pages that were not taken over."""
        self.wrote = []
        before = self.folder / str(self.count) if self.count else None
        self.count += 1
        folder = self.folder / str(self.count)

        def write(address: str, template: str, **content: object) -> None:
            self.wrote.append(address)
            (folder / address).parent.mkdir(parents=True, exist_ok=True)
            shared = {"run_id": "P", "published_at": AT, "is_synthetic": False, "pages": (), "root": "../"}
            page = environment().get_template(f"site/{template}").render(**shared, **content)
            (folder / address).write_text(page, encoding="utf-8")

        write_data_docs(self.connection, folder, before, write=write)
        return folder

    def pages(self) -> set[str]:
        folder = self.folder / str(self.count) / FOLDER
        return {path.relative_to(folder).as_posix() for path in folder.rglob("*.html")}


@pytest.fixture
def publications(tmp_path):
    made = Publications(tmp_path)
    with closing(made.connection):
        yield made


def test_a_page_is_written_once_and_then_taken_over_as_it_is(publications):
    publications.add(AT)
    first = publications.publish()
    assert len(publications.wrote) == 4
    page = "validations/visits/run-1/20261125T041507.000000Z/incoming-visits.html"
    assert publications.pages() >= {page, "expectations/visits.html", "expectations/visits__deliveries.html"}
    publications.publish()
    assert publications.wrote == []
    assert (first / FOLDER / page).samefile(publications.folder / "2" / FOLDER / page)
    publications.add(AT.replace(day=26), fails=True)
    publications.publish()
    # The page of the new result; the suite's, as of its newest result.
    assert len(publications.wrote) == 4
    assert len(publications.pages()) == 6
    assert (first / FOLDER / page).samefile(publications.folder / "3" / FOLDER / page)
    assert not (first / FOLDER / "expectations/visits.html").samefile(
        publications.folder / "3" / FOLDER / "expectations/visits.html"
    )


def test_a_page_that_shows_something_else_is_not_taken_over(publications):
    publications.add(AT)
    publications.publish()
    publications.connection.execute("update audit.validation_result set document = replace(document, '1000', '1001')")
    publications.publish()
    assert len(publications.wrote) == 4


def test_results_of_another_release_are_left_out(publications):
    publications.add(AT, engine="1.23.0")
    publications.publish()
    assert publications.pages() == set()


def test_without_results_or_with_known_ones_alone_great_expectations_is_not_imported():
    code = (
        "import sys; import dagster_project.publication.publish; import dagster_project.loading.acceptance;"
        "assert 'great_expectations' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_results_of_the_newest_runs_are_kept(tmp_path):
    installation = Installation(tmp_path)
    for run in range(_DOCUMENTS_KEPT + 2):
        installation.land(f"2022-10-{run + 1:02}", f"v{run},2022-10-{run + 1:02} 10:00,5,")
        installation.run()
    kept = installation.query("select run_id, suite, document from audit.validation_result order by run_id, suite")
    assert [row[:2] for row in kept] == [
        (f"run {run}", suite) for run in range(3, _DOCUMENTS_KEPT + 3) for suite in ("visits", "visits__deliveries")
    ]
    assert all(json.loads(document)["meta"]["run_id"]["run_name"] == run_id for run_id, _, document in kept)
    # Their outcomes are kept for good.
    assert installation.query("select count(distinct run_id) from audit.expectation_result") == [(_DOCUMENTS_KEPT + 2,)]
