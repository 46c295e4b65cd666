"""Read the content of the trust page: how the figures were tested, what changed, and what is not in them.

`connection` is a database with the marts in its schema `marts`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any

import duckdb

from dagster_project.publication.report.claims import months_in_words, verdict_in_words
from dagster_project.publication.report.display import NOTHING, display, own_decimals
from dagster_project.publication.report.model import listed, short_month, span
from dagster_project.publication.report.quarantine import reason_in_words
from dagster_project.publication.report.revisions import CAUSES
from dagster_project.publication.site.data import NEWEST, Rows, rows_of
from dagster_project.publication.site.views import (
    Choice,
    Table,
    View,
    Views,
    force_choice,
    line_choice,
    month_choice,
    months_of,
    newest_months,
    provisional,
    text_of,
)
from dagster_project.words import be, counted

# Revisions and publications listed; the marts have all of them.
_LISTED = 50
_PUBLICATIONS = 14
# Months of faults beside each other; earlier ones are counted together.
_FAULT_MONTHS = 6

_VERDICTS = {
    "match": "exactly",
    "match_other_formula": "exactly, by another formula",
    "mismatch": "differs",
    "no_data": "not delivered",
}


@dataclass(frozen=True)
class Sentence:
    """One line of the summary, and the part of the page with its evidence."""

    text: str
    anchor: str


def summary(connection: duckdb.DuckDBPyConnection) -> list[Sentence]:
    """Return what the page shows, in one sentence for each part."""
    return [
        Sentence(_printed_in_short(connection), "printed"),
        Sentence(_sentences_in_short(connection), "sentences"),
        Sentence(_claims_in_short(connection), "claims"),
        Sentence(_revisions_in_short(connection), "revisions"),
        *(Sentence(text, "faults") for text in _deliveries_in_short(connection)),
    ]


def _counts(connection: duckdb.DuckDBPyConnection, sql: str) -> Counter[str]:
    return Counter(dict(connection.execute(sql).fetchall()))


def _printed_in_short(connection: duckdb.DuckDBPyConnection) -> str:
    verdicts = _counts(connection, "select verdict, count(*) from marts.reconciliation group by verdict")
    printed, other = verdicts.total(), verdicts["match_other_formula"]
    if not printed:
        return "No printed paper has been delivered to compare with"
    rest = [
        f"{other:,} by another formula" if other else "",
        f"{verdicts['mismatch']:,} {'differs' if verdicts['mismatch'] == 1 else 'differ'}"
        if verdicts["mismatch"]
        else "",
        f"{verdicts['no_data']:,} for months that are not delivered" if verdicts["no_data"] else "",
    ]
    return "; ".join(
        [f"{verdicts['match'] + other:,} of {printed:,} printed figures reproduced exactly", *filter(None, rest)]
    )


def _sentences_in_short(connection: duckdb.DuckDBPyConnection) -> str:
    verdicts = _counts(connection, "select verdict, count(*) from marts.reconciliation_narrative group by verdict")
    if not verdicts:
        return "No figure in the sentences of a paper has been delivered"
    rest = [
        f"{verdicts['mismatch']:,} {'differs' if verdicts['mismatch'] == 1 else 'differ'}"
        if verdicts["mismatch"]
        else "",
        f"{counted(verdicts['no_data'], 'other')} {'needs' if verdicts['no_data'] == 1 else 'need'} months that are "
        "not loaded"
        if verdicts["no_data"]
        else "",
    ]
    return "; ".join(
        [
            f"{verdicts['match'] + verdicts['match_other_formula']:,} of {counted(verdicts.total(), 'figure')} in "
            "sentences of papers reproduced",
            *filter(None, rest),
        ]
    )


def _claims_in_short(connection: duckdb.DuckDBPyConnection) -> str:
    verdicts = _counts(
        connection,
        """
        select claim_verdict, count(*)
        from (select distinct force_code, report_id, statement_id, claim_verdict from marts.claims)
        group by claim_verdict
        """,
    )
    if not verdicts:
        return "No claim from a paper has been delivered to test"
    words = {
        "supported": "supported",
        "supported_so_far": "supported so far",
        "contradicted": "contradicted",
        "not_testable": "not testable",
    }
    told = [f"{verdicts[verdict]:,} {text}" for verdict, text in words.items() if verdicts[verdict]]
    return f"{counted(verdicts.total(), 'claim')} of papers tested: {listed(told)}"


def _revisions_in_short(connection: duckdb.DuckDBPyConnection) -> str:
    revised, newest = connection.execute(
        "select count(*), max(published_at) from marts.revisions where not is_new"
    ).fetchall()[0]
    if not revised:
        return "No figure has changed since it was first published"
    return f"{counted(revised, 'revision')} of published figures, the newest on {newest:%-d %B %Y}, each with its cause"


def _deliveries_in_short(connection: duckdb.DuckDBPyConnection) -> list[str]:
    due, loaded, missing, rejected = connection.execute(
        f"""
        select
            count(*), count(*) filter (where status in ('loaded', 'empty')),
            count(*) filter (where status = 'missing'), count(*) filter (where status = 'rejected')
        from ({NEWEST})
        """
    ).fetchall()[0]
    if not due:
        return ["Nothing has been delivered"]
    read, quarantined, share = connection.execute(
        """
        select
            coalesce(cast(sum(rows_read) as bigint), 0), coalesce(cast(sum(rows_quarantined) as bigint), 0),
            cast(100 * sum(rows_quarantined) / cast(nullif(sum(rows_read), 0) as decimal(38, 6)) as decimal(38, 6))
        from marts.load_audit
        where status in ('loaded', 'empty')
        """
    ).fetchall()[0]
    return [
        f"All {counted(due, 'delivery')} due are loaded; none is missing or rejected"
        if loaded == due
        else f"{loaded:,} of {counted(due, 'delivery')} due {be(loaded)} loaded; {missing:,} {be(missing)} missing and "
        f"{rejected:,} {be(rejected)} rejected",
        f"{quarantined:,} of {read:,} rows ({text_of(share, 'percent', 2)}) {be(quarantined)} quarantined, each with "
        "its reason",
    ]


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
                when methods.denominator is not null then methods.numerator || ' / ' || methods.denominator
                when methods.measure is not null then coalesce(methods.numerator, methods.label)
                else figures.formula
            end as words
        from marts.reconciliation as figures
        inner join marts.dim_force as forces on figures.force_code = forces.force_code
        left join marts.measures as measures on figures.section || '.' || figures.measure = measures.measure
        left join marts.measures as methods on figures.method = methods.measure
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


def answered(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Return the definitions of calls that are answered, and of those that are not: label and text of each."""
    return connection.execute(
        """
        select short_label, definition
        from marts.measures
        where name in ('answered', 'not_answered') and section like 'calls_%'
        order by section_order, section, name
        """
    ).fetchall()


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
        needed = row["months_needed"]
        row["is_open"] = row["verdict"] == "no_data"
        row["verdict"] = _VERDICTS[row["verdict"]] if not row["is_open"] else "cannot be computed"
        row["why"] = (
            (
                "needs months that the sentence does not state"
                if needed == "not stated"
                else f"needs {months_in_words(needed)}"
            )
            if row["is_open"] and needed
            else row["formula"] or ""
        )
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
            ) as tests,
            list(claims.value_months order by claims.test_no)
                filter (where claims.verdict = 'supported_so_far') as months
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
        row["verdict"] = verdict_in_words(row["claim_verdict"], row["months"] or ())
    papers = groupby(rows, key=lambda row: (row["force_name"], row["report_id"], row["published_on"]))
    return [list(paper) for _, paper in papers]


