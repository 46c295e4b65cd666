"""Results of Great Expectations and its Data Docs: no external resource and no value of a cell."""

import json
import os
import re
from dataclasses import replace
from datetime import date
from html import unescape

import pytest

from dagster_project.loading import pipeline
from dagster_project.validation import Violations, count_violations, expectations_of, validate
from dagster_project.validation.data_docs import write_data_docs
from tests.unit.loading.conftest import outcomes_of
from tests.unit.loading.installation import DAY, Installation
from tests.unit.validation.candidate import GOOD_ROW, SECOND, VISITS, candidate, ruled

HOSTILE = '<script src="https://example.org/x.js"></script><img src=x onerror=alert(1)> *a* [b](https://example.org) $c'
RULED = ruled("unexpected_rows_expectation", unexpected_rows_query=f"-- {HOSTILE}", mostly=0.5)
RULED = replace(RULED, rules=(replace(RULED.rules[0], description=HOSTILE, dimension=HOSTILE),))
OTHERS = replace(VISITS, source="others")


def violations_of(contract, *, fails: bool) -> list[Violations]:
    """17 violations of each rule, which are within the share that it allows or not."""
    return [
        Violations(item, 1000, 17, ((SECOND, None),) * fails, ((SECOND, 7, 2),) * (fails and not item.on_deliveries))
        for item in expectations_of(contract)
    ]


def validated(contract, *, fails: bool = False, is_synthetic: bool = True):
    violations = violations_of(contract, fails=fails)
    return validate(contract, violations, run_id=f"run {fails:d}", is_synthetic=is_synthetic)


@pytest.mark.parametrize("fails", [False, True])
def test_each_rule_has_a_result_with_severity_dimension_counts_and_rows(fails):
    contract = ruled("expect_column_values_to_not_be_null", column="kind")
    result = validated(contract, fails=fails)
    assert result.outcomes == outcomes_of(contract, violations_of(contract, fails=fails)).outcomes
    document = json.loads(result.document)
    assert (document["suite_name"], document["success"]) == ("visits", not fails)
    assert (document["meta"]["run_id"]["run_name"], document["meta"]["contract_version"]) == (f"run {fails:d}", "1.0.0")
    for expectation, found in zip(expectations_of(contract), document["results"], strict=True):
        stated, result = found["expectation_config"], found["result"]
        assert (stated["kwargs"]["rule"], stated["severity"]) == (expectation.name, expectation.severity.value)
        assert stated["meta"] == {"dimension": expectation.dimension}
        counts = ("unexpected_count", "element_count", "unexpected_percent", "observed_value")
        assert [result[name] for name in counts] == [17, 1000, 1.7, "2022-10-30" if fails else "17 of 1,000 rows"]
        row = {"extract_date": "2022-10-30", "load_id": 7, "source_row": 2}
        assert result["unexpected_index_list"] == ([row] if fails and not expectation.on_deliveries else [])


def test_days_that_fail_are_named_up_to_twenty():
    days = tuple((date(2022, 10, day), None) for day in range(1, 26))
    violations = [Violations(expectations_of(VISITS)[0], 25, 25, days)]
    document = validate(VISITS, violations, run_id="r", is_synthetic=False).document
    assert "2022-10-20 and 5 more" in document
    assert "2022-10-21" not in document


def test_no_value_of_a_failed_row_is_written_or_printed(capfd, caplog):
    shown_nowhere = "Zebra-0123456789"
    bad = GOOD_ROW | {"visit_id": shown_nowhere, "caller": 987654321012, "length": -98765.4}
    between = ruled("expect_column_values_to_be_between", column="length", min_value=0)
    of_query = ruled(
        "unexpected_rows_expectation", name="of_query", unexpected_rows_query="from {batch} where caller > 12"
    )
    contract = replace(VISITS, rules=between.rules + of_query.rules)
    with candidate(contract, [bad, bad]) as connection, caplog.at_level("DEBUG"):
        result = validate(contract, count_violations(contract, connection), run_id="r", is_synthetic=False)
    assert [outcome.success for outcome in result.outcomes].count(False) == 2
    printed = capfd.readouterr()
    for text in (result.document, str(result.outcomes), printed.out, printed.err, caplog.text):
        assert not [found for found in (shown_nowhere, "98765") if found in text]
    assert printed.out == ""


