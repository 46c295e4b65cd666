"""Say in one sentence each what the parts of the trust page show: how the figures were tested, and what changed.

`connection` is a database with the marts in its schema `marts`.
"""

from collections import Counter
from dataclasses import dataclass

import duckdb

from dagster_project.publication.report.model import listed
from dagster_project.publication.report.queries import newest_delivery
from dagster_project.publication.site.views import text_of
from dagster_project.words import CALIBRATED, be, counted


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
    return _joined(
        f"{verdicts['match'] + other:,} of {printed:,} printed figures reproduced exactly",
        other and f"{other:,} by another formula",
        _differing(verdicts["mismatch"]),
        verdicts["no_data"] and f"{verdicts['no_data']:,} for months that are not delivered",
        newest_delivery(connection)[1] and CALIBRATED,
    )


def _sentences_in_short(connection: duckdb.DuckDBPyConnection) -> str:
    verdicts = _counts(
        connection,
        """
        select
            case when verdict = 'match_other_formula' and found_by = 'trial' then 'trial' else verdict end as found,
            count(*)
        from marts.reconciliation_narrative
        group by found
        """,
    )
    if not verdicts:
        return "No figure in the sentences of a paper has been delivered"
    other, trial, missing = (verdicts[name] for name in ("match_other_formula", "trial", "no_data"))
    return _joined(
        f"{verdicts['match']:,} of {counted(verdicts.total(), 'figure')} in sentences of papers reproduced",
        other and f"{other:,} by another formula",
        trial and f"{trial:,} by a period found by trial",
        _differing(verdicts["mismatch"]),
        missing and f"{counted(missing, 'other')} {'needs' if missing == 1 else 'need'} months that are not loaded",
    )


def _differing(figures: int) -> str:
    return f"{figures:,} {'differs' if figures == 1 else 'differ'}" if figures else ""


def _joined(*parts: object) -> str:
    """Return the parts that say something, separated by semicolons."""
    return "; ".join(str(part) for part in parts if part)


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
    count = f"{counted(revised, 'revision')} of published figures"
    return f"{count}, the newest on {newest:%-d %B %Y}, each with the deliveries in between"


def _deliveries_in_short(connection: duckdb.DuckDBPyConnection) -> list[str]:
    due, loaded, missing, rejected, read, quarantined, share = connection.execute(
        """
        select
            days_due, days_in_figures, days_missing, days_rejected, rows_read, rows_quarantined, share_quarantined
        from marts.delivery_totals
        where source = '*'
        """
    ).fetchall()[0]
    if not due:
        return ["Nothing has been delivered"]
    return [
        f"All {counted(due, 'delivery')} due are loaded; none is missing or rejected"
        if loaded == due and not rejected
        else f"{loaded:,} of {counted(due, 'delivery')} due {be(loaded)} loaded; {missing:,} {be(missing)} missing and "
        f"{rejected:,} {be(rejected)} rejected",
        f"{quarantined:,} of {read:,} rows ({text_of(share, 'percent', 2)}) {be(quarantined)} quarantined, each with "
        "its reason",
    ]
