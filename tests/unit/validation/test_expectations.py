"""Which expectations follow from a contract."""

import subprocess
import sys
from dataclasses import replace

import pytest

from dagster_project.contracts import ContractError, Severity, load_contracts
from dagster_project.settings import CONTRACTS
from dagster_project.validation import expectations_of
from tests.unit.validation.candidate import VISITS, ruled

DAYS = {
    *("content_is_of_one_day", "volume_is_not_far_below_the_recent_past", "volume_of_each_force_is_usual"),
    *("volume_is_not_far_above_the_recent_past", "most_events_are_within_a_day_of_the_extract_date"),
}
EVENTS = {
    *("most_events_are_within_a_day_of_the_extract_date", "events_are_not_after_the_extract_date"),
    "most_events_are_near_the_extract_date",
}


def test_every_expectation_of_the_project_has_a_name_of_its_own_a_reason_and_a_dimension():
    for stated in load_contracts(CONTRACTS).values():
        expectations = expectations_of(stated)
        assert len({expectation.name for expectation in expectations}) == len(expectations)
        assert all(expectation.description and expectation.dimension for expectation in expectations)
        assert {rule.name for rule in stated.rules} <= {expectation.name for expectation in expectations}


def test_broken_extracts_are_critical_and_what_reading_checks_is_not_expected_again():
    critical = {
        *("faulty_rows_are_within_limits", "faulty_rows_of_28_days_are_within_limits", "content_is_of_one_day"),
        *("superseded_rows_are_within_limits", "volume_is_not_far_below_the_recent_past"),
        "most_events_are_within_a_day_of_the_extract_date",
    }
    for item in expectations_of(VISITS):
        assert item.on_deliveries
        assert (item.severity is Severity.CRITICAL) == (item.name in critical), item.name
        assert item.consequence.startswith("A failure rejects" if item.name in critical else "A failure is a warning")


def test_expectations_of_days_events_and_offsets_are_those_of_sources_that_have_them():
    def names(**changes: object) -> set[str]:
        return {expectation.name for expectation in expectations_of(replace(VISITS, **changes))}

    assert names() - names(is_daily=False) == DAYS
    assert names() - names(event_column=None) == EVENTS
    assert names() - names(allows_events_outside_day=True) == EVENTS & DAYS
    plain = tuple(replace(column, utc_offset_from=None) for column in VISITS.columns)
    assert names() - names(columns=plain) == {"utc_offsets_agree_with_the_clock"}


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        ("to_be_in_set", {"column": "caller", "value_set": ["x"]}, "a_rule: looks at values of personal column caller"),
        ("to_be_in_set", {"column_A": "caller", "column_B": "kind"}, "values of personal column caller"),
        ("to_be_in_set", {"column_A": "kind", "column_B": "caller"}, "values of personal column caller"),
        ("to_be_in_set", {"column_list": ["kind", "caller"]}, "values of personal column caller"),
        ("to_be_good", {"column": "kind"}, "a_rule: unknown type expect_column_values_to_be_good; known: "),
        ("to_be_between", {"column": "kind"}, "needs min_value or max_value"),
        ("to_be_in_set", {"column": "kind"}, "needs value_set"),
        ("to_be_null", {"column": "kind", "row_condition": "x"}, "does not take row_condition"),
        (
            "to_be_unique",
            {"column": "kind", "name": "delivery_has_rows"},
            "two expectations are named delivery_has_rows",
        ),
    ],
)
def test_a_rule_that_looks_at_personal_values_or_cannot_be_compiled_is_refused(kind, arguments, message):
    with pytest.raises(ContractError, match=f"^visits: .*{message}"):
        expectations_of(ruled(f"expect_column_values_{kind}", **arguments))


@pytest.mark.parametrize("kind", ["not_be_null", "be_unique"])
def test_missing_and_repeated_values_of_a_personal_column_may_be_asked_about(kind):
    stated = ruled(f"expect_column_values_to_{kind}", column="caller")
    assert "a_rule" in [expectation.name for expectation in expectations_of(stated)]


@pytest.mark.parametrize("module", ["validation", "publication.publish", "loading.acceptance"])
def test_listing_expectations_publishing_and_accepting_import_no_great_expectations(module):
    code = f"import sys, dagster_project.{module}; sys.exit('great_expectations' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
