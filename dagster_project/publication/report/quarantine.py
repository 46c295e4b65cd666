"""Write notes on figures with quarantined rows in their deliveries: source, rows and reasons, in words for a board."""

from collections.abc import Iterable
from datetime import date

import duckdb

from dagster_project.publication.report.display import display
from dagster_project.publication.report.model import span
from dagster_project.warehouse.connection import has_table

# Number of reasons that a note names; the others are counted together.
_REASONS_NAMED = 3

_REASONS = {
    "above_maximum": "a value above the greatest possible one",
    "before_1900": "a date before 2 January 1900",
    "below_minimum": "a value below the least possible one",
    "duplicate_row": "the same row as an earlier one",
    "formula_without_value": "a formula without its value",
    "looks_personal": "a value that looks personal in a column for other values",
    "no_time_of_day": "a date without a time of day",
    "not_a_boolean": "not a yes or no",
    "not_a_date": "not a date",
    "not_a_month": "not a month",
    "not_a_timestamp": "not a point in time",
    "not_an_integer": "not a whole number",
    "not_in_list": "a value that is not in the list of allowed ones",
    "not_of_form": "a value of another form than agreed",
    "not_seconds": "not a length of time",
    "out_of_order": "times in an impossible order",
    "required_empty": "a required value is missing",
    "required_when": "a value is missing that another one calls for",
    "superseded_row": "replaced by a later row of the same delivery",
    "time_never_existed": "a time that the clock change left out",
    "too_few_cells": "too few cells",
    "too_many_cells": "too many cells",
    "unbalanced_quote": "a quote that is not closed",
    "unknown_force": "a force that is not known",
    "unreadable_record": "a record that cannot be read",
}


def reason_in_words(code: str) -> str:
    """Return a reason code in the words that a board reads."""
    return _REASONS.get(code, code.replace("_", " "))


class QuarantineNotes:
    """Quarantined rows in the deliveries of one force, by source and period; their reasons by month."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, force_code: str) -> None:
        """Read the counts; rows with an unreadable force count as rows of the given force, in its data root."""
        # A public edition has the percentages but not the row counts.
        self._has_rows = has_table(connection, "kpi_quarantine_period")
        if not self._has_rows:
            return
        self._rows = {
            (source, month, period): (read, quarantined, share)
            for source, month, period, read, quarantined, share in connection.execute(
                """
                select source, month_start, period, rows_read, rows_quarantined, share_quarantined
                from marts.kpi_quarantine_period
                where force_code = ?
                """,
                [force_code],
            ).fetchall()
        }
        self._reasons = connection.execute(
            """
            select
                quarantine.source,
                cast(date_trunc('month', quarantine.extract_date) as date),
                quarantine.reason_code,
                count(*)
            from marts.quarantine as quarantine
            inner join marts.load_audit as load_audit
                on quarantine.load_id = load_audit.load_id
                and load_audit.status in ('loaded', 'empty')
            where
                coalesce(quarantine.force_code, $force_code) = $force_code
                and quarantine.reason_code not in ('duplicate_row', 'superseded_row')
            group by all
            """,
            {"force_code": force_code},
        ).fetchall()

    def text(
        self, affected_sources: Iterable[str], month: date, period: str, first_month: date, last_month: date
    ) -> str:
        """Return the note on a figure: one sentence for each source that the figure is affected by.

        Args:
            affected_sources: the sources.
            month: the month with which the figure is shown.
            period: its period, as in `kpi_measure_period`.
            first_month: first month of the period.
            last_month: last month of the period.
        """
        if not self._has_rows:
            return "Rows that could not be used, and are not counted, could matter to this figure."
        sentences = []
        for source in affected_sources:
            read, quarantined, share = self._rows[source, month, period]
            sentences.append(
                f"Affected by quarantined rows: {quarantined:,} of {read:,} rows ({display(share, 'percent', 1)}) of "
                f"the {source.replace('_', ' ')} delivered for {span(first_month, last_month)} could not be used and "
                f"are not counted ({self._why(source, first_month, last_month)})."
            )
        return " ".join(sentences)

    def _why(self, source: str, first_month: date, last_month: date) -> str:
        counted: dict[str, int] = {}
        for of, month, code, rows in self._reasons:
            if of == source and first_month <= month <= last_month:
                counted[code] = counted.get(code, 0) + rows
        ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
        words = [f"{reason_in_words(code)}: {rows:,}" for code, rows in ordered[:_REASONS_NAMED]]
        rest = sum(rows for _, rows in ordered[_REASONS_NAMED:])
        return "; ".join([*words, *([f"other reasons: {rest:,}"] if rest else [])])
