"""Compare printed papers with the marts: the figures of their tables, the figures in their sentences, their claims.

`connection` is a database with the marts in its schema `marts`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby

import duckdb

from dagster_project.publication.report.display import NOTHING, display, own_decimals
from dagster_project.publication.report.model import span
from dagster_project.publication.site.data import Rows, rows_of

_VERDICTS = {
    "match": "exactly",
    "match_other_formula": "exactly, by another formula",
    "mismatch": "differs",
    "no_data": "not delivered",
}
_CLAIM_VERDICTS = {
    "supported": "Supported",
    "supported_so_far": "Supported by the months loaded so far",
    "contradicted": "Contradicted",
    "not_testable": "Cannot be tested",
}


@dataclass(frozen=True)
class PrintedMeasure:
    """A printed measure with its months."""

    section: str
    label: str
    code: str
    """Code of the measure that the paper names."""
    printed: tuple[str, ...]
    ours: tuple[str, ...]
    differences: tuple[str, ...]
    verdicts: tuple[str, ...]
    """Verdict on each month, in words; empty where nothing was printed."""
    formula: str
    """What gives the printed text; months with another formula are named."""


@dataclass(frozen=True)
class PrintedPaper:
    """The figures that a paper printed in its tables."""

    force_code: str
    force_name: str
    report_id: str
    published_on: date | None
    months: tuple[date, ...]
    measures: tuple[PrintedMeasure, ...]


def printed(connection: duckdb.DuckDBPyConnection) -> list[PrintedPaper]:
    """Return the printed figures with those of the marts and the formula that gives them, newest paper first."""
    rows = rows_of(
        connection,
        """
        select
            forces.force_name, figures.*, measures.decimals,
            coalesce(measures.section_title, figures.section) as section_title,
            case
                when others.denominator is not null then others.numerator || ' / ' || others.denominator
                when figures.formula is null and figures.verdict = 'match'
                    then coalesce(measures.numerator, measures.label)
                else figures.formula
            end as words
        from marts.reconciliation as figures
        inner join marts.dim_force as forces on figures.force_code = forces.force_code
        left join marts.measures as measures on figures.section || '.' || figures.measure = measures.measure
        left join marts.measures as others on figures.section || '.' || figures.formula = others.measure
        order by
            figures.published_on desc nulls last, forces.force_name, figures.report_id,
            measures.section_order nulls last, figures.section, measures.board_paper_order nulls last, figures.measure,
            figures.label, figures.month_start
        """,
    )
    papers = []
    for (code, force, report, day), group in groupby(
        rows, key=lambda row: (row["force_code"], row["force_name"], row["report_id"], row["published_on"])
    ):
        of_paper = list(group)
        months = tuple(sorted({row["month_start"] for row in of_paper}))
        measures = groupby(of_paper, key=lambda row: (row["section_title"], row["label"], row["measure"]))
        papers.append(
            PrintedPaper(
                code,
                force,
                report,
                day,
                months,
                tuple(_printed_measure(*key[:2], list(of), months) for key, of in measures),
            )
        )
    return papers


def _printed_measure(section: str, label: str, rows: Rows, months: Sequence[date]) -> PrintedMeasure:
    by_month = {row["month_start"]: row for row in rows}

    def texts(name: str) -> tuple[str, ...]:
        return tuple((by_month[month][name] or NOTHING) if month in by_month else "" for month in months)

    for row in rows:
        decimals = row["decimals"] if row["decimals"] is not None else own_decimals(row["difference"] or Decimal(0))
        row["gap"] = display(row["difference"], row["unit"], decimals)
        row["words_of_verdict"] = _VERDICTS[row["verdict"]]
    formulas = [(words, list(of)) for words, of in groupby(rows, key=lambda row: row["words"])]
    formula = "; ".join(
        (words or "none of the formulas tried")
        + (f" ({span(of[0]['month_start'], of[-1]['month_start'])})" if len(formulas) > 1 else "")
        for words, of in formulas
    )
    return PrintedMeasure(
        section,
        label,
        f"{rows[0]['section']}.{rows[0]['measure']}",
        texts("published_value"),
        texts("warehouse_value"),
        texts("gap"),
        texts("words_of_verdict"),
        formula,
    )


def sentences(connection: duckdb.DuckDBPyConnection) -> Rows:
    """Return the figures in sentences of papers, newest paper first.

    Returns:
        Columns of `reconciliation_narrative`, with the verdict and what gives the figure in words.
    """
    rows = rows_of(
        connection,
        """
        select forces.force_name, figures.*, measures.unit, measures.decimals, length(figures.statement_id) as id_length
        from marts.reconciliation_narrative as figures
        inner join marts.dim_force as forces on figures.force_code = forces.force_code
        left join marts.measures as measures on figures.measure = measures.measure
        order by
            figures.published_on desc nulls last, forces.force_name, figures.report_id, id_length,
            figures.statement_id, figures.test_no
        """,
    )
    for row in rows:
        has_months = row["first_month"] is not None
        needed = "needs months that are not loaded" if has_months else "needs months that the sentence does not state"
        row["why"] = needed if row["verdict"] == "no_data" else row["formula"] or ""
        row["verdict"] = _VERDICTS[row["verdict"]] if row["verdict"] != "no_data" else "cannot be computed"
    return rows


def claims(connection: duckdb.DuckDBPyConnection) -> list[Rows]:
    """Return the claims of each paper and whether the figures support them, newest paper first.

    Returns:
        Claims by paper. `tests` has the measure and the evidence of each test, `verdict` the verdict in words.
    """
    rows = rows_of(
        connection,
        """
        select
            forces.force_name, claims.report_id, claims.published_on, claims.statement_id,
            length(claims.statement_id) as id_length, claims.statement, claims.claim_verdict,
            list(
                {'measure': coalesce(measures.short_label, claims.measure),
                'evidence': claims.evidence}
                order by claims.test_no
            ) as tests
        from marts.claims as claims
        inner join marts.dim_force as forces on claims.force_code = forces.force_code
        left join marts.measures as measures on claims.measure = measures.measure
        group by all
        order by
            claims.published_on desc nulls last, forces.force_name, claims.report_id,
            id_length, claims.statement_id
        """,
    )
    for row in rows:
        row["verdict"] = _CLAIM_VERDICTS[row["claim_verdict"]]
    papers = groupby(rows, key=lambda row: (row["force_name"], row["report_id"], row["published_on"]))
    return [list(paper) for _, paper in papers]
