"""Results of Great Expectations and its Data Docs: no external resource and no value of a cell."""

import json
import os
import re
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import date
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import pytest

from dagster_project.contracts import Contract
from dagster_project.loading import pipeline
from dagster_project.loading.acceptance import _DOCUMENTS_KEPT
from dagster_project.validation import ValidationResult, Violations, count_violations, expectations_of, validate
from dagster_project.validation.data_docs import write_data_docs
from tests.unit.loading_helpers import quick_result
from tests.unit.test_validation_violations import CONTRACTS, GOOD_DELIVERY, GOOD_ROW, VISITS, candidate, ruled

DAY = date(2022, 10, 30)


def violations_of(contract: Contract, *, fails: bool) -> list[Violations]:
    expectations = expectations_of(contract)
    if not fails:
        return [Violations(expectation, 1000, 0, ()) for expectation in expectations]
    row = ((DAY, 7, 2),)
    return [Violations(item, 1000, 17, (DAY,), () if item.on_deliveries else row) for item in expectations]


def validated(
    contract: Contract, *, fails: bool = False, run_id: str = "run 1", is_synthetic: bool = True
) -> ValidationResult:
    return validate(contract, violations_of(contract, fails=fails), run_id=run_id, is_synthetic=is_synthetic)


class _Page(HTMLParser):
    """What a page fetches, runs or leads to."""

    def __init__(self) -> None:
        super().__init__()
        self.needs: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag in ("script", "link", "img", "iframe", "svg", "object", "embed", "video", "audio", "source", "form"):
            self.needs.append(tag)
        for name, value in attrs:
            if name.startswith("on") or name in ("src", "srcset", "action", "poster"):
                self.needs.append(f"{tag} {name}")
            if re.search(r"(https?:)?//|url\(|javascript:", value or "", re.IGNORECASE):
                self.needs.append(f"{tag} {name}={value}")
            if name == "href":
                self.links.append(value)


def parsed(page: Path) -> _Page:
    parser = _Page()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser


def test_each_rule_has_a_result_with_severity_dimension_counts_and_rows():
    contract = ruled("expect_column_values_to_be_null", column="remark")
    result = validated(contract, fails=True)
    document = json.loads(result.document)
    assert document["suite_name"] == "visits"
    assert document["meta"]["run_id"]["run_name"] == "run 1"
    listed = {expectation.name: expectation for expectation in expectations_of(contract)}
    assert {found["expectation_config"]["kwargs"]["rule"] for found in document["results"]} == listed.keys()
    for found in document["results"]:
        configuration = found["expectation_config"]
        expectation = listed[configuration["kwargs"]["rule"]]
        assert configuration["type"] == "expect_no_unexpected_rows"
        assert configuration["severity"] == expectation.severity.value
        assert configuration["meta"] == {"dimension": expectation.dimension}
        assert (found["result"]["unexpected_count"], found["result"]["element_count"]) == (17, 1000)
        assert found["result"]["observed_value"] == "2022-10-30"
        row = {"extract_date": "2022-10-30", "load_id": 7, "source_row": 2}
        assert found["result"]["unexpected_index_list"] == ([] if expectation.on_deliveries else [row])


@pytest.mark.parametrize("fails", [False, True])
def test_great_expectations_says_whether_an_expectation_holds(fails):
    result = validated(VISITS, fails=fails)
    assert [outcome.expectation for outcome in result.outcomes] == list(expectations_of(VISITS))
    assert result.outcomes == quick_result(VISITS, violations_of(VISITS, fails=fails)).outcomes
    assert {outcome.success for outcome in result.outcomes} == {not fails}
    assert json.loads(result.document)["success"] is not fails


