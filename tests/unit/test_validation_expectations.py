"""Which expectations follow from a contract."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dagster_project.contracts import CellType, Column, Contract, ContractError, Rule, Severity, load_contracts
from dagster_project.validation import expectations_of
from tests.unit.small_contracts import small_contract

CONTRACTS = load_contracts(Path(__file__).parents[2] / "expectations")


def contract(*columns: Column, rules: tuple[Rule, ...] = (), is_daily: bool = True) -> Contract:
    key = Column("visit_id", CellType.TEXT, "", is_required=True, key_position=1)
    force = Column("force_code", CellType.TEXT, "")
    return small_contract("visits", force, key, *columns, rules=rules, is_daily=is_daily)


def rule(kind: str, *, name: str = "a_rule", on_deliveries: bool = False, **arguments: object) -> Rule:
    return Rule(name, "A reason.", "accuracy", Severity.WARNING, on_deliveries, kind, arguments)


def names(stated: Contract) -> set[str]:
    return {expectation.name for expectation in expectations_of(stated)}


@pytest.mark.parametrize("stated", CONTRACTS.values(), ids=CONTRACTS.keys())
def test_every_expectation_has_a_name_of_its_own_and_a_reason(stated):
    expectations = expectations_of(stated)
    assert len({expectation.name for expectation in expectations}) == len(expectations)
    assert all(expectation.description and expectation.dimension for expectation in expectations)
    assert {rule.name for rule in stated.rules} <= {expectation.name for expectation in expectations}


def test_what_reading_checks_is_not_expected_again():
    listed = Column("kind", CellType.TEXT, "", is_required=True, values={"a": "", "b": ""})
    bounded = Column("ended", CellType.TIMESTAMP, "", not_before=("began",), required_when={"kind": "b"})
    stated = contract(listed, Column("began", CellType.TIMESTAMP, ""), bounded)
    assert all(expectation.on_deliveries for expectation in expectations_of(stated))


def test_only_a_daily_source_is_compared_with_its_recent_past():
    volume = {"volume_is_not_far_below_the_recent_past", "volume_is_not_far_above_the_recent_past"}
    assert volume <= names(contract())
    assert not volume & names(contract(is_daily=False))


def test_an_empty_delivery_is_a_warning_and_a_broken_extract_is_critical():
    severities = {expectation.name: expectation.severity for expectation in expectations_of(contract())}
    assert severities["delivery_has_rows"] is Severity.WARNING
    assert severities["faulty_rows_are_within_limits"] is Severity.CRITICAL
    assert severities["volume_is_not_far_below_the_recent_past"] is Severity.CRITICAL
    assert severities["volume_is_not_far_above_the_recent_past"] is Severity.WARNING


def test_a_source_without_event_times_or_offsets_is_not_asked_for_them():
    of_times = {"events_are_not_after_the_extract_date", "utc_offsets_agree_with_the_clock"}
    assert not of_times & names(contract())
    began = Column("began", CellType.TIMESTAMP, "", utc_offset_from="minutes")
    timed = contract(Column("minutes", CellType.INTEGER, ""), began)
    assert of_times <= names(replace(timed, event_column="began"))


@pytest.mark.parametrize(
    "arguments",
    [
        {"column": "caller", "value_set": ["x"]},
        {"column_A": "caller", "column_B": "visit_id"},
        {"column_list": ["visit_id", "caller"]},
    ],
)
def test_a_rule_about_the_values_of_a_personal_column_is_refused(arguments):
    caller = Column("caller", CellType.TEXT, "", is_personal=True)
    stated = contract(caller, rules=(rule("expect_column_values_to_be_in_set", **arguments),))
    with pytest.raises(ContractError, match="a_rule: looks at values of personal column caller"):
        expectations_of(stated)


def test_two_expectations_of_one_name_are_refused():
    stated = contract(rules=(rule("expect_column_values_to_be_unique", name="delivery_has_rows", column="visit_id"),))
    with pytest.raises(ContractError, match="two expectations are named delivery_has_rows"):
        expectations_of(stated)


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        ("expect_no_such_thing", {"column": "visit_id"}, "visits: a_rule: unknown type expect_no_such_thing; known: "),
        ("expect_column_values_to_be_between", {"column": "visit_id"}, "a_rule: .* needs min_value or max_value"),
        ("expect_column_values_to_be_in_set", {"column": "visit_id"}, "a_rule: .* needs value_set"),
        (
            "expect_column_values_to_be_null",
            {"column": "visit_id", "row_condition": "x"},
            "does not take row_condition",
        ),
    ],
)
def test_a_rule_that_cannot_be_compiled_is_refused(kind, arguments, message):
    with pytest.raises(ContractError, match=message):
        expectations_of(contract(rules=(rule(kind, **arguments),)))


def test_a_missing_value_of_a_personal_column_may_be_asked_about():
    caller = Column("caller", CellType.TEXT, "", is_personal=True)
    assert "a_rule" in names(contract(caller, rules=(rule("expect_column_values_to_not_be_null", column="caller"),)))


def test_listing_expectations_does_not_import_great_expectations():
    heavy = "{'great_expectations', 'sqlalchemy'}"
    code = f"import sys, dagster_project.validation; sys.exit(bool({heavy} & {{*sys.modules}}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
