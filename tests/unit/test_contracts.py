"""The contracts of the project, and contracts that the engine refuses because it cannot apply them."""

import copy
from dataclasses import replace
from datetime import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from dagster_project.contracts import CellType, ContractError, load_contract, load_contracts
from dagster_project.contracts.model import IDENTIFIER
from dagster_project.extracts.header import Headings
from dagster_project.warehouse.connection import WAREHOUSE, dry_connection
from dagster_project.warehouse.tables import TableMismatch, ensure_tables, noted_personal_columns, raw_columns
from tests.unit.loading_helpers import VISITS

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
    daily = ["call_segments", "crimes", "digital_contacts", "live_chats", "online_crime_reports"]
    assert sorted({*contracts} - {*daily}) == ["national_call_answering", "published_figures", "published_statements"]
    assert [name for name, contract in contracts.items() if contract.is_daily] == daily
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
            name, is_open = f"{contract.source}.{column.name}", not (column.values or column.is_personal)
            if is_open and column.cell_type in (CellType.INTEGER, CellType.DECIMAL, CellType.SECONDS):
                assert column.maximum is not None, name
            if is_open and column.cell_type is CellType.TEXT and column.name not in {"force_code", *AS_PRINTED}:
                assert column.form, name


def test_an_identifier_has_no_blanks_unless_its_contract_states_a_pattern(tmp_path):
    assert load_contract(written(tmp_path, PATROLS)).column("patrol_id").pattern == IDENTIFIER
    wider = copy.deepcopy(PATROLS)
    properties(wider)[0].update(
        logicalTypeOptions={"pattern": "[A-Z ]+"}, **custom(patternDescription="letters and blanks")
    )
    assert load_contract(written(tmp_path, wider)).column("patrol_id").pattern == "[A-Z ]+"


def test_case_blanks_and_dashes_of_a_header_do_not_matter(tmp_path):
    contract = load_contract(written(tmp_path, PATROLS))
    headings = Headings(contract)
    for header in ("patrol_id", "Patrol ID", "PATROL-ID", " patrolid", "ref_no", "REF NO"):
        assert headings.column(header) == "patrol_id", header
    assert headings.column("patrol") is None
    assert [column.name for column in contract.required] == ["patrol_id", "begun_at"]


def test_a_contract_gets_a_force_column_and_default_limits(tmp_path):
    contract = load_contract(written(tmp_path, PATROLS))
    assert contract.columns[0].name == "force_code"
    assert (contract.faulty_share_limit, contract.faulty_rows_limit, contract.volume_floor) == (0.05, 20, 0.65)
    assert contract.is_daily
    assert contract.event_column == "begun_at"


def test_a_contract_states_its_deadline_markers_and_absent_forces(tmp_path):
    contract = load_contract(written(tmp_path, PATROLS))
    assert (contract.delivered_by, contract.needs_marker, contract.absent_forces_complete) == (time(9), False, False)
    document = copy.deepcopy(PATROLS)
    document["schema"][0].update(custom(deliveredBy="06:30", completionMarker="required", absentForces="complete"))
    contract = load_contract(written(tmp_path, document))
    assert (contract.delivered_by, contract.needs_marker, contract.absent_forces_complete) == (time(6, 30), True, True)


def test_a_source_that_describes_forces_requires_a_force_in_every_row(tmp_path):
    assert not load_contract(written(tmp_path, PATROLS)).describes_forces
    document = copy.deepcopy(PATROLS)
    document["schema"][0].update(custom(forces="described"))
    with pytest.raises(ContractError, match="list the column force_code with required: true"):
        load_contract(written(tmp_path, document))
    properties(document).append({"name": "force_code", "logicalType": "string", "required": True})
    contract = load_contract(written(tmp_path, document))
    assert contract.describes_forces
    assert "force_code" in [column.name for column in contract.required]


def properties(document: dict[str, Any]) -> list[dict[str, Any]]:
    return document["schema"][0]["properties"]


def custom(**stated: object) -> dict[str, Any]:
    """Custom properties of a column or of the schema."""
    return {"customProperties": [{"property": name, "value": value} for name, value in stated.items()]}


def decimal(document: dict[str, Any], **changed: object) -> None:
    """Make a column one of decimals."""
    properties(document)[2] |= {"logicalType": "number", "physicalType": "decimal(4, 1)", **custom(), **changed}


