"""Violations of rules on candidate tables: what passes, what fails, which days, by how many queries."""

import re
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dagster_project.contracts import CellType, Column, Contract, Rule, Severity, load_contracts
from dagster_project.validation import (
    ValidationBroken,
    Violations,
    count_violations,
    expectations_of,
    violation_counts,
)
from dagster_project.warehouse.connection import insert_rows
from dagster_project.warehouse.tables import raw_columns
from tests.unit.small_contracts import small_contract

CONTRACTS = load_contracts(Path(__file__).parents[2] / "expectations")
FIRST, SECOND, THIRD = date(2022, 10, 29), date(2022, 10, 30), date(2022, 10, 31)

VISITS = small_contract(
    "visits",
    Column("force_code", CellType.TEXT, ""),
    Column("visit_id", CellType.TEXT, "", is_required=True, key_position=1),
    Column("kind", CellType.TEXT, "", values={"it's {new}: 5% a:b": "", "old": ""}),
    Column("minutes", CellType.INTEGER, "", values={"0": "", "60": ""}),
    Column("length", CellType.SECONDS, "", minimum=0),
    Column("began", CellType.TIMESTAMP, "", utc_offset_from="minutes"),
    Column("ended", CellType.TIMESTAMP, "", not_before=("began",), required_when={"kind": "old", "minutes": "60"}),
    Column("called", CellType.TIMESTAMP, "", not_after=("began",)),
    Column("remark", CellType.TEXT, ""),
    Column("caller", CellType.TEXT, "", is_personal=True),
    start_column="began",
    event_column="began",
    delivery_measures={"mean_length": "avg(length)"},
)

GOOD_ROW: dict[str, Any] = {
    "force_code": "kent",
    "visit_id": "v1",
    "kind": "old",
    "minutes": 60,
    "length": 60,
    "began": "2022-10-30 10:00:00",
    "ended": "2022-10-30 10:05:00",
    "called": "2022-10-30 09:59:00",
    "remark": None,
    "caller": "0123456789abcdef0123456789abcdef",
    "is_dst_ambiguous": False,
    "extract_date": SECOND,
    "load_id": 7,
    "source_row": 2,
}
NO_ROWS = (
    *("faulty_rows", "faulty_rows_over_limit", "rows_quarantined", "many_quarantined_rows", "superseded_rows"),
    *("many_superseded_rows", "superseded_rows_over_limit", "rows_outside_day", "unusual_forces", "silent_columns"),
    *("rows_after_extract_date", "rows_long_before_extract_date", "offset_disagreements", "new_forces"),
)
GOOD_DELIVERY: dict[str, Any] = {
    "extract_date": SECOND,
    **dict.fromkeys(("rows_read", "rows_loaded", "expected_rows"), 100),
    **dict.fromkeys(NO_ROWS, 0),
    "volume_ratio": 1.0,
    "mean_length": 12.5,
}


def candidate(
    folder: Path,
    contract: Contract = VISITS,
    *,
    rows: tuple[Mapping[str, Any], ...] = (),
    deliveries: tuple[Mapping[str, Any], ...] = (),
) -> Path:
    """A warehouse with good rows on three days, and then the given ones."""
    warehouse = folder / "warehouse.duckdb"
    measures = dict.fromkeys([*GOOD_DELIVERY][1:-1], "bigint") | {"volume_ratio": "double"}
    measures |= dict.fromkeys(contract.delivery_measures, "double")
    with closing(duckdb.connect(str(warehouse))) as connection:
        connection.execute("create schema incoming")
        for name, stated in (
            (contract.source, raw_columns(contract)),
            (f"{contract.source}__deliveries", {"extract_date": "date"} | measures),
        ):
            listed = ", ".join(f'"{column}" {kind}' for column, kind in stated.items())
            connection.execute(f'create table "incoming"."{name}" ({listed})')
        if contract.columns == VISITS.columns:
            days = [{"extract_date": day, "source_row": 2} for day in (FIRST, SECOND, THIRD)]
            changed = {delivery["extract_date"] for delivery in deliveries}
            good = [GOOD_DELIVERY | {"extract_date": day} for day in (FIRST, SECOND, THIRD) if day not in changed]
            good += [GOOD_DELIVERY | given for given in deliveries]
            insert_rows(connection, f'"incoming"."{contract.source}"', [GOOD_ROW | row for row in [*days, *rows]])
            insert_rows(connection, f'"incoming"."{contract.source}__deliveries"', good)
    return warehouse


def ruled(kind: str, *, on_deliveries: bool = False, **arguments: Any) -> Contract:
    rule = Rule("a_rule", "A reason.", "accuracy", Severity.WARNING, on_deliveries, kind, arguments)
    return replace(VISITS, rules=(rule,))


def count(contract: Contract, warehouse: Path) -> tuple[Violations, ...]:
    with closing(duckdb.connect(str(warehouse), read_only=True)) as connection:
        return count_violations(contract, connection)


def of(violations: tuple[Violations, ...], name: str) -> Violations:
    return next(found for found in violations if found.expectation.name == name)


def failures(violations: tuple[Violations, ...]) -> list[str]:
    return [found.expectation.name for found in violations if found.failed_dates]


