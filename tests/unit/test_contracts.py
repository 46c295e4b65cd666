"""Contracts as files: what the six say, and that a contract which the engine cannot carry out is refused at once."""

from __future__ import annotations

import copy
from datetime import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from dagster_project.contracts import CellType, ContractError, load_contract, load_contracts
from dagster_project.contracts.model import IDENTIFIER
from dagster_project.warehouse.connection import dry_connection
from dagster_project.warehouse.tables import TableMismatch, ensure_tables, raw_columns

FOLDER = Path(__file__).parents[2] / "expectations"

PATROLS: dict[str, Any] = {
    "kind": "DataContract",
    "apiVersion": "v3.2.0",
    "id": "fcir.patrols",
    "name": "patrols",
    "version": "1.0.0",
    "status": "active",
    "domain": "contact",
    "schema": [
        {
            "name": "patrols",
            "logicalType": "object",
            "properties": [
                {
                    "name": "patrol_id",
                    "logicalType": "string",
                    "primaryKey": True,
                    "primaryKeyPosition": 1,
                    "required": True,
                    "synonyms": [{"synonym": "Ref No"}],
                },
                {"name": "begun_at", "logicalType": "timestamp", "required": True},
                {
                    "name": "ended_at",
                    "logicalType": "timestamp",
                    "customProperties": [{"property": "notBefore", "value": "begun_at"}],
                },
                {"name": "officer", "logicalType": "string", "classification": "personal"},
            ],
            "customProperties": [{"property": "startColumn", "value": "begun_at"}],
        }
    ],
}


def written(folder: Path, document: object, name: str = "patrols") -> Path:
    path = folder / f"{name}.odcs.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def test_the_contracts_are_the_sources_of_the_project():
    contracts = load_contracts(FOLDER)
    assert list(contracts) == [
        "call_segments",
        "crimes",
        "digital_contacts",
        "live_chats",
        "online_crime_reports",
        "published_figures",
        "published_statements",
    ]
    irregular = [name for name, contract in contracts.items() if not contract.is_daily]
    assert irregular == ["published_figures", "published_statements"]
    keys = {name: [column.name for column in contract.key] for name, contract in contracts.items()}
    assert keys["call_segments"] == ["call_id", "segment_no"]
    assert keys["crimes"] == ["crime_ref", "updated_at"]
    assert {column.name for contract in contracts.values() for column in contract.columns if column.is_personal} == {
        *("operator_id", "caller_number", "linked_reference", "crime_ref"),
    }


def test_every_column_and_closed_value_of_the_contracts_is_described():
    for contract in load_contracts(FOLDER).values():
        assert contract.description
        assert contract.owner
        for column in contract.columns:
            assert column.description, f"{contract.source}.{column.name}"
            assert all(column.values.values()), f"{contract.source}.{column.name}"


# Texts as a paper prints them; they are escaped wherever they are shown.
AS_PRINTED = {"statement", "published_value", "threshold"}


def test_every_number_of_the_contracts_has_a_maximum_and_every_text_a_form():
    for contract in load_contracts(FOLDER).values():
        for column in contract.columns:
            place, is_open = f"{contract.source}.{column.name}", not (column.values or column.is_personal)
            if is_open and column.cell_type in (CellType.INTEGER, CellType.DECIMAL, CellType.SECONDS):
                assert column.maximum is not None, place
            if is_open and column.cell_type is CellType.TEXT and column.name not in {"force_code", *AS_PRINTED}:
                assert column.form, place


def test_an_identifier_has_no_blanks_unless_its_contract_says_what_else_it_may_be(tmp_path):
    assert load_contract(written(tmp_path, PATROLS)).column("patrol_id").pattern == IDENTIFIER
    wider = copy.deepcopy(PATROLS)
    properties(wider)[0].update(
        logicalTypeOptions={"pattern": "[A-Z ]+"}, customProperties=[stated("patternDescription", "letters and blanks")]
    )
    assert load_contract(written(tmp_path, wider)).column("patrol_id").pattern == "[A-Z ]+"


def test_a_header_is_recognised_whatever_its_case_blanks_and_dashes(tmp_path):
    contract = load_contract(written(tmp_path, PATROLS))
    for header in ("patrol_id", "Patrol ID", "PATROL-ID", " patrolid", "ref_no", "REF NO"):
        assert contract.column_named(header) == contract.column("patrol_id"), header
    assert contract.column_named("patrol") is None
    assert [column.name for column in contract.required] == ["patrol_id", "begun_at"]


def test_a_contract_gets_a_force_column_and_the_limits_that_it_does_not_state(tmp_path):
    contract = load_contract(written(tmp_path, PATROLS))
    assert contract.columns[0].name == "force_code"
    assert (contract.faulty_share_limit, contract.faulty_rows_limit, contract.volume_floor) == (0.05, 20, 0.65)
    assert contract.is_daily
    assert contract.event_column == "begun_at"