def revisions(connection: duckdb.DuckDBPyConnection) -> Rows:
    """Return the newest changes of published figures with their cause in words; new months do not count as changes."""
    rows = rows_of(
        connection,
        f"""
        select
            revisions.*, coalesce(forces.force_name, revisions.force_code) as force_name, measures.short_label,
            measures.unit, measures.decimals
        from marts.revisions as revisions
        inner join marts.measures as measures on revisions.measure = measures.measure
        left join marts.dim_force as forces on revisions.force_code = forces.force_code
        where not revisions.is_new
        order by
            revisions.published_at desc, force_name, measures.section_order, measures.board_paper_order nulls last,
            revisions.measure, revisions.month_start
        limit {_LISTED}
        """,
    )
    for row in rows:
        for name in ("previous_value", "value", "change"):
            row[name] = display(row[name], row["unit"], row["decimals"])
        row["cause"] = CAUSES[row["cause"]]
    return rows


def publications(connection: duckdb.DuckDBPyConnection) -> Rows:
    """Return the newest publications: time, figures, and how many of them were new or changed, by what cause."""
    rows = rows_of(
        connection,
        f"""
        with changes as (
            select
                run_id, count(*) filter (where is_new) as added, count(*) filter (where not is_new) as revised,
                list(distinct cause order by cause) filter (where not is_new) as causes
            from marts.revisions
            group by run_id
        )
        select
            versions.run_id, min(versions.published_at) as published_at, count(versions.value) as figures,
            any_value(coalesce(changes.added, 0)) as added, any_value(coalesce(changes.revised, 0)) as revised,
            any_value(changes.causes) as causes
        from marts.published_versions as versions
        left join changes on versions.run_id = changes.run_id
        group by versions.run_id
        order by published_at desc, versions.run_id desc
        limit {_PUBLICATIONS}
        """,
    )
    return [row | {"causes": "; ".join(CAUSES[cause] for cause in row["causes"] or ()).capitalize()} for row in rows]


