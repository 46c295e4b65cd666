"""Write the sentences of the mart `claims`: dbt gives the facts, and leaves its column `evidence` empty."""

from __future__ import annotations

from dataclasses import fields

import duckdb

from dagster_project.publication.report.claims import Claim, evidence
from dagster_project.sql import table
from dagster_project.warehouse.connection import insert_rows, transaction

_KEY = ("force_code", "report_id", "statement_id", "test_no")
_OF_MEASURE = ("unit", "decimals", "better", "is_sum", "chart_type")


def write_evidence(connection: duckdb.DuckDBPyConnection) -> None:
    """Fill the column `evidence` of every row, whatever stands there.

    Args:
        connection: the warehouse, built; what is published is copied from it afterwards.
    """
    facts = [field.name for field in fields(Claim) if field.name not in _OF_MEASURE]
    columns = [f"claims.{name}" for name in (*_KEY, *facts)]
    rows = connection.execute(
        f"""
        select
            {", ".join(columns)},
            measures.unit, measures.decimals, measures.better,
            measures.is_additive and measures.denominator is null as is_sum, measures.chart_type
        from {table("warehouse", "marts", "claims")} as claims
        left join {table("warehouse", "marts", "measures")} as measures
            on claims.measure = measures.measure
        """
    ).fetchall()
    names = dict(
        connection.execute(
            f"select measure, section_title || ': ' || label from {table('warehouse', 'marts', 'measures')}"
        ).fetchall()
    )
    written = [
        dict(zip(_KEY, row, strict=False))
        | {"evidence": evidence(Claim(**dict(zip((*facts, *_OF_MEASURE), row[len(_KEY) :], strict=True))), names)}
        for row in rows
    ]
    with transaction(connection):
        connection.execute(
            f"create or replace temp table evidence as select {', '.join(_KEY)}, evidence "
            f"from {table('warehouse', 'marts', 'claims')} limit 0"
        )
        insert_rows(connection, "evidence", written)
        connection.execute(
            f"""
            update {table("warehouse", "marts", "claims")} as claims
            set evidence = evidence.evidence
            from evidence
            where {" and ".join(f"claims.{name} = evidence.{name}" for name in _KEY)}
            """
        )
        connection.execute("drop table evidence")