def test_documents_of_the_newest_seven_runs_are_kept_and_their_outcomes_for_good(tmp_path, monkeypatch):
    document = lambda *of, run_id, **_: replace(outcomes_of(*of), document=run_id)  # noqa: E731
    monkeypatch.setattr(pipeline, "validate", document)
    installation = Installation(tmp_path / "home")
    for run in range(1, 9):
        installation.land(DAY, f"v{run},{DAY} 10:00,5,")
        installation.run()
    kept = installation.query("select run_id, source, document from audit.suite_result order by run_id")
    assert kept == [(f"run {run}", "visits", f"run {run}") for run in range(2, 9)]
    counts = "count(distinct run_id), count(distinct expectation), min(severity), bool_and(success)"
    found = installation.query(f"select {counts} from audit.expectation_result")
    assert found == [(8, len(expectations_of(installation.contracts["visits"])), "critical", True)]


# -- the site

FETCHES = r"<(script|link|img|iframe|svg|object|embed|video|audio|form)\b|<[^>]* (on\w+|src|srcset|action)="


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Data Docs of two contracts, in place of others: a run in which everything fails, after one without a failure."""
    folder = tmp_path_factory.mktemp("site") / "data_docs"
    documents = [validated(contract, fails=fails).document for fails in (True, False) for contract in (RULED, OTHERS)]
    before = os.umask(0)
    try:
        write_data_docs([validated(VISITS, is_synthetic=False).document], folder)
        assert not any("Synthetic" in page.read_text(encoding="utf-8") for page in folder.rglob("*.html"))
        (folder / "expectations" / "old.html").write_text("")
        assert write_data_docs(documents, folder) == folder / "index.html"
    finally:
        os.umask(before)
    return folder


def test_pages_are_private_and_need_no_server_and_no_script_and_have_no_dead_links(site):
    pages = sorted(site.rglob("*.html"))
    assert len(pages) == 1 + 3 * 2
    assert sorted(path for path in site.rglob("*") if path.is_file()) == pages
    assert [path.name for path in site.parent.iterdir()] == ["data_docs"]
    assert [path for path in (site, *site.rglob("*")) if path.stat().st_mode & 0o077] == []
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert re.search(FETCHES, text.replace("<!--", ""), re.IGNORECASE) is None
        links = [link.replace("%20", " ") for link in re.findall(r'href="([^"]*)"', text)]
        assert links
        assert all((page.parent / link).is_file() for link in links if link[0] != "#")
        assert "content=\"default-src 'none'; style-src 'unsafe-inline'\"" in text
        assert "Synthetic sample." in text
    assert (site / "index.html").read_text(encoding="utf-8").count("href=") == 5 * 2


@pytest.mark.parametrize("contract", [RULED, OTHERS], ids=["visits", "others"])
def test_a_page_shows_every_expectation_with_its_reason_and_whether_it_holds(site, contract):
    (failed,) = site.glob(f"validations/{contract.source}/run 1/*/candidate.html")
    (passed,) = site.glob(f"validations/{contract.source}/run 0/*/candidate.html")
    pages = [failed, passed, site / f"expectations/{contract.source}.html"]
    of_failed, of_passed, suite = (unescape(page.read_text(encoding="utf-8")) for page in pages)
    listed = expectations_of(contract)
    # One of them is that of the whole suite.
    assert of_failed.count("fa-times text-danger") == of_passed.count("fa-check-circle text-success") == len(listed) + 1
    assert of_failed.count("17 unexpected values found. 1.7% of 1000 total rows.") == len(listed)
    assert of_failed.count("2022-10-30") >= len(listed)
    for item in listed:
        text = f"{item.name.replace('_', ' ')} ({item.severity.value}, {item.dimension}): {item.description}"
        assert all(text in page for page in (of_failed, of_passed, suite))
