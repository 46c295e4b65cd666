"""Which expectations follow from a contract."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dagster_project.contracts import (
    CellType,
    Column,
    Contract,
    ContractError,
    Rule,
    Severity,
    load_contracts,
)
from dagster_project.validation import expectations_of

CONTRACTS = load_contracts(Path(__file__).parents[2] / "expectations")


def contract(*columns: Column, rules: tuple[Rule, ...] = (), is_daily: bool = True) -> Contract:
    key = Column("visit_id", CellType.TEXT, "", is_required=True, key_position=1)
    return Contract(
        source="visits",
        version="1.0.0",
        domain="",
        owner="",
        tags=(),
        description="",
        grain="",
        columns=(Column("force_code", CellType.TEXT, ""), key, *columns),
        rules=rules,
        is_daily=is_daily,
        start_column=None,
        event_column=None,
        delivery_measures={},
        faulty_share_limit=0.05,
        faulty_rows_limit=20,
        volume_floor=0.3,
        sheet=None,
    )


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


@pytest.mark.parametrize("stated", CONTRACTS.values(), ids=CONTRACTS.keys())
def test_no_expectation_looks_at_the_values_of_a_personal_column(stated):
    personal = {column.name for column in stated.columns if column.is_personal}
    for expectation in expectations_of(stated):
        looked_at = {expectation.arguments.get(name) for name in ("column", "column_A", "column_B")}
        assert not looked_at & personal or expectation.type == "expect_column_values_to_not_be_null"


def test_the_columns_of_a_contract_give_their_expectations():
    stated = contract(
        Column("kind", CellType.TEXT, "", values={"a": "", "b": ""}),
        Column("offset", CellType.INTEGER, "", values={"0": "", "60": ""}),
        Column("length", CellType.SECONDS, "", minimum=0),
        Column("began", CellType.TIMESTAMP, ""),
        Column("ended", CellType.TIMESTAMP, "", not_before=("began",), required_when={"kind": "b"}),
        Column("planned", CellType.TIMESTAMP, "", not_after=("ended",)),
    )
    by_name = {expectation.name: expectation for expectation in expectations_of(stated)}
    assert by_name["kind_is_in_its_list"].arguments["value_set"] == ["a", "b"]
    assert by_name["offset_is_in_its_list"].arguments["value_set"] == [0, 60]
    assert by_name["length_is_at_least_0"].arguments["min_value"] == 0
    assert by_name["ended_is_not_before_began"].arguments["column_A"] == "ended"
    assert by_name["planned_is_not_after_ended"].arguments["column_A"] == "ended"
    assert by_name["ended_is_filled_when_required"].arguments["row_condition"]["parameter"] == "b"
    assert by_name["ended_is_filled_when_required"].column == "ended"


def test_the_values_of_a_personal_column_are_expected_to_be_nothing():
    listed = Column("caller", CellType.TEXT, "", is_personal=True, values={"x": ""}, minimum=1)
    dependent = Column("reason", CellType.TEXT, "", required_when={"caller": "x"})
    assert not {name for name in names(contract(listed, dependent)) if name.startswith(("caller", "reason"))}


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
    timed = contract(
        Column("minutes", CellType.INTEGER, ""),
        Column("began", CellType.TIMESTAMP, "", utc_offset_from="minutes"),
    )
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
    stated = contract(rules=(rule("expect_column_to_exist", name="key_occurs_once", column="visit_id"),))
    with pytest.raises(ContractError, match="two expectations are named key_occurs_once"):
        expectations_of(stated)


def test_listing_expectations_does_not_import_great_expectations():
    code = (
        "import sys, dagster_project.validation; sys.exit(bool({'great_expectations', 'sqlalchemy'} & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
