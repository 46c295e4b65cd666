"""Great Expectations on candidate tables: what passes, what fails, which days, and that no value leaks."""

import json
import logging
import re
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dagster_project.contracts import CellType, Column, Contract, Rule, Severity, load_contracts
from dagster_project.validation import Outcome, ValidationBroken, engine, expectations_of, validate

CONTRACTS = load_contracts(Path(__file__).parents[2] / "expectations")
FIRST, SECOND, THIRD = date(2022, 10, 29), date(2022, 10, 30), date(2022, 10, 31)

VISITS = Contract(
    source="visits",
    version="1.0.0",
    domain="",
    owner="",
    tags=(),
    description="",
    grain="",
    columns=(
        Column("force_code", CellType.TEXT, ""),
        Column("visit_id", CellType.TEXT, "", is_required=True, key_position=1),
        Column("kind", CellType.TEXT, "", values={"it's {new}: 5% a:b": "", "old": ""}),
        Column("minutes", CellType.INTEGER, "", values={"0": "", "60": ""}),
        Column("length", CellType.SECONDS, "", minimum=0),
        Column("began", CellType.TIMESTAMP, "", utc_offset_from="minutes"),
        Column("ended", CellType.TIMESTAMP, "", not_before=("began",), required_when={"kind": "old", "minutes": "60"}),
        Column("called", CellType.TIMESTAMP, "", not_after=("began",)),
        Column("caller", CellType.TEXT, "", is_personal=True),
    ),
    rules=(),
    is_daily=True,
    start_column="began",
    event_column="began",
    delivery_measures={"mean_length": "avg(length)"},
    faulty_share_limit=0.05,
    faulty_rows_limit=20,
    volume_floor=0.3,
    sheet=None,
)

GOOD_ROW: dict[str, Any] = {
    "force_code": "kent",
    "visit_id": "v1",
    "kind": "old",
    "minutes": 60,
    "length": 12.5,
    "began": "2022-10-30 10:00:00",
    "ended": "2022-10-30 10:05:00",
    "called": "2022-10-30 09:59:00",
    "caller": "0123456789abcdef0123456789abcdef",
    "is_dst_ambiguous": False,
    "extract_date": SECOND,
    "load_id": 7,
    "source_row": 2,
}
GOOD_DELIVERY: dict[str, Any] = {
    "extract_date": SECOND,
    "rows_read": 100,
    "rows_loaded": 100,
    "faulty_rows": 0,
    "faulty_rows_over_limit": 0,
    "rows_quarantined": 0,
    "many_quarantined_rows": 0,
    "superseded_rows": 0,
    "many_superseded_rows": 0,
    "superseded_rows_over_limit": 0,
    "rows_outside_day": 0,
    "unusual_forces": 0,
    "expected_rows": 100,
    "volume_ratio": 1.0,
    "rows_after_extract_date": 0,
    "rows_long_before_extract_date": 0,
    "offset_disagreements": 0,
    "silent_columns": 0,
    "new_forces": 0,
    "mean_length": 12.5,
}
SQL_TYPES = {
    CellType.TEXT: "varchar",
    CellType.INTEGER: "bigint",
    CellType.SECONDS: "decimal(18,6)",
    CellType.TIMESTAMP: "timestamp",
    CellType.DATE: "date",
    CellType.MONTH: "date",
    CellType.BOOLEAN: "boolean",
}
LOAD_COLUMNS = {
    "is_dst_ambiguous": "boolean",
    "extract_date": "date",
    "load_id": "bigint",
    "source_row": "bigint",
}