# Rows of the comparison of definitions: column of `kpi_call_definitions`, name, unit and decimals.
_CALL_FIGURES = (
    ("short_abandons", "Short abandons left out", "count", 0),
    ("received_less_short_abandons", "Calls that count as received", "count", 0),
    ("not_answered", "Calls not answered", "count", 0),
    ("pct_not_answered", "% not answered", "percent", 2),
    ("pct_not_answered_of_received", "% not answered, of all calls received", "percent", 2),
    ("pct_within_target_of_answered", "% answered in time, of calls answered", "percent", 2),
    ("pct_within_target_of_received", "% answered in time, of all calls received", "percent", 2),
    ("pct_within_target_of_received_less_short_abandons", "% answered in time, of calls that count", "percent", 2),
)


def definitions(
    connection: duckdb.DuckDBPyConnection, forces: Mapping[str, str], months: Mapping[str, date]
) -> Views | None:
    """Return the main figures under each definition.

    Args:
        connection: a database with the marts, and the seed of alternatives in its schema `reference`.
        forces: code to name, the one shown first first.
        months: force to the month that is shown first.

    Returns:
        Calls by threshold of short abandons, by force, month and line; the measures with alternatives, by force and
        month. None without forces.
    """
    if not forces:
        return None
    calls = View(
        "short-abandons",
        "Calls, by the threshold for short abandons",
        ("force", "month", "line"),
        _by_threshold(connection, forces),
        "A caller who hangs up within seconds may not count as a lost call. Forces differ in the number of seconds.",
    )
    others = View(
        "alternatives",
        "Measures with more than one definition",
        ("force", "month"),
        _alternatives(connection, forces),
        "The first of each group is the measure itself; the lines below it use other definitions.",
        words=(2,),
    )
    first = next(iter(forces))
    return Views(
        (force_choice(forces), month_choice(months_of(calls, others), months[first]), line_choice(calls)),
        (calls, others),
    )


def _by_threshold(connection: duckdb.DuckDBPyConnection, forces: Mapping[str, str]) -> dict[tuple[str, ...], Table]:
    rows = rows_of(
        connection,
        f"""
        select *
        from marts.kpi_call_definitions as kpi_call_definitions
        where {newest_months("kpi_call_definitions")}
        order by force_code, month_start, line, short_abandon_seconds
        """,
    )
    tables: dict[tuple[str, ...], Table] = {}
    for (force, month, line), group in groupby(
        rows, key=lambda row: (row["force_code"], row["month_start"], row["line"])
    ):
        of = list(group)
        columns = tuple(
            ("None left out" if not row["short_abandon_seconds"] else f"Under {row['short_abandon_seconds']:.0f} s")
            + (" (in force)" if row["is_in_force"] else "")
            for row in of
        )
        tables[force, f"{month:%Y-%m}", line] = Table(
            f"{forces.get(force, force)}, {line} calls, {short_month(month)}{provisional(of[0])}",
            ("Figure", *columns),
            tuple(
                (name, *(text_of(row[column], unit, decimals) for row in of))
                for column, name, unit, decimals in _CALL_FIGURES
            ),
        )
    return tables


