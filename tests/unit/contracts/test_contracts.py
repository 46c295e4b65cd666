"""The contracts of the project, and contracts that are refused because they cannot be applied."""

import copy
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from dagster_project.contracts import CellType, ContractError, Rule, Severity, load_contract, load_contracts
from dagster_project.contracts.model import IDENTIFIER
from dagster_project.settings import CONTRACTS
from tests.cases import cases_of

CASES = cases_of(__file__)


@pytest.fixture
def document() -> dict[str, Any]:
    return copy.deepcopy(CASES["patrols"])


def loaded(folder: Path, document: object):
    path = folder / "patrols.odcs.yaml"
    path.write_text(yaml.safe_dump(document))
    return load_contract(path)


def properties(document: dict[str, Any]) -> list[dict[str, Any]]:
    return document["schema"][0]["properties"]


def custom(**stated: object) -> dict[str, Any]:
    """Custom properties of a column or of the schema."""
    return {"customProperties": [{"property": name, "value": value} for name, value in stated.items()]}


# -- of the project


def test_the_contracts_of_the_project_have_daily_sources_keys_and_personal_columns():
    contracts = load_contracts(CONTRACTS)
    daily = ["call_segments", "crimes", "digital_contacts", "live_chats", "online_crime_reports"]
    assert [name for name, contract in contracts.items() if contract.is_daily] == daily
    assert [column.name for column in contracts["crimes"].key] == ["crime_ref", "updated_at"]
    personal = {column.name for contract in contracts.values() for column in contract.columns if column.is_personal}
    assert personal == {"operator_id", "caller_number", "linked_reference", "crime_ref"}


def test_every_column_is_described_every_number_has_a_maximum_and_every_text_a_form():
    for contract in load_contracts(CONTRACTS).values():
        assert contract.description
        assert contract.owner
        for column in contract.columns:
            name, is_open = f"{contract.source}.{column.name}", not (column.values or column.is_personal)
            assert column.description, name
            assert all(column.values.values()), name
            if is_open and column.cell_type in (CellType.INTEGER, CellType.DECIMAL, CellType.SECONDS):
                assert column.maximum is not None, name
            if is_open and column.cell_type is CellType.TEXT and column.name != "force_code":
                assert column.form, name


# -- what a contract means

FLAGS = ("needs_marker", "describes_forces", "allows_events_outside_day")


def test_a_contract_gets_a_force_column_an_identifiers_form_and_default_limits(tmp_path, document):
    contract = loaded(tmp_path, document)
    assert contract.columns[0].name == "force_code"
    assert [column.name for column in contract.required] == ["patrol_id", "begun_at"]
    assert (contract.faulty_share_limit, contract.faulty_rows_limit, contract.volume_floor) == (0.05, 20, 0.65)
    assert (contract.is_daily, contract.event_column, contract.start_column) == (True, "begun_at", "begun_at")
    assert (contract.delivered_by, contract.first_delivery, contract.sheets) == (time(9), None, None)
    assert [getattr(contract, name) for name in FLAGS] == [False] * 3
    same = {"cadence": "daily", "completionMarker": "optional", "eventsOutsideDay": "rejected"}
    same |= {"forces": "delivering", "startColumn": "begun_at"}
    document["schema"][0].update(custom(**same))
    assert loaded(tmp_path, document) == contract
    patrol = contract.column("patrol_id")
    assert (patrol.pattern, patrol.max_length) == (IDENTIFIER, 64)
    assert (patrol.minimum, patrol.default, patrol.utc_offset_from, patrol.resembles_personal) == (None, None, None, "")


