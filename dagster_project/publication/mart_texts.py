"""Write the English texts of marts: dbt provides the facts, and leaves `evidence` and `formula` empty."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import duckdb

from dagster_project.publication.report.claims import Claim, evidence
from dagster_project.publication.report.methods import Quotient, method_in_words
from dagster_project.sql import table
from dagster_project.warehouse.connection import insert_rows, transaction

_STATEMENT_KEY = ("force_code", "report_id", "statement_id", "test_no")
_FIGURE_KEY = ("force_code", "report_id", "section", "measure", "month_start")
_OF_MEASURE = ("unit", "decimals", "better", "is_sum")


def write_texts(connection: duckdb.DuckDBPyConnection) -> None:
    """Fill `claims.evidence`, and `formula` of both reconciliations, replacing existing texts.

    The publication is copied from the warehouse afterwards.
    """
    write_evidence(connection)
    write_formulas(connection)


def write_evidence(connection: duckdb.DuckDBPyConnection) -> None:
    """Fill in the evidence of claims, from the facts in the mart and the catalogue."""
    facts = [field.name for field in fields(Claim) if field.name not in _OF_MEASURE]
    columns = [f"claims.{name}" for name in (*_STATEMENT_KEY, *facts)]
    rows = connection.execute(
        f"""
        select
            {", ".join([*columns, *(f"measures.{name}" for name in _OF_MEASURE)])}
        from {_mart("claims")} as claims
        left join {_mart("measures")} as measures
            on claims.measure = measures.measure
        """
    ).fetchall()
    names = dict(
        connection.execute(f"select measure, section_title || ': ' || label from {_mart('measures')}").fetchall()
    )
    end = len(_STATEMENT_KEY)
    texts = [
        (*row[:end], evidence(Claim(**dict(zip((*facts, *_OF_MEASURE), row[end:], strict=True))), names))
        for row in rows
    ]
    _fill(connection, "claims", _STATEMENT_KEY, "evidence", texts)


def write_formulas(connection: duckdb.DuckDBPyConnection) -> None:
    """Fill in the names of the methods that reproduce printed figures, for tables and sentences."""
    quotients = {
        measure: Quotient(*words)
        for measure, *words in connection.execute(
            f"select measure, numerator, denominator from {_mart('measures')}"
        ).fetchall()
    }
    for mart, key, measure, span in (
        ("reconciliation", _FIGURE_KEY, "section || '.' || measure", "month_start, month_start"),
        ("reconciliation_narrative", _STATEMENT_KEY, "measure", "first_month, last_month"),
    ):
        rows = connection.execute(
            f"select {', '.join(key)}, method, {measure}, {span} from {_mart(mart)} where method is not null"
        ).fetchall()
        texts = [
            (*row[: len(key)], method_in_words(method, measure=code, span=(first, last), quotients=quotients))
            for row in rows
            for method, code, first, last in [row[len(key) :]]
        ]
        _fill(connection, mart, key, "formula", texts)


def _fill(
    connection: duckdb.DuckDBPyConnection,
    mart: str,
    key: Sequence[str],
    column: str,
    texts: Sequence[Sequence[Any]],
) -> None:
    """Write a column of a mart in one transaction; `texts` has rows of the key columns and the text."""
    names = (*key, column)
    with transaction(connection):
        connection.execute(
            f"create or replace temp table texts as select {', '.join(names)} from {_mart(mart)} limit 0"
        )
        insert_rows(connection, "texts", [dict(zip(names, row, strict=True)) for row in texts])
        connection.execute(
            f"""
            update {_mart(mart)} as filled
            set {column} = texts.{column}
            from texts
            where {" and ".join(f"filled.{name} = texts.{name}" for name in key)}
            """
        )
        connection.execute("drop table texts")


def _mart(name: str) -> str:
    return table("marts", name)