def candidate(
    folder: Path,
    contract: Contract = VISITS,
    *,
    rows: tuple[Mapping[str, Any], ...] = (),
    deliveries: tuple[Mapping[str, Any], ...] = (),
    schema: str = "incoming",
) -> Path:
    """A warehouse with good rows on three days, and then the given ones."""
    warehouse = folder / "warehouse.duckdb"
    columns = {column.name: SQL_TYPES[column.cell_type] for column in contract.columns} | LOAD_COLUMNS
    measures = dict.fromkeys([*GOOD_DELIVERY][1:-1], "bigint") | {"volume_ratio": "double"}
    measures |= dict.fromkeys(contract.delivery_measures, "double")
    with closing(duckdb.connect(str(warehouse))) as connection:
        connection.execute(f'create schema "{schema}"')
        for name, stated in (
            (contract.source, columns),
            (f"{contract.source}__deliveries", {"extract_date": "date"} | measures),
        ):
            listed = ", ".join(f'"{column}" {kind}' for column, kind in stated.items())
            connection.execute(f'create table "{schema}"."{name}" ({listed})')
        if contract.columns == VISITS.columns:
            days = [{"extract_date": day, "source_row": 2} for day in (FIRST, SECOND, THIRD)]
            changed = {delivery["extract_date"] for delivery in deliveries}
            good = [GOOD_DELIVERY | {"extract_date": day} for day in (FIRST, SECOND, THIRD) if day not in changed]
            insert(connection, f'"{schema}"."{contract.source}"', [GOOD_ROW | row for row in [*days, *rows]])
            insert(
                connection,
                f'"{schema}"."{contract.source}__deliveries"',
                [*good, *(GOOD_DELIVERY | given for given in deliveries)],
            )
    return warehouse


def insert(connection: duckdb.DuckDBPyConnection, table: str, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        names = ", ".join(f'"{name}"' for name in row)
        marks = ", ".join("?" for _ in row)
        connection.execute(f"insert into {table} ({names}) values ({marks})", list(row.values()))  # noqa: S608


def ruled(kind: str, *, on_deliveries: bool = False, **arguments: Any) -> Contract:
    rule = Rule("a_rule", "A reason.", "accuracy", Severity.WARNING, on_deliveries, kind, arguments)
    return replace(VISITS, rules=(rule,))


def outcome(outcomes: tuple[Outcome, ...], name: str) -> Outcome:
    return next(found for found in outcomes if found.expectation.name == name)


def failures(outcomes: tuple[Outcome, ...]) -> list[str]:
    return [found.expectation.name for found in outcomes if not found.success]


def test_a_good_candidate_passes_everything(tmp_path):
    outcomes = validate(VISITS, candidate(tmp_path))
    assert failures(outcomes) == []
    assert [found.expectation for found in outcomes] == [
        found for found in expectations_of(VISITS) if not found.is_in_order
    ]
    assert {found.evaluated for found in outcomes} == {3}
    assert not any(found.unexpected or found.failed_dates or found.rows for found in outcomes)


BAD_ROWS = [
    ("required_columns_are_filled", {"force_code": None}),
    ("required_columns_are_filled", {"visit_id": None}),
    ("kind_is_in_its_list", {"kind": "unheard of"}),
    ("minutes_is_in_its_list", {"minutes": 30}),
    ("length_is_at_least_0", {"length": -0.000001}),
    ("ended_is_not_before_began", {"ended": "2022-10-30 09:59:59.999999"}),
    ("called_is_not_after_began", {"called": "2022-10-30 10:00:00.000001"}),
    ("ended_is_filled_when_required", {"ended": None}),
]


@pytest.mark.parametrize(("name", "change"), BAD_ROWS)
def test_a_bad_row_fails_its_expectation_its_day_and_nothing_else(tmp_path, name, change):
    bad = {"visit_id": "v2", "source_row": 3} | change
    outcomes = validate(VISITS, candidate(tmp_path, rows=(bad,)))
    assert failures(outcomes) == [name]
    found = outcome(outcomes, name)
    assert (found.evaluated, found.unexpected, found.failed_dates) == (4, 1, (SECOND,))
    assert found.rows == ((SECOND, 7, 3),)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": None, "ended": None},
        {"minutes": None, "ended": None},
        {"length": None},
        {"length": 0},
        {"began": None},
        {"called": None},
        {"ended": "2022-10-30 10:00:00", "called": "2022-10-30 10:00:00"},
        {"kind": "it's {new}: 5% a:b", "ended": None},
        {"minutes": 0, "ended": None},
        {"caller": None},
        {"force_code": "essex", "visit_id": "v1"},
        {"extract_date": THIRD, "visit_id": "v9"},
    ],
)
def test_a_row_at_the_edge_of_what_is_allowed_passes(tmp_path, change):
    edge = {"visit_id": "v2", "source_row": 3} | change
    assert failures(validate(VISITS, candidate(tmp_path, rows=(edge,)))) == []


