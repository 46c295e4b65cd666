"""Which expectations follow from a contract, and violations of its rules: what passes, what fails, which days."""

import subprocess
import sys
from dataclasses import replace
from datetime import date

import pytest

from dagster_project.contracts import ContractError, Severity, load_contracts
from dagster_project.settings import CONTRACTS
from dagster_project.validation import ValidationBroken, Violations, count_violations, expectations_of
from tests.unit.validation.candidate import FIRST, GOOD_ROW, SECOND, VISITS, candidate, count, ruled

BETWEEN = "expect_column_values_to_be_between"
SQL = "unexpected_rows_expectation"


def failures(violations: dict[str, Violations]) -> dict[str, tuple[date, ...]]:
    return {name: found.failed_dates for name, found in violations.items() if found.failed_dates}


def test_a_good_candidate_breaks_no_rule():
    violations = count()
    assert [*violations] == [found.name for found in expectations_of(VISITS) if not found.depends_on_earlier_days]
    assert {found.evaluated for found in violations.values()} == {3}
    assert not any(found.unexpected or found.failed_dates or found.rows for found in violations.values())


def test_a_bad_delivery_fails_its_expectation_and_its_day():
    violations = count(deliveries=[{"extract_date": SECOND, "offset_disagreements": 1}])
    assert failures(violations) == {"utc_offsets_agree_with_the_clock": (SECOND,)}
    assert [found.rows for found in violations.values() if found.unexpected] == [()]


@pytest.mark.parametrize(
    ("kind", "arguments", "change"),
    [
        (BETWEEN, {"column": "length", "max_value": 100}, {"length": 101}),
        (BETWEEN, {"column": "length", "max_value": 100, "strict_max": True}, {"length": 100}),
        (BETWEEN, {"column": "length", "min_value": 0}, {"length": -1}),
        (BETWEEN, {"column": "length", "min_value": 59, "strict_min": True}, {"length": 59}),
        ("expect_column_values_to_be_in_set", {"column": "kind", "value_set": ["old", "it's"]}, {"kind": "its"}),
        ("expect_column_values_to_not_be_null", {"column": "caller"}, {"caller": None}),
        (SQL, {"unexpected_rows_query": "from {batch} where load_id = 8 -- end\n;"}, {"load_id": 8}),
    ],
)
def test_a_rule_about_rows_passes_and_fails_with_day_and_row(kind, arguments, change):
    contract = ruled(kind, **arguments)
    assert "a_rule" not in failures(count(contract))
    found = count(contract, rows=[{"visit_id": "v2", "source_row": 3} | change])["a_rule"]
    assert found.failed_dates == (SECOND,)
    assert (SECOND, change.get("load_id", 7), 3) in found.rows


def test_a_rule_about_a_measure_of_the_delivery_fails_its_day_and_passes_what_was_not_judged():
    contract = ruled(BETWEEN, on_deliveries=True, column="mean_length", max_value=60)
    given = [{"extract_date": FIRST, "mean_length": 61.0}, {"extract_date": SECOND, "mean_length": None}]
    found = count(contract, deliveries=given)["a_rule"]
    assert (found.unexpected, found.failed_dates, found.rows) == (1, (FIRST,), ())


def test_a_share_is_judged_for_each_day_by_itself_and_without_missing_values():
    contract = ruled("expect_column_values_to_be_in_set", column="caller", value_set=[12], mostly=0.5)
    bad, missing = {"caller": 99}, {"caller": None}
    contract = replace(contract, columns=tuple(replace(column, identifies=None) for column in VISITS.columns))
    rows = [bad, missing, *({**row, "extract_date": FIRST} for row in (bad, bad, missing))]
    with candidate(VISITS, rows) as connection:
        found = {item.expectation.name: item for item in count_violations(contract, connection)}["a_rule"]
    assert (found.unexpected, found.failed_dates) == (3, (FIRST,))