def _alternatives(connection: duckdb.DuckDBPyConnection, forces: Mapping[str, str]) -> dict[tuple[str, ...], Table]:
    rows = rows_of(
        connection,
        f"""
        with pairs as (
            select measure, alternative from reference.measure_alternatives
            -- Of two measures that are alternatives to each other, the first heads the group.
            where not exists (
                select 1 from reference.measure_alternatives as others
                where others.alternative = measure_alternatives.measure
                    and others.measure = measure_alternatives.alternative
                    and others.measure < measure_alternatives.measure
            )
        ),
        members as (
            select measure as head, alternative as measure, 1 as place from pairs
            union all
            select distinct measure, measure, 0 from pairs
        )
        select
            kpi_measure_period.force_code, kpi_measure_period.month_start, kpi_measure_period.display_value,
            kpi_measure_period.is_provisional, kpi_measure_period.share_of_days_loaded, members.head, members.place,
            measures.short_label, measures.definition
        from members
        inner join marts.measures as measures on members.measure = measures.measure
        inner join marts.measures as heads on members.head = heads.measure
        inner join marts.kpi_measure_period as kpi_measure_period on members.measure = kpi_measure_period.measure
        where kpi_measure_period.period = 'month' and {newest_months("kpi_measure_period")}
        order by
            kpi_measure_period.force_code, kpi_measure_period.month_start, heads.section_order,
            heads.board_paper_order nulls last, members.head, members.place, measures.measure
        """,
    )
    tables: dict[tuple[str, ...], Table] = {}
    for (force, month), group in groupby(rows, key=lambda row: (row["force_code"], row["month_start"])):
        of = list(group)
        remark = next((provisional(row) for row in of if row["is_provisional"]), "")
        tables[force, f"{month:%Y-%m}"] = Table(
            f"{forces.get(force, force)}, {short_month(month)}{remark}",
            ("Measure", "Figure", "Definition"),
            tuple(
                (
                    f"{NOTHING} {row['short_label']}" if row["place"] else row["short_label"],
                    row["display_value"],
                    row["definition"],
                )
                for row in of
            ),
        )
    return tables


def faults(connection: duckdb.DuckDBPyConnection) -> Views | None:
    """Return what is missing, rejected and quarantined, by source, reason and month; None if nothing is."""
    rows = rows_of(
        connection,
        f"""
        with newest as ({NEWEST}),
        found as (
            select source, 'Quarantined rows' as kind, reason_code as code, extract_date as day from marts.quarantine
            union all
            select newest.source, 'Deliveries missing', null, newest.extract_date
            from newest
            where newest.status = 'missing'
            union all
            select
                loads.source, 'Deliveries rejected',
                coalesce(
                    nullif(regexp_extract(loads.reason, '\\[([a-z0-9_]+)\\]', 1), ''),
                    nullif(regexp_extract(loads.reason, '^([a-z0-9_]+):', 1), '')
                ),
                loads.extract_date
            from newest
            inner join (select distinct source, extract_date, status, reason from marts.load_audit) as loads
                on newest.source = loads.source
                and newest.extract_date = loads.extract_date
                and newest.status = loads.status
            where newest.status = 'rejected'
        )
        select source, kind, code, cast(date_trunc('month', day) as date) as month, count(*) as found
        from found
        group by all
        """,
    )
    if not rows:
        return None
    months = sorted({row["month"] for row in rows})
    shown = months[-_FAULT_MONTHS:]
    sources = sorted({row["source"] for row in rows})
    names = {"": "All sources"} | {source: source.replace("_", " ") for source in sources}

    def table(source: str) -> Table:
        counts: dict[tuple[str, str], Counter[date]] = {}
        for row in rows:
            if not source:
                name = f"{names[row['source']]}: {row['kind'][0].lower()}{row['kind'][1:]}"
                counts.setdefault((row["source"], name), Counter())[row["month"]] += row["found"]
            elif row["source"] == source:
                name = row["kind"] + (f": {reason_in_words(row['code'])}" if row["code"] else "")
                counts.setdefault((row["kind"], name), Counter())[row["month"]] += row["found"]
        ordered = sorted(counts.items(), key=lambda item: (item[0][0], -item[1].total(), item[0][1]))
        has_earlier = len(months) > len(shown)
        return Table(
            names[source],
            (
                "What",
                *(["Earlier"] if has_earlier else []),
                *(short_month(month) for month in shown),
                "In all",
            ),
            tuple(
                (
                    name,
                    *([f"{sum(of[month] for month in months if month not in shown):,}"] if has_earlier else []),
                    *(f"{of[month]:,}" if of[month] else NOTHING for month in shown),
                    f"{of.total():,}",
                )
                for (_, name), of in ordered
            ),
        )

    view = View(
        "faults-by-reason", "By source, reason and month", ("source",), {(source,): table(source) for source in names}
    )
    return Views((Choice("source", "Source", names, ""),), (view,))


def deliveries(sources: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the sources with the days that were due: loaded, missing and rejected ones."""
    return [
        {**row, "days_due": row["days_loaded"] + row["days_missing"] + row["days_rejected"] + row["days_withdrawn"]}
        for row in sources
    ]