def test_a_repeated_key_fails_with_all_its_rows_and_only_within_its_day(tmp_path):
    outcomes = validate(VISITS, candidate(tmp_path, rows=({"load_id": 8, "source_row": 2},)))
    assert failures(outcomes) == ["key_occurs_once"]
    found = outcome(outcomes, "key_occurs_once")
    assert (found.unexpected, found.failed_dates) == (2, (SECOND,))
    assert found.rows == ((SECOND, 7, 2), (SECOND, 8, 2))


BAD_DELIVERIES = [
    ("faulty_rows_are_within_limits", {"faulty_rows_over_limit": 21}),
    ("delivery_has_rows", {"rows_loaded": 0}),
    ("volume_is_not_far_below_the_recent_past", {"volume_ratio": 0.299}),
    ("volume_is_not_far_above_the_recent_past", {"volume_ratio": 3.001}),
    ("events_are_not_after_the_extract_date", {"rows_after_extract_date": 1}),
    ("most_events_are_near_the_extract_date", {"rows_long_before_extract_date": 51}),
    ("utc_offsets_agree_with_the_clock", {"offset_disagreements": 1}),
    ("columns_that_had_values_still_have_them", {"silent_columns": 1}),
    ("forces_have_delivered_before", {"new_forces": 1}),
]


@pytest.mark.parametrize(("name", "change"), BAD_DELIVERIES)
def test_a_bad_delivery_fails_its_expectation_its_day_and_nothing_else(tmp_path, name, change):
    outcomes = validate(VISITS, candidate(tmp_path, deliveries=({"extract_date": THIRD} | change,)))
    assert failures(outcomes) == [name]
    found = outcome(outcomes, name)
    assert (found.evaluated, found.unexpected, found.failed_dates, found.rows) == (3, 1, (THIRD,), ())


@pytest.mark.parametrize("change", [{"volume_ratio": None}, {"volume_ratio": 0.3}, {"volume_ratio": 3.0}])
def test_a_volume_at_the_limit_or_without_a_past_passes(tmp_path, change):
    assert failures(validate(VISITS, candidate(tmp_path, deliveries=({"extract_date": THIRD} | change,)))) == []


def equals(column: str, value: str) -> dict[str, Any]:
    return {"type": "comparison", "column": {"name": column}, "operator": "==", "parameter": value}


RULES = [
    ("expect_column_values_to_be_between", {"column": "length", "max_value": 100}, {"length": 101}),
    ("expect_column_values_to_be_between", {"column": "length", "max_value": 100, "strict_max": True},
      {"length": 100}),
    ("expect_column_values_to_be_in_set", {"column": "kind", "value_set": ["old", "it's"]}, {"kind": "its"}),
    ("expect_column_values_to_not_be_in_set", {"column": "visit_id", "value_set": ["v2"]}, {}),
    ("expect_column_values_to_not_be_null", {"column": "caller"}, {"caller": None}),
    ("expect_column_values_to_be_null", {"column": "length", "row_condition": equals("kind", "it's {new}: 5% a:b")},
      {"kind": "it's {new}: 5% a:b"}),
    ("expect_column_values_to_match_regex", {"column": "visit_id", "regex": "^v[1]$"}, {}),
    ("expect_column_values_to_not_match_regex", {"column": "visit_id", "regex": "^v[2-9]{1}$"}, {}),
    ("expect_column_values_to_match_like_pattern", {"column": "visit_id", "like_pattern": "%1"}, {}),
    ("expect_column_value_lengths_to_be_between", {"column": "visit_id", "max_value": 2}, {"visit_id": "v22"}),
    ("expect_column_pair_values_to_be_equal", {"column_A": "kind", "column_B": "force_code",
      "row_condition": equals("visit_id", "v2")}, {}),
    ("expect_column_values_to_be_unique", {"column": "visit_id"}, {"visit_id": "v1", "force_code": "essex"}),
    ("expect_compound_columns_to_be_unique", {"column_list": ["visit_id", "kind"]},
      {"visit_id": "v1", "force_code": "essex"}),
    ("unexpected_rows_expectation", {"unexpected_rows_query":
      "select extract_date, load_id, source_row from {batch} where began = timestamp '2022-10-30 10:00:30';"},
      {"began": "2022-10-30 10:00:30"}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "arguments", "change"), RULES, ids=[rule[0] for rule in RULES])