# By message, the changes of the schema that are refused.
OF_SCHEMA = {
    "or state the custom property key: row": custom(key="row"),
    "key is 'patrol_id'; known: row": custom(key="patrol_id"),
    "startColumn 'patrol_id' is not a timestamp": custom(startColumn="patrol_id"),
    "cadence is 'weekly'": custom(cadence="weekly"),
    "unknown custom properties of the schema: cadance": custom(cadance="daily"),
    "deliveredBy is 600": custom(deliveredBy=600),
    "deliveredBy is '25:00'": custom(deliveredBy="25:00"),
    "no day is owed": custom(cadence="irregular", deliveredBy="09:00"),
    "eventsOutsideDay is 'ignored'": custom(eventsOutsideDay="ignored"),
    "absentForces is 'yes'": custom(absentForces="yes"),
    "completionMarker is True": custom(completionMarker=True),
    "stated twice": {"customProperties": custom(cadence="daily")["customProperties"] * 2},
}
REASON = custom(maximumReason="a reason")
# By message, the position of a column and its changes.
OF_COLUMNS: dict[str, tuple[int, dict[str, Any]]] = {
    "expected one of the two": (0, {"primaryKey": False}),
    "a key column is required": (0, {"required": False}),
    "reserved or not lower-case": (1, {"name": "Begun At"}),
    "column name 'load_id' is reserved": (3, {"name": "load_id"}),
    "needs a cellType": (1, {"logicalType": "time"}),
    "physicalType None; a number needs decimal": (2, {"logicalType": "number"}),
    "cellType 'minutes'": (1, custom(cellType="minutes")),
    "are not carried out": (0, {"logicalTypeOptions": {"minLength": 3}}),
    "unknown custom properties: notbefore": (2, custom(notbefore="begun_at")),
    "refers to 'started_at', which is not a column": (2, custom(notBefore="started_at")),
    "share the header 'refno'": (3, {"synonyms": [{"synonym": "ref-no"}]}),
    "a personal column is text": (2, {"classification": "personal"}),
    "maximum and maximumReason go together": (0, {"logicalType": "integer", "logicalTypeOptions": {"maximum": 5}}),
    "maximum 5; expected": (0, {"logicalTypeOptions": {"maximum": 5}} | REASON),
    "maximum '5'; expected": (0, {"logicalType": "integer", "logicalTypeOptions": {"maximum": "5"}} | REASON),
    "maximum 5 is below minimum 6": (
        0,
        {"logicalType": "integer", "logicalTypeOptions": {"minimum": 6, "maximum": 5}} | REASON,
    ),
    "bound 'soon'; expected a date": (1, {"logicalType": "date", "logicalTypeOptions": {"minimum": "soon"}}),
    "minimum 5; expected": (1, {"logicalTypeOptions": {"minimum": 5}}),
    "pattern and patternDescription go together": (0, {"logicalTypeOptions": {"pattern": "[a-z]+"}}),
    "pattern and maxLength are for text": (
        1,
        {"logicalTypeOptions": {"pattern": "[a-z]+"}} | custom(patternDescription="letters"),
    ),
    "maxLength 0; expected": (0, {"logicalTypeOptions": {"maxLength": 0}}),
    "is not a regular expression": (
        0,
        {"logicalTypeOptions": {"pattern": "[a-z"}} | custom(patternDescription="letters"),
    ),
}
MISTAKES = {
    "is 'tours', the file name says 'patrols'": lambda doc: doc.update(name="tours"),
    "expected one schema object, found 2": lambda doc: doc["schema"].append(doc["schema"][0]),
    "physicalType 'decimal(3, 3)'; a number": lambda doc: decimal(doc, physicalType="decimal(3, 3)"),
    "physicalType 'decimal(39, 3)'; a number": lambda doc: decimal(doc, physicalType="decimal(39, 3)"),
    "physicalType 'decimal(3, 0)'; a number": lambda doc: decimal(doc, physicalType="decimal(3, 0)"),
    "minimum -1000; expected": lambda doc: decimal(doc, logicalTypeOptions={"minimum": -1000}),
    "minimum 0.25; expected": lambda doc: decimal(doc, logicalTypeOptions={"minimum": 0.25}),
    "minimum Infinity; expected": lambda doc: decimal(doc, logicalTypeOptions={"minimum": float("inf")}),
    "minimum True; expected": lambda doc: decimal(doc, logicalTypeOptions={"minimum": True}),
    "a closed list is for texts": lambda doc: decimal(doc, enum=[{"value": "1.5"}]),
    "no expectation may look at personal column officer": lambda doc: add_rule(doc, column="officer"),
    "severity 'fatal'": lambda doc: add_rule(doc, severity="fatal"),
    "expected engine greatExpectations": lambda doc: add_rule(doc, engine="soda"),
    "needs a snake-case name": lambda doc: add_rule(doc, name="A Name"),
}