def test_a_contract_states_what_differs_from_the_defaults(tmp_path, document):
    stated = {"deliveredBy": "06:30", "completionMarker": "required", "sheets": "Data"}
    stated |= {"firstDelivery": date(2022, 8, 1), "eventsOutsideDay": "allowed", "volumeFloor": 0.3}
    stated |= {"faultyShareLimit": 0.1, "faultyRowsLimit": 7, "eventColumn": "ended_at", "startColumn": "begun_at"}
    document["schema"][0].update(
        custom(**stated, deliveryMeasures={"n": "count(*)"}), dataGranularityDescription="a walk"
    )
    document.update(team={"name": "beats"}, tags=["walks"], description={"purpose": "Patrols."})
    letters = custom(patternDescription="letters", resemblesPersonal="names of beats", patternReason="beats")
    properties(document)[0].update(logicalTypeOptions={"pattern": "[A-Z ]+"}, **letters)
    properties(document)[2].update(custom(notBefore=["begun_at"], requiredWhen={"officer": 1}))
    decimal(document, at=3, logicalTypeOptions={"minimum": 0.5, "maximum": 9.5}, **custom(maximumReason="walks end"))
    add_rule(document, dimension="accuracy")
    # A rule may stand at a column, too.
    properties(document)[0]["quality"] = [
        RULE | {"name": "another", "implementation": {"type": "x", "table": "deliveries"}}
    ]
    contract = loaded(tmp_path, document)
    assert (contract.delivered_by, contract.first_delivery) == (time(6, 30), date(2022, 8, 1))
    assert contract.sheets == ("Data",)
    assert [getattr(contract, name) for name in FLAGS] == [True, False, True]
    assert (contract.faulty_share_limit, contract.faulty_rows_limit, contract.volume_floor) == (0.1, 7, 0.3)
    about = (contract.version, contract.domain, contract.owner, contract.tags, contract.description, contract.grain)
    assert about == ("1.0.0", "contact", "beats", ("walks",), "Patrols.", "a walk")
    assert (contract.event_column, contract.delivery_measures) == ("ended_at", {"n": "count(*)"})
    patrol, _, ended, number = contract.columns[1:]
    assert (patrol.pattern, patrol.max_length, patrol.resembles_personal) == ("[A-Z ]+", None, "names of beats")
    assert (ended.not_before, ended.required_when) == (("begun_at",), {"officer": "1"})
    assert (number.precision, number.scale, number.minimum, number.maximum) == (4, 1, Decimal("0.5"), Decimal("9.5"))
    kind, arguments = "expect_column_values_to_not_be_null", {"column": "patrol_id"}
    assert contract.rules == (
        Rule("a_rule", "A reason.", "accuracy", Severity.CRITICAL, False, kind, arguments),
        Rule("another", "A reason.", "", Severity.CRITICAL, True, "x", {}),
    )


def test_a_source_that_describes_forces_requires_a_force_in_every_row(tmp_path, document):
    document["schema"][0].update(custom(forces="described"))
    with pytest.raises(ContractError, match="list the column force_code with required: true"):
        loaded(tmp_path, document)
    properties(document).append({"name": "force_code", "logicalType": "string", "required": True})
    assert loaded(tmp_path, document).describes_forces


# -- what is refused


def decimal(document: dict[str, Any], *, at: int = 2, **changed: object) -> None:
    """Make a column one of decimals."""
    plain = {"logicalType": "number", "physicalType": "decimal(4, 1)", "classification": "public", **custom()}
    properties(document)[at] |= plain | changed


RULE = {
    **{"name": "a_rule", "description": "A reason.", "severity": "critical"},
    **{"type": "custom", "engine": "greatExpectations"},
}


def add_rule(document: dict[str, Any], *, column: str = "patrol_id", **changed: object) -> None:
    stated = {"implementation": {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": column}}}
    document["schema"][0]["quality"] = [RULE | stated | changed]


@pytest.mark.parametrize("message", CASES["refused"])
def test_a_contract_that_cannot_be_applied_is_refused_with_its_file(tmp_path, document, message):
    case = CASES["refused"][message]
    document.update(case.get("document", {}))
    if "decimal" in case:
        decimal(document, **case["decimal"])
    elif "rule" in case:
        add_rule(document, **case["rule"])
    elif "document" not in case:
        changes = case.get("schema", case)
        where = document["schema"][0] if "schema" in case else properties(document)[case["column"]]
        where.update({name: value for name, value in changes.items() if name not in ("column", "custom")})
        where.update(custom(**changes["custom"]) if "custom" in changes else {})
    with pytest.raises(ContractError) as refused:
        loaded(tmp_path, document)
    assert "patrols.odcs.yaml" in str(refused.value)
    assert message in str(refused.value)


def test_another_yaml_file_and_a_folder_without_contracts_are_refused(tmp_path):
    with pytest.raises(ContractError, match="no contract found"):
        load_contracts(tmp_path)
    for text in ("a: [", "- 1\n- 2\n", "", "\x00"):
        (tmp_path / "patrols.odcs.yaml").write_text(text)
        with pytest.raises(ContractError, match=r"patrols\.odcs\.yaml"):
            load_contracts(tmp_path)