def test_rows_within_the_share_that_a_rule_allows_are_a_success():
    violations = [Violations(expectation, 1000, 17, ()) for expectation in expectations_of(VISITS)]
    result = validate(VISITS, violations, run_id="run 1", is_synthetic=False)
    assert all(outcome.success and outcome.unexpected == 17 for outcome in result.outcomes)
    assert result.outcomes == quick_result(VISITS, violations).outcomes


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Data Docs of all contracts: a run in which everything fails, after one in which nothing did."""
    folder = tmp_path_factory.mktemp("site") / "data_docs"
    documents = [
        validated(contract, fails=fails, run_id=f"run {fails:d}").document
        for fails in (True, False)
        for contract in CONTRACTS.values()
    ]
    assert write_data_docs(documents, folder) == folder / "index.html"
    return folder


def test_pages_need_no_server_and_no_script_and_have_no_dead_links(site):
    pages = sorted(site.rglob("*.html"))
    assert len(pages) == 1 + 3 * len(CONTRACTS)
    assert sorted(path for path in site.rglob("*") if path.is_file()) == pages
    for page in pages:
        found = parsed(page)
        assert found.needs == []
        assert found.links
        assert all((page.parent / link.replace("%20", " ")).is_file() for link in found.links if link[0] != "#")
        assert "content=\"default-src 'none'; style-src 'unsafe-inline'\"" in page.read_text(encoding="utf-8")
    assert len(parsed(site / "index.html").links) == 5 * len(CONTRACTS)


@pytest.mark.parametrize("source", sorted(CONTRACTS))
def test_a_page_shows_every_expectation_with_its_reason_and_whether_it_holds(site, source):
    (failed,) = site.glob(f"validations/{source}/run 1/*/candidate.html")
    (passed,) = site.glob(f"validations/{source}/run 0/*/candidate.html")
    of_failed, of_passed, suite = (
        unescape(page.read_text(encoding="utf-8")) for page in (failed, passed, site / f"expectations/{source}.html")
    )
    listed = expectations_of(CONTRACTS[source])
    # One of them is that of the whole suite.
    assert of_failed.count("fa-times text-danger") == len(listed) + 1
    assert of_passed.count("fa-check-circle text-success") == len(listed) + 1
    assert of_failed.count("17 unexpected values found. 1.7% of 1000 total rows.") == len(listed)
    assert of_failed.count("2022-10-30") >= len(listed)
    for expectation in listed:
        claim = expectation.name.replace("_", " ")
        text = f"{claim} ({expectation.severity.value}, {expectation.dimension}): {expectation.description}"
        assert all(text in page for page in (of_failed, of_passed, suite))


@pytest.mark.parametrize("is_synthetic", [True, False])
def test_pages_of_synthetic_extracts_say_so(tmp_path, is_synthetic):
    write_data_docs([validated(VISITS, is_synthetic=is_synthetic).document], tmp_path / "site")
    pages = [page.read_text(encoding="utf-8") for page in (tmp_path / "site").rglob("*.html")]
    assert {"Synthetic sample." in page for page in pages} == {is_synthetic}


def test_writing_again_replaces_what_was_there(tmp_path):
    folder = tmp_path / "data_docs"
    write_data_docs([validated(VISITS).document], folder)
    write_data_docs([validated(CONTRACTS["crimes"]).document], folder)
    assert [path.name for path in (folder / "expectations").iterdir()] == ["crimes.html"]
    assert [path.name for path in tmp_path.iterdir()] == ["data_docs"]


def test_only_the_user_of_fcir_may_read_or_change_the_pages(tmp_path):
    folder = tmp_path / "data_docs"
    before = os.umask(0)
    try:
        write_data_docs([validated(VISITS).document], folder)
    finally:
        os.umask(before)
    assert [path for path in (folder, *folder.rglob("*")) if path.stat().st_mode & 0o077] == []


def test_texts_of_a_contract_are_shown_as_text(tmp_path):
    hostile = (
        '<script src="https://example.org/x.js"></script><img src=x onerror=alert(1)> *a* [b](https://example.org) $c'
    )
    (rule,) = ruled("unexpected_rows_expectation", unexpected_rows_query=f"-- {hostile}", mostly=0.5).rules
    contract = replace(VISITS, rules=(replace(rule, description=hostile, dimension=hostile),))
    write_data_docs([validated(contract, fails=True).document], tmp_path / "site")
    for page in (tmp_path / "site").rglob("*.html"):
        assert parsed(page).needs == []
        assert page.name == "index.html" or hostile in unescape(page.read_text(encoding="utf-8"))


def test_days_that_fail_are_named_up_to_twenty():
    (expectation, *_) = expectations_of(VISITS)
    days = tuple(date(2022, 10, day) for day in range(1, 26))
    result = validate(VISITS, [Violations(expectation, 25, 25, days)], run_id="r", is_synthetic=False)
    assert "2022-10-20 and 5 more" in result.document
    assert "2022-10-21" not in result.document


def test_no_value_of_a_failed_row_is_written_or_printed(tmp_path, capfd, caplog):
    shown_nowhere = "Zebra-0123456789"
    bad = GOOD_ROW | {"visit_id": shown_nowhere, "caller": shown_nowhere, "length": -98765.4}
    (rule,) = ruled("expect_column_values_to_be_between", column="length", min_value=0).rules
    (unique,) = ruled("expect_column_values_to_be_unique", column="caller").rules
    warehouse = candidate(
        tmp_path, rows=(bad, bad), deliveries=(GOOD_DELIVERY | {"extract_date": DAY, "faulty_rows_over_limit": 7654},)
    )
    contract = replace(VISITS, rules=(rule, replace(unique, name="unique")))
    with closing(duckdb.connect(str(warehouse), read_only=True)) as connection, caplog.at_level("DEBUG"):
        result = validate(contract, count_violations(contract, connection), run_id="r", is_synthetic=False)
    assert sum(not outcome.success for outcome in result.outcomes) == 3
    printed = capfd.readouterr()
    for text in (result.document, str(result.outcomes), printed.out, printed.err, caplog.text):
        assert not [found for found in (shown_nowhere, "98765", "7654") if found in text]
    assert printed.out == ""


def test_publishing_and_accepting_import_no_great_expectations():
    code = (
        "import sys; import dagster_project.publication.publish; import dagster_project.loading.acceptance;"
        "assert 'great_expectations' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_results_of_the_newest_runs_are_kept(installation, monkeypatch):
    monkeypatch.setattr(pipeline, "validate", validate)
    for run in range(_DOCUMENTS_KEPT + 2):
        installation.land(f"2022-10-{run + 1:02}", f"v{run},2022-10-{run + 1:02} 10:00,5,")
        installation.run()
    kept = installation.query("select run_id, source, document from audit.suite_result order by run_id")
    assert [row[:2] for row in kept] == [(f"run {run}", "visits") for run in range(3, _DOCUMENTS_KEPT + 3)]
    assert all(json.loads(document)["meta"]["run_id"]["run_name"] == run_id for run_id, _, document in kept)
    # Their outcomes are kept for good.
    assert installation.query("select count(distinct run_id) from audit.expectation_result") == [(_DOCUMENTS_KEPT + 2,)]


def test_a_folder_that_cannot_be_made_is_one_error_without_tracebacks(tmp_path, capfd):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        write_data_docs([validated(VISITS).document], tmp_path / "file" / "site")
    assert capfd.readouterr().err == ""