def add_rule(document: dict[str, Any], *, column: str = "patrol_id", **changed: object) -> None:
    rule = {
        **{"name": "a_rule", "description": "A reason.", "severity": "critical"},
        **{"type": "custom", "engine": "greatExpectations"},
        "implementation": {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": column}},
    }
    document["schema"][0]["quality"] = [rule | changed]


@pytest.mark.parametrize("message", [*MISTAKES, *OF_SCHEMA, *OF_COLUMNS])
def test_a_contract_that_cannot_be_applied_is_refused_with_its_file(tmp_path, message):
    document = copy.deepcopy(PATROLS)
    if message in OF_SCHEMA:
        document["schema"][0].update(OF_SCHEMA[message])
    elif message in OF_COLUMNS:
        position, changes = OF_COLUMNS[message]
        properties(document)[position].update(changes)
    else:
        MISTAKES[message](document)
    with pytest.raises(ContractError) as refused:
        load_contract(written(tmp_path, document))
    assert "patrols.odcs.yaml" in str(refused.value)
    assert message in str(refused.value)


@pytest.mark.parametrize("text", ["a: [", "- 1\n- 2\n", "", "just words", "\x00"])
def test_another_yaml_file_is_refused(tmp_path, text):
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


def test_a_column_that_becomes_personal_under_another_name_is_refused_while_it_has_values():
    columns = (*VISITS.columns[:-1], replace(VISITS.columns[-1], name="guest", aliases=("Minutes spent", "minutes")))
    columns = tuple(column for column in columns if column.name != "minutes")
    with dry_connection() as connection:
        ensure_tables(connection, [VISITS])
        connection.execute("insert into raw.visits (visit_id, minutes) values ('v', 5)")
        with pytest.raises(TableMismatch, match=r"raw\.visits\.minutes has clear values.* fcir rebuild"):
            ensure_tables(connection, [replace(VISITS, columns=columns)])
        clear = tuple(replace(column, is_personal=False) for column in columns)
        ensure_tables(connection, [replace(VISITS, columns=clear)])


def test_a_column_that_was_renamed_has_pseudonyms_also_in_a_warehouse_of_an_earlier_version():
    guest = replace(VISITS.columns[-1], name="guest", aliases=("visitor",))
    renamed = replace(VISITS, columns=(*VISITS.columns[:-1], guest))
    with dry_connection() as connection:
        ensure_tables(connection, [VISITS])
        connection.execute("insert into raw.visits (visitor) values ('0123456789abcdef0123456789abcdef')")
        connection.execute("update audit.contract set personal_columns = null")
        for _ in range(2):
            ensure_tables(connection, [renamed])
        assert noted_personal_columns(connection, WAREHOUSE) == [("visits", "guest"), ("visits", "visitor")]


@pytest.mark.parametrize("was_personal", [True, False])
def test_a_column_that_becomes_personal_or_clear_is_refused_while_it_has_values(was_personal):
    clear = replace(VISITS, columns=tuple(replace(column, is_personal=False) for column in VISITS.columns))
    before, after = (VISITS, clear) if was_personal else (clear, VISITS)
    without = replace(after, columns=after.columns[:-1])
    with dry_connection() as connection:
        ensure_tables(connection, [before])
        connection.execute("insert into raw.visits (visit_id) values ('v')")
        ensure_tables(connection, [after])
        ensure_tables(connection, [before])
        connection.execute("update raw.visits set visitor = 'Jane'")
        # A contract that leaves the column out in between does not hide it.
        ensure_tables(connection, [without])
        for _ in range(2):
            with pytest.raises(TableMismatch, match=r"raw\.visits\.visitor has .* Nothing was changed.* fcir rebuild"):
                ensure_tables(connection, [after])
        ensure_tables(connection, [before])
        assert connection.execute("select visitor from raw.visits").fetchall() == [("Jane",)]