def test_a_contract_states_when_it_is_delivered_and_whether_a_marker_completes_a_file(tmp_path):
    contract = load_contract(written(tmp_path, PATROLS))
    assert (contract.delivered_by, contract.needs_marker, contract.absent_forces_complete) == (time(9), False, False)
    document = copy.deepcopy(PATROLS)
    document["schema"][0].update(
        customProperties=[
            stated("deliveredBy", "06:30"),
            stated("completionMarker", "required"),
            stated("absentForces", "complete"),
        ]
    )
    contract = load_contract(written(tmp_path, document))
    assert (contract.delivered_by, contract.needs_marker, contract.absent_forces_complete) == (time(6, 30), True, True)


def properties(document: dict[str, Any]) -> list[dict[str, Any]]:
    return document["schema"][0]["properties"]


def stated(name: str, value: object) -> dict[str, Any]:
    return {"property": name, "value": value}


def decimal(document: dict[str, Any], **changed: object) -> None:
    """Make a column one of decimals."""
    properties(document)[2] |= {
        "logicalType": "number",
        "physicalType": "decimal(4, 1)",
        "customProperties": [],
        **changed,
    }


MISTAKES = {
    "is 'tours', the file name says 'patrols'": lambda doc: doc.update(name="tours"),
    "expected one schema object, found 2": lambda doc: doc["schema"].append(doc["schema"][0]),
    "expected one of the two": lambda doc: properties(doc)[0].update(primaryKey=False),
    "or state the custom property key: row": lambda doc: doc["schema"][0].update(
        customProperties=[stated("key", "row")]
    ),
    "key is 'patrol_id'; known: row": lambda doc: doc["schema"][0].update(
        customProperties=[stated("key", "patrol_id")]
    ),
    "a key column is required": lambda doc: properties(doc)[0].update(required=False),
    "reserved or not lower-case": lambda doc: properties(doc)[1].update(name="Begun At"),
    "column name 'load_id' is reserved": lambda doc: properties(doc)[3].update(name="load_id"),
    "needs a cellType": lambda doc: properties(doc)[1].update(logicalType="time"),
    "physicalType None; a number needs decimal": lambda doc: properties(doc)[2].update(logicalType="number"),
    "physicalType 'decimal(3, 3)'; a number": lambda doc: decimal(doc, physicalType="decimal(3, 3)"),
    "physicalType 'decimal(39, 3)'; a number": lambda doc: decimal(doc, physicalType="decimal(39, 3)"),
    "physicalType 'decimal(3, 0)'; a number": lambda doc: decimal(doc, physicalType="decimal(3, 0)"),
    "minimum -1000; expected": lambda doc: decimal(doc, logicalTypeOptions={"minimum": -1000}),
    "minimum 0.25; expected": lambda doc: decimal(doc, logicalTypeOptions={"minimum": 0.25}),
    "minimum Infinity; expected": lambda doc: decimal(doc, logicalTypeOptions={"minimum": float("inf")}),
    "minimum True; expected": lambda doc: decimal(doc, logicalTypeOptions={"minimum": True}),
    "a closed list is for texts": lambda doc: decimal(doc, enum=[{"value": "1.5"}]),
    "cellType 'minutes'": lambda doc: properties(doc)[1].update(customProperties=[stated("cellType", "minutes")]),
    "are not carried out": lambda doc: properties(doc)[0].update(logicalTypeOptions={"minLength": 3}),
    "unknown custom properties: notbefore": lambda doc: properties(doc)[2].update(
        customProperties=[stated("notbefore", "begun_at")]
    ),
    "refers to 'started_at', which is not a column": lambda doc: properties(doc)[2].update(
        customProperties=[stated("notBefore", "started_at")]
    ),
    "share the header 'refno'": lambda doc: properties(doc)[3].update(synonyms=[{"synonym": "ref-no"}]),
    "a personal column is text": lambda doc: properties(doc)[2].update(classification="personal"),
    "startColumn 'patrol_id' is not a timestamp": lambda doc: doc["schema"][0].update(
        customProperties=[stated("startColumn", "patrol_id")]
    ),
    "cadence is 'weekly'": lambda doc: doc["schema"][0].update(customProperties=[stated("cadence", "weekly")]),
    "unknown custom properties of the schema: cadance": lambda doc: doc["schema"][0].update(
        customProperties=[stated("cadance", "daily")]
    ),
    "deliveredBy is 600": lambda doc: doc["schema"][0].update(customProperties=[stated("deliveredBy", 600)]),
    "deliveredBy is '25:00'": lambda doc: doc["schema"][0].update(customProperties=[stated("deliveredBy", "25:00")]),
    "no day is owed": lambda doc: doc["schema"][0].update(
        customProperties=[stated("cadence", "irregular"), stated("deliveredBy", "09:00")]
    ),
    "eventsOutsideDay is 'ignored'": lambda doc: doc["schema"][0].update(
        customProperties=[stated("eventsOutsideDay", "ignored")]
    ),
    "absentForces is 'yes'": lambda doc: doc["schema"][0].update(customProperties=[stated("absentForces", "yes")]),
    "completionMarker is True": lambda doc: doc["schema"][0].update(
        customProperties=[stated("completionMarker", True)]
    ),
    "stated twice": lambda doc: doc["schema"][0].update(customProperties=[stated("cadence", "daily")] * 2),
    "no expectation may look at personal column officer": lambda doc: doc["schema"][0].update(
        quality=[quality(column="officer")]
    ),
    "maximum and maximumReason go together": lambda doc: properties(doc)[0].update(
        logicalType="integer", logicalTypeOptions={"maximum": 5}
    ),
    "maximum 5; expected": lambda doc: properties(doc)[0].update(
        logicalTypeOptions={"maximum": 5}, customProperties=[stated("maximumReason", "a reason")]
    ),
    "maximum '5'; expected": lambda doc: properties(doc)[0].update(
        logicalType="integer",
        logicalTypeOptions={"maximum": "5"},
        customProperties=[stated("maximumReason", "a reason")],
    ),
    "maximum 5 is below minimum 6": lambda doc: properties(doc)[0].update(
        logicalType="integer",
        logicalTypeOptions={"minimum": 6, "maximum": 5},
        customProperties=[stated("maximumReason", "a reason")],
    ),
    "bound 'soon'; expected a date": lambda doc: properties(doc)[1].update(
        logicalType="date", logicalTypeOptions={"minimum": "soon"}
    ),
    "minimum 5; expected": lambda doc: properties(doc)[1].update(logicalTypeOptions={"minimum": 5}),
    "pattern and patternDescription go together": lambda doc: properties(doc)[0].update(
        logicalTypeOptions={"pattern": "[a-z]+"}
    ),
    "pattern and maxLength are for text": lambda doc: properties(doc)[1].update(
        logicalTypeOptions={"pattern": "[a-z]+"}, customProperties=[stated("patternDescription", "letters")]
    ),
    "maxLength 0; expected": lambda doc: properties(doc)[0].update(logicalTypeOptions={"maxLength": 0}),
    "is no regular expression": lambda doc: properties(doc)[0].update(
        logicalTypeOptions={"pattern": "[a-z"}, customProperties=[stated("patternDescription", "letters")]
    ),
    "severity 'fatal'": lambda doc: doc["schema"][0].update(quality=[quality(severity="fatal")]),
    "expected engine greatExpectations": lambda doc: doc["schema"][0].update(quality=[quality(engine="soda")]),
    "needs a snake-case name": lambda doc: doc["schema"][0].update(quality=[quality(name="A Name")]),
}