def test_a_rule_about_rows_passes_and_fails_with_day_and_row(tmp_path, kind, arguments, change):
    contract = ruled(kind, **arguments)
    (tmp_path / "good").mkdir()
    assert outcome(validate(contract, candidate(tmp_path / "good")), "a_rule").success
    bad = {"visit_id": "v2", "source_row": 3} | change
    found = outcome(validate(contract, candidate(tmp_path, rows=(bad,))), "a_rule")
    assert not found.success
    assert found.failed_dates == (SECOND,)
    assert (SECOND, 7, 3) in found.rows


def test_a_rule_about_a_measure_of_the_delivery_fails_its_day_and_passes_what_was_not_judged(tmp_path):
    contract = ruled("expect_column_values_to_be_between", on_deliveries=True, column="mean_length", max_value=60)
    given = ({"extract_date": FIRST, "mean_length": 61.0}, {"extract_date": SECOND, "mean_length": None})
    found = outcome(validate(contract, candidate(tmp_path, deliveries=given)), "a_rule")
    assert (found.success, found.unexpected, found.failed_dates) == (False, 1, (FIRST,))


def test_a_rule_about_the_whole_table_fails_every_day(tmp_path):
    contract = ruled("expect_column_mean_to_be_between", column="length", max_value=1)
    found = outcome(validate(contract, candidate(tmp_path)), "a_rule")
    assert (found.success, found.unexpected, found.rows) == (False, 3, ())
    assert found.failed_dates == (FIRST, SECOND, THIRD)


def test_a_share_is_judged_for_each_day_by_itself(tmp_path):
    contract = ruled("expect_column_values_to_be_in_set", column="visit_id", value_set=["v1"], mostly=0.5)
    half = {"visit_id": "v2", "source_row": 3}
    more = ({"visit_id": "v2", "source_row": 4, "extract_date": FIRST}, {"visit_id": "v3", "extract_date": FIRST})
    found = outcome(validate(contract, candidate(tmp_path, rows=(half, *more))), "a_rule")
    assert (found.success, found.unexpected, found.failed_dates) == (False, 3, (FIRST,))


def test_a_share_that_holds_on_every_day_passes(tmp_path):
    contract = ruled("expect_column_values_to_be_in_set", column="visit_id", value_set=["v1"], mostly=0.5)
    bad = {"visit_id": "v2", "source_row": 3}
    found = outcome(validate(contract, candidate(tmp_path, rows=(bad,))), "a_rule")
    assert (found.success, found.unexpected, found.failed_dates) == (True, 1, ())


def test_of_many_failing_rows_all_are_counted_and_twenty_are_shown(tmp_path):
    bad = tuple({"visit_id": f"b{n}", "source_row": n, "length": -1} for n in range(60, 10, -1))
    found = outcome(validate(VISITS, candidate(tmp_path, rows=bad)), "length_is_at_least_0")
    assert found.unexpected == 50
    assert found.rows == tuple((SECOND, 7, n) for n in range(11, 31))


def test_a_valid_empty_day_is_only_warned_about(tmp_path):
    given = ({"extract_date": date(2022, 11, 1), "rows_read": 0, "rows_loaded": 0, "volume_ratio": None},)
    outcomes = validate(VISITS, candidate(tmp_path, deliveries=given))
    assert failures(outcomes) == ["delivery_has_rows"]
    assert outcome(outcomes, "delivery_has_rows").failed_dates == (date(2022, 11, 1),)


def test_a_table_with_another_column_fails_every_day(tmp_path):
    warehouse = candidate(tmp_path)
    with closing(duckdb.connect(str(warehouse))) as connection:
        connection.execute("alter table incoming.visits add column smuggled varchar")
    outcomes = validate(VISITS, warehouse)
    assert failures(outcomes) == ["columns_are_those_of_the_contract"]
    assert outcomes[0].failed_dates == (FIRST, SECOND, THIRD)