def test_a_good_candidate_breaks_no_rule(tmp_path):
    violations = count(VISITS, candidate(tmp_path))
    assert [found.expectation for found in violations] == [
        found for found in expectations_of(VISITS) if not found.depends_on_earlier_days
    ]
    assert {found.evaluated for found in violations} == {3}
    assert not any(found.unexpected or found.failed_dates or found.rows for found in violations)


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
    violations = count(VISITS, candidate(tmp_path, deliveries=({"extract_date": THIRD} | change,)))
    assert failures(violations) == [name]
    found = of(violations, name)
    assert (found.evaluated, found.unexpected, found.failed_dates, found.rows) == (3, 1, (THIRD,), ())


@pytest.mark.parametrize("change", [{"volume_ratio": None}, {"volume_ratio": 0.3}, {"volume_ratio": 3.0}])
def test_a_volume_at_the_limit_or_without_a_past_passes(tmp_path, change):
    assert failures(count(VISITS, candidate(tmp_path, deliveries=({"extract_date": THIRD} | change,)))) == []


RULES = [
    ("expect_column_values_to_be_between", {"column": "length", "max_value": 100}, {"length": 101}),
    ("expect_column_values_to_be_between", {"column": "length", "max_value": 100, "strict_max": True}, {"length": 100}),
    ("expect_column_values_to_be_in_set", {"column": "kind", "value_set": ["old", "it's"]}, {"kind": "its"}),
    ("expect_column_values_to_not_be_in_set", {"column": "visit_id", "value_set": ["v2"]}, {}),
    ("expect_column_values_to_not_be_null", {"column": "caller"}, {"caller": None}),
    ("expect_column_values_to_be_null", {"column": "remark"}, {"remark": "x"}),
    ("expect_column_values_to_match_regex", {"column": "visit_id", "regex": "^v[1]$"}, {}),
    ("expect_column_values_to_not_match_regex", {"column": "visit_id", "regex": "^v[2-9]{1}$"}, {}),
    ("expect_column_values_to_match_like_pattern", {"column": "visit_id", "like_pattern": "%1"}, {}),
    ("expect_column_value_lengths_to_be_between", {"column": "visit_id", "max_value": 2}, {"visit_id": "v22"}),
    ("expect_column_pair_values_to_be_equal", {"column_A": "minutes", "column_B": "length"}, {"length": None}),
    (
        "expect_column_pair_values_a_to_be_greater_than_b",
        {"column_A": "ended", "column_B": "began"},
        {"ended": "2022-10-30 10:00:00"},
    ),
    (
        "expect_column_pair_values_a_to_be_greater_than_b",
        {"column_A": "ended", "column_B": "began", "or_equal": True, "ignore_row_if": "either_value_is_missing"},
        {"ended": "2022-10-30 09:59:59.999999"},
    ),
    ("expect_column_values_to_be_unique", {"column": "visit_id"}, {"visit_id": "v1", "force_code": "essex"}),
    (
        "expect_compound_columns_to_be_unique",
        {"column_list": ["visit_id", "kind"]},
        {"visit_id": "v1", "force_code": "essex"},
    ),
    (
        "unexpected_rows_expectation",
        {
            "unexpected_rows_query": "select extract_date, load_id, source_row from {batch} "
            "where began = timestamp '2022-10-30 10:00:30';"
        },
        {"began": "2022-10-30 10:00:30"},
    ),
]


@pytest.mark.parametrize(("kind", "arguments", "change"), RULES, ids=[rule[0] for rule in RULES])
def test_a_rule_about_rows_passes_and_fails_with_day_and_row(tmp_path, kind, arguments, change):
    contract = ruled(kind, **arguments)
    (tmp_path / "good").mkdir()
    assert "a_rule" not in failures(count(contract, candidate(tmp_path / "good")))
    bad = {"visit_id": "v2", "source_row": 3} | change
    found = of(count(contract, candidate(tmp_path, rows=(bad,))), "a_rule")
    assert found.failed_dates == (SECOND,)
    assert (SECOND, 7, 3) in found.rows


def test_a_rule_about_a_measure_of_the_delivery_fails_its_day_and_passes_what_was_not_judged(tmp_path):
    contract = ruled("expect_column_values_to_be_between", on_deliveries=True, column="mean_length", max_value=60)
    given = ({"extract_date": FIRST, "mean_length": 61.0}, {"extract_date": SECOND, "mean_length": None})
    found = of(count(contract, candidate(tmp_path, deliveries=given)), "a_rule")
    assert (found.unexpected, found.failed_dates) == (1, (FIRST,))


def test_a_share_is_judged_for_each_day_by_itself(tmp_path):
    contract = ruled("expect_column_values_to_be_in_set", column="visit_id", value_set=["v1"], mostly=0.5)
    half = {"visit_id": "v2", "source_row": 3}
    more = ({"visit_id": "v2", "source_row": 4, "extract_date": FIRST}, {"visit_id": "v3", "extract_date": FIRST})
    for name, rows, unexpected, failed_dates in (("half", (half,), 1, ()), ("more", (half, *more), 3, (FIRST,))):
        (tmp_path / name).mkdir()
        found = of(count(contract, candidate(tmp_path / name, rows=rows)), "a_rule")
        assert (found.unexpected, found.failed_dates) == (unexpected, failed_dates)