def quality(*, column: str = "patrol_id", **changed: object) -> dict[str, Any]:
    return {
        "name": "a_rule",
        "description": "A reason.",
        "severity": "critical",
        "type": "custom",
        "engine": "greatExpectations",
        "implementation": {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": column}},
        **changed,
    }


@pytest.mark.parametrize("message", MISTAKES)
def test_a_contract_that_cannot_be_carried_out_is_refused_by_file_and_place(tmp_path, message):
    document = copy.deepcopy(PATROLS)
    MISTAKES[message](document)
    with pytest.raises(ContractError) as refused:
        load_contract(written(tmp_path, document))
    assert "patrols.odcs.yaml" in str(refused.value)
    assert message in str(refused.value)


@pytest.mark.parametrize("text", ["a: [", "- 1\n- 2\n", "", "just words", "\x00"])
def test_a_file_that_is_no_contract_is_refused(tmp_path, text):
    path = tmp_path / "patrols.odcs.yaml"
    path.write_text(text)
    with pytest.raises(ContractError, match=r"patrols\.odcs\.yaml"):
        load_contract(path)


def test_a_folder_without_contracts_is_refused(tmp_path):
    with pytest.raises(ContractError, match="no contract found"):
        load_contracts(tmp_path)


def test_a_raw_table_has_the_columns_of_its_contract_and_gains_new_ones(tmp_path):
    contract = load_contract(written(tmp_path, PATROLS))
    longer = copy.deepcopy(PATROLS)
    properties(longer).append({"name": "is_armed", "logicalType": "boolean"})
    with dry_connection() as connection:
        ensure_tables(connection, [contract])
        connection.execute("insert into raw.patrols (patrol_id) values ('p')")
        ensure_tables(connection, [load_contract(written(tmp_path, longer))])
        assert connection.execute("select patrol_id, is_armed from raw.patrols").fetchall() == [("p", None)]
    assert raw_columns(contract)["begun_at"] == "timestamp"
    assert raw_columns(contract)["officer"] == "varchar"


def test_a_column_that_changes_its_type_is_refused_and_nothing_is_changed(tmp_path):
    changed = copy.deepcopy(PATROLS)
    properties(changed)[2].update(logicalType="integer", customProperties=[])
    with dry_connection() as connection:
        ensure_tables(connection, [load_contract(written(tmp_path, PATROLS))])
        connection.execute("insert into raw.patrols (patrol_id) values ('p')")
        with pytest.raises(TableMismatch, match=r"raw\.patrols\.ended_at is timestamp"):
            ensure_tables(connection, [load_contract(written(tmp_path, changed))])
        assert connection.execute("select patrol_id from raw.patrols").fetchall() == [("p",)]