def test_a_table_without_a_column_fails_the_schema_and_what_needs_the_column(tmp_path):
    warehouse = candidate(tmp_path)
    with closing(duckdb.connect(str(warehouse))) as connection:
        connection.execute("alter table incoming.visits drop column length")
    outcomes = validate(VISITS, warehouse)
    assert failures(outcomes) == ["columns_are_those_of_the_contract", "length_is_at_least_0"]
    assert {found.failed_dates for found in outcomes if not found.success} == {(FIRST, SECOND, THIRD)}


BROKEN = [
    ("expect_column_values_to_be_between", {"column": "not_there", "max_value": 1}),
    ("expect_no_such_thing", {"column": "length"}),
    ("expect_column_values_to_be_between", {"column": "length"}),
    ("expect_column_values_to_be_between", {"column": "is_dst_ambiguous", "max_value": 1}),
    ("unexpected_rows_expectation", {"unexpected_rows_query": "select cast(caller as integer) from {batch}"}),
]


@pytest.mark.parametrize(("kind", "arguments"), BROKEN)
def test_an_expectation_that_cannot_be_computed_breaks_off_without_a_value(tmp_path, caplog, kind, arguments):
    warehouse = candidate(tmp_path)
    with (
        caplog.at_level(logging.DEBUG),
        pytest.raises(ValidationBroken, match=r"visits: .*a_rule") as raised,
    ):
        validate(ruled(kind, **arguments), warehouse)
    assert GOOD_ROW["caller"] not in str(raised.value) + caplog.text


def test_a_missing_candidate_table_breaks_off(tmp_path):
    with pytest.raises(ValidationBroken, match=r"visits: no candidate table elsewhere\.visits"):
        validate(VISITS, candidate(tmp_path), schema="elsewhere")


def test_no_value_of_a_cell_is_in_what_great_expectations_answers_or_prints(tmp_path, monkeypatch, capfd, caplog):
    import great_expectations as gx
    from great_expectations.datasource.fluent.interfaces import Batch

    answers: list[str] = []
    asked = Batch.validate

    def record(self: Batch, suite: gx.ExpectationSuite, **options: Any) -> Any:
        result = asked(self, suite, **options)
        for found in result.results:
            answers.append(json.dumps(found.to_json_dict()["result"], default=str))
            answers.append(str(found.exception_info))
        return result

    monkeypatch.setattr(Batch, "validate", record)
    secret = {"visit_id": "s3cret-id", "kind": "s3cret-kind", "minutes": 987123, "length": -987456,
              "ended": "1987-06-05 04:03:02", "called": "2087-06-05 04:03:02", "caller": "s3cret-caller",
              "source_row": 3}  # fmt: skip
    with caplog.at_level(logging.DEBUG):
        outcomes = validate(VISITS, candidate(tmp_path, rows=(secret, secret | {"source_row": 4})))
    assert len(failures(outcomes)) == 6
    assert len(answers) > len(outcomes)
    printed = capfd.readouterr()
    seen = "\n".join([*answers, json.dumps([asdict(found) for found in outcomes], default=str),
                      printed.out, printed.err, caplog.text])  # fmt: skip
    for value in ("s3cret", "987123", "987456", "1987-06-05", "2087-06-05", GOOD_ROW["caller"]):
        assert value not in seen
    assert printed.out == ""


def test_the_warehouse_can_be_written_right_after_and_nothing_else_was_written(tmp_path, monkeypatch):
    warehouse = candidate(tmp_path, rows=({"visit_id": "v2", "length": -1, "source_row": 3},))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    validate(VISITS, warehouse)
    with closing(duckdb.connect(str(warehouse), config={"threads": 1})) as connection:
        connection.execute("create table written as select 1 as one")
    # The folder to spill into is empty.
    found = [path.name for path in sorted(tmp_path.rglob("*"))]
    assert found == ["elsewhere", "warehouse.duckdb", "warehouse.duckdb.tmp"]