def test_of_many_failing_rows_all_are_counted_and_twenty_are_shown(tmp_path):
    bad = tuple({"visit_id": f"b{n}", "source_row": n, "length": -1} for n in range(60, 10, -1))
    contract = ruled("expect_column_values_to_be_between", column="length", min_value=0)
    found = of(count(contract, candidate(tmp_path, rows=bad)), "a_rule")
    assert found.unexpected == 50
    assert found.rows == tuple((SECOND, 7, n) for n in range(11, 31))


def test_a_valid_empty_day_is_only_warned_about(tmp_path):
    given = ({"extract_date": date(2022, 11, 1), "rows_read": 0, "rows_loaded": 0, "volume_ratio": None},)
    violations = count(VISITS, candidate(tmp_path, deliveries=given))
    assert failures(violations) == ["delivery_has_rows"]
    assert of(violations, "delivery_has_rows").failed_dates == (date(2022, 11, 1),)


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("expect_column_values_to_be_between", {"column": "not_there", "max_value": 1}),
        ("expect_column_values_to_be_between", {"column": "is_dst_ambiguous", "max_value": 1}),
        ("unexpected_rows_expectation", {"unexpected_rows_query": "select cast(caller as integer) from {batch}"}),
    ],
)
def test_an_expectation_that_cannot_be_computed_breaks_off_without_a_value(tmp_path, kind, arguments):
    warehouse = candidate(tmp_path)
    with pytest.raises(ValidationBroken, match=r"^visits: could not compute a_rule \(\w+\)\. Nothing") as raised:
        count(ruled(kind, **arguments), warehouse)
    assert GOOD_ROW["caller"] not in str(raised.value)


def test_a_missing_candidate_table_breaks_off(tmp_path):
    with pytest.raises(ValidationBroken, match=r"other: could not compute .*delivery_has_rows.*CatalogException"):
        count(replace(VISITS, source="other"), candidate(tmp_path))


def test_a_source_named_like_a_word_of_sql_is_quoted(tmp_path):
    contract = replace(ruled("expect_column_values_to_be_between", column="length", min_value=0), source="order")
    bad = {"visit_id": "v2", "source_row": 3, "length": -1}
    violations = count(contract, candidate(tmp_path, contract, rows=(bad,)))
    assert failures(violations) == ["a_rule"]
    assert of(violations, "a_rule").failed_dates == (SECOND,)


def test_two_keys_of_one_hash_break_no_rule(tmp_path, monkeypatch):
    contract = ruled("expect_column_values_to_be_unique", column="visit_id")
    (rule,) = (found for found in expectations_of(contract) if found.name == "a_rule")
    alike = replace(rule, unexpected_rows=replace(rule.unexpected_rows, count="1"))
    monkeypatch.setattr(violation_counts, "expectations_of", lambda _: (alike,))
    assert count(contract, candidate(tmp_path)) == (Violations(alike, 3, 0, ()),)


def queries_of(contract: Contract, warehouse: Path) -> list[str]:
    """Queries of the candidate's tables while they are validated, as DuckDB's own log has them."""
    with closing(duckdb.connect(str(warehouse), read_only=True)) as connection:
        connection.execute("call enable_logging('QueryLog')")
        count(contract, warehouse)
        connection.execute("call disable_logging()")
        logged = connection.execute("select message from duckdb_logs where type = 'QueryLog'").fetchall()
    return [query for (query,) in logged if re.search(rf"\b(from|join)\b.*\b{contract.source}", query, re.I | re.S)]


@pytest.mark.parametrize("contract", [VISITS, *CONTRACTS.values()], ids=["visits", *CONTRACTS])
def test_where_no_rule_is_broken_each_table_is_asked_once_at_most(tmp_path, contract):
    deliveries = f"{contract.source}__deliveries"
    queries = queries_of(contract, candidate(tmp_path, contract))
    of_deliveries = [query for query in queries if deliveries in query]
    assert len(of_deliveries) == 1
    assert len(queries) - len(of_deliveries) == any(not rule.on_deliveries for rule in contract.rules)


def test_only_a_broken_rule_is_asked_for_its_rows(tmp_path):
    contract = ruled("expect_column_values_to_be_between", column="length", min_value=0)
    other = replace(contract.rules[0], name="another_rule", arguments={"column": "minutes", "min_value": 0})
    warehouse = candidate(tmp_path, rows=({"visit_id": "v2", "length": -1, "source_row": 3},))
    scan, *others = [
        query for query in queries_of(replace(contract, rules=(*contract.rules, other)), warehouse) if "length" in query
    ]
    assert "minutes" in scan
    assert len(others) == 2
    assert not [query for query in others if "minutes" in query]


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=CONTRACTS.keys())
def test_everything_that_a_contract_of_this_project_expects_can_be_computed(tmp_path, contract):
    assert failures(count(contract, candidate(tmp_path, contract))) == []