def test_of_many_failing_rows_all_are_counted_and_twenty_are_shown():
    bad = [{"visit_id": f"b{n}", "source_row": n, "length": -1} for n in range(60, 10, -1)]
    found = count(ruled(BETWEEN, column="length", min_value=0), rows=bad)["a_rule"]
    assert (found.unexpected, found.rows) == (50, tuple((SECOND, 7, n) for n in range(11, 31)))


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        (BETWEEN, {"column": "not_there", "max_value": 1}),
        (SQL, {"unexpected_rows_query": "select cast(kind as integer) from {batch}"}),
    ],
)
def test_an_expectation_that_cannot_be_computed_breaks_off_without_a_value(kind, arguments):
    with pytest.raises(ValidationBroken, match=r"^visits: could not compute a_rule \(\w+\)\. Nothing") as raised:
        count(ruled(kind, **arguments))
    assert GOOD_ROW["kind"] not in str(raised.value)


def test_a_source_may_be_named_like_a_word_of_sql():
    order = replace(ruled(BETWEEN, column="length", min_value=0), source="order")
    assert failures(count(order, rows=[{"length": -1}])) == {"a_rule": (SECOND,)}


def test_the_rules_of_each_contract_can_be_computed():
    for contract in load_contracts(CONTRACTS).values():
        assert failures(count(contract)) == {}


# -- which expectations follow from a contract

FAULTY, SUPERSEDED = "faulty_rows_are_within_limits", "superseded_rows_are_within_limits"
FAULTY_DAYS, COPY = "faulty_rows_of_28_days_are_within_limits", "content_is_of_one_day"
LOW, HIGH = "volume_is_not_far_below_the_recent_past", "volume_is_not_far_above_the_recent_past"
MEMBER = "volume_of_each_member_is_usual"
OUTSIDE, AFTER = "most_events_are_within_a_day_of_the_extract_date", "events_are_not_after_the_extract_date"
REPEATED = "some_events_are_on_the_extract_date"
EVENTS = {OUTSIDE, REPEATED, AFTER, "most_events_are_near_the_extract_date"}


def test_broken_extracts_are_critical_and_what_reading_checks_is_not_expected_again():
    critical = {FAULTY, FAULTY_DAYS, SUPERSEDED, COPY, LOW, OUTSIDE, REPEATED}
    critical |= {"files_of_several_forces_name_the_force"}
    for item in expectations_of(VISITS):
        assert item.on_deliveries
        assert (item.severity is Severity.CRITICAL) == (item.name in critical), item.name
        assert item.consequence.startswith("A failure rejects" if item.name in critical else "A failure is a warning")


def test_expectations_of_days_events_and_offsets_are_those_of_sources_that_have_them():
    def names(**changes: object) -> set[str]:
        return {expectation.name for expectation in expectations_of(replace(VISITS, **changes))}

    assert names() - names(cadence="irregular") == {
        COPY,
        LOW,
        HIGH,
        "volume_of_each_force_is_usual",
        MEMBER,
        OUTSIDE,
        REPEATED,
    }
    assert names() - names(event_column=None) == EVENTS
    assert names() - names(allows_events_outside_day=True) == {OUTSIDE, REPEATED}
    plain = tuple(replace(column, utc_offset_from=None) for column in VISITS.columns)
    assert names() - names(columns=plain) == {"utc_offsets_agree_with_the_clock"}


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        ("to_be_in_set", {"column": "caller", "value_set": [1]}, "a_rule: looks at values of personal column caller"),
        ("to_be_good", {"column": "kind"}, "a_rule: unknown type expect_column_values_to_be_good; known: "),
        ("to_be_between", {"column": "kind"}, "needs min_value or max_value"),
        ("to_be_in_set", {"column": "kind"}, "needs value_set"),
        ("to_not_be_null", {"column": "kind", "row_condition": "x"}, "does not take row_condition"),
        ("to_not_be_null", {"column": "kind", "name": "delivery_has_rows"}, "two expectations are named delivery"),
    ],
)
def test_a_rule_that_looks_at_personal_values_or_cannot_be_compiled_is_refused(kind, arguments, message):
    with pytest.raises(ContractError, match=f"^visits: .*{message}"):
        expectations_of(ruled(f"expect_column_values_{kind}", **arguments))


@pytest.mark.parametrize("module", ["validation", "publication.publish", "loading.acceptance"])
def test_listing_expectations_publishing_and_accepting_import_no_great_expectations(module):
    code = f"import sys, dagster_project.{module}; sys.exit('great_expectations' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