@pytest.mark.parametrize("folder_name", ["with space", "a $HOME", "#b", "%41", "it's", "${x}", "a|b@c:d"])
def test_a_path_of_odd_characters_is_taken_as_it_is(tmp_path, folder_name):
    folder = tmp_path / folder_name
    folder.mkdir()
    assert failures(validate(VISITS, candidate(folder))) == []


def test_a_source_and_a_schema_named_like_a_word_of_sql_are_quoted(tmp_path):
    contract = replace(VISITS, source="order")
    bad = {"visit_id": "v2", "source_row": 3, "length": -1, "kind": "old", "ended": None}
    outcomes = validate(contract, candidate(tmp_path, contract, rows=(bad,), schema="group"), schema="group")
    assert failures(outcomes) == ["length_is_at_least_0", "ended_is_filled_when_required"]
    assert {found.failed_dates for found in outcomes if not found.success} == {(SECOND,)}


def queries_of(contract: Contract, warehouse: Path) -> list[str]:
    """Queries of the candidate's tables while they are validated, as DuckDB's own log has them."""
    with closing(duckdb.connect(str(warehouse), read_only=True)) as connection:
        connection.execute("call enable_logging('QueryLog')")
        validate(contract, warehouse)
        connection.execute("call disable_logging()")
        logged = connection.execute("select message from duckdb_logs where type = 'QueryLog'").fetchall()
    return [query for (query,) in logged if re.search(rf"\b(from|join)\b.*\b{contract.source}", query, re.I | re.S)]


@pytest.mark.parametrize("contract", [VISITS, *CONTRACTS.values()], ids=["visits", *CONTRACTS])
def test_where_everything_passes_a_table_is_asked_whether_it_is_there_and_once_more(tmp_path, contract):
    deliveries = f"{contract.source}__deliveries"
    queries = queries_of(contract, candidate(tmp_path, contract))
    of_deliveries = [query for query in queries if deliveries in query]
    for asked in (of_deliveries, [query for query in queries if query not in of_deliveries]):
        scans = [query for query in asked if not re.match(r"SELECT 1\s+FROM \S+\s+LIMIT", query)]
        assert len(scans) == 1
        assert len(asked) <= 2


def test_only_what_fails_is_asked_for_again(tmp_path):
    warehouse = candidate(tmp_path, rows=({"visit_id": "v2", "length": -1, "source_row": 3},))
    scan, *others = [query for query in queries_of(VISITS, warehouse) if "length" in query]
    assert "ended" in scan
    assert others
    assert not [query for query in others if "ended" in query]


def test_what_is_suspected_and_passes_by_its_type_has_passed(tmp_path, monkeypatch):
    suspected = tuple(replace(found, suspects="count(*)") for found in expectations_of(VISITS))
    monkeypatch.setattr(engine, "expectations_of", lambda _: suspected)
    outcomes = validate(VISITS, candidate(tmp_path))
    assert failures(outcomes) == []
    assert {found.evaluated for found in outcomes} == {3}


def test_what_a_killed_run_put_on_disk_goes(tmp_path):
    warehouse = candidate(tmp_path)
    left = tmp_path / f"{warehouse.name}.tmp"
    left.mkdir()
    (left / "duckdb_temp_1_0_storage_DEFAULT-0.tmp").write_text("hashes")
    validate(VISITS, warehouse)
    assert not left.exists() or list(left.iterdir()) == []


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=CONTRACTS.keys())
def test_everything_that_a_contract_of_this_project_expects_can_be_computed(tmp_path, contract):
    assert failures(validate(contract, candidate(tmp_path, contract))) == []


def test_statistics_and_plots_are_imported_when_an_expectation_uses_them_and_not_before():
    code = (
        "import sys; from dagster_project.validation.sparing import import_great_expectations as spare; spare()\n"
        "assert not {'scipy.stats', 'altair'} & sys.modules.keys()\n"
        "import great_expectations.expectations.core.expect_column_kl_divergence_to_be_less_than as user\n"
        "assert user.stats.entropy([1, 1], base=2) == 1\n"
        "assert sys.modules['scipy.stats'].entropy is user.stats.entropy\n"
        "assert user.alt.Chart({'values': []}).mark_bar().to_dict()['mark'] == {'type': 'bar'}\n"
        "assert sys.modules['altair'].Chart is user.alt.Chart\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
