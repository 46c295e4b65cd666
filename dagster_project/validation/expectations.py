"""Derive the expectations on a source's deliveries from its contract, each with the SQL of its rule.

Expectations are data: their names and reasons are known before anything runs. There are none for the column definitions
of the contract (types, closed lists, bounds, order of times, required cells, keys), because reading already quarantines
rows that break them (`extracts/rows.py`, `loading/candidate.py`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dagster_project.contracts import FORCE_COLUMN, Column, Contract, ContractError, Rule, Severity
from dagster_project.validation.unexpected_rows import (
    DELIVERY_INDEX,
    NOT_NULL,
    ROW_INDEX,
    UnexpectedRows,
    compile_rule,
    rows_where,
)

# Three times the median of the weekday: above the volume of a storm or a night of disorder, below that of a month
# delivered as one day.
VOLUME_CEILING = 3.0

_DAYS_COMPARED = (
    "the same weekday in the eight weeks before (median; a bank holiday counts as a Sunday; if fewer than three of "
    "these days are loaded, the newest three of half a year)"
)

FAULTY_DAYS, SAME_CONTENT = "faulty_rows_of_28_days_are_within_limits", "content_is_of_one_day"
IDS_REUSED, FEW_IDS_REUSED = "identifiers_are_of_one_event", "few_identifiers_are_of_other_events"
ROWS_APART = "rows_of_an_event_are_close"
"""Names of the expectations that depend on the verdicts on earlier days."""

FAULTY_DAYS_COUNTED = 28
"""Number of days over which faulty rows are added up, including the delivery's own."""


@dataclass(frozen=True)
class Expectation:
    """One expectation on the candidate load of a source."""

    name: str
    """The expected state in snake case, unique within the source."""
    description: str
    """The reason for the expectation, in words."""
    dimension: str
    """Data quality dimension of the Open Data Contract Standard."""
    severity: Severity
    column: str | None
    """The column that it checks; None if it checks several."""
    on_deliveries: bool
    """True: over one row per delivery; false: over the candidate rows."""
    unexpected_rows: UnexpectedRows | None
    """The rows that break it; None if that depends on the verdicts on earlier days (`loading/verdicts.py`)."""
    evidence: tuple[str, ...] = ()
    """Columns of the deliveries table whose values a rejection states."""
    causes: tuple[str, ...] = ()
    """Columns of the deliveries table whose values a rejection also states if they are not 0."""
    code: str = ""
    """Reason code of a rejection; empty: only the name is used."""

    @property
    def depends_on_earlier_days(self) -> bool:
        """Whether it depends on the verdicts on earlier days, so that days are judged one by one."""
        return self.unexpected_rows is None

    @property
    def consequence(self) -> str:
        """Effect of a failure on the delivery, as a sentence."""
        if self.severity is Severity.CRITICAL:
            return "A failure rejects the delivery, unless an operator accepts it."
        return "A failure is a warning: the delivery is loaded."


def expectations_of(contract: Contract) -> tuple[Expectation, ...]:
    """Return all expectations on a source.

    Args:
        contract: the contract of the source.

    Returns:
        First the expectations on every delivery, then the contract's rules.

    Raises:
        ContractError: two expectations share a name, a rule has an unknown type, or a rule looks at the values of a
            personal column.
    """
    expectations = (*_of_deliveries(contract), *(_of_rule(contract, rule) for rule in contract.rules))
    seen: set[str] = set()
    for expectation in expectations:
        if expectation.name in seen:
            raise ContractError(f"{contract.source}: two expectations are named {expectation.name}")
        seen.add(expectation.name)
    return expectations


def _of_deliveries(contract: Contract) -> Iterator[Expectation]:
    yield _on_deliveries(
        "faulty_rows_are_within_limits",
        f"More than {contract.faulty_share_limit:.0%} and more than {contract.faulty_rows_limit} faulty rows "
        "mean a broken extract, not an untidy one.",
        dimension="accuracy",
        severity=Severity.CRITICAL,
        column="faulty_rows_over_limit",
        evidence=("faulty_rows", "rows_read"),
    )
    yield _on_deliveries(
        FAULTY_DAYS,
        f"More than {contract.faulty_share_limit:.0%} of a delivery faulty, and with the accepted deliveries of the "
        f"{FAULTY_DAYS_COUNTED} days up to it more than {contract.faulty_share_limit:.0%} and more than "
        f"{contract.faulty_rows_limit} rows: a small source can lose as much, a little every day.",
        dimension="accuracy",
        severity=Severity.CRITICAL,
        column="faulty_rows_of_days_over_limit",
        depends_on_earlier_days=True,
    )
    yield _on_deliveries(
        "few_rows_are_quarantined",
        "If 1% or more of a delivery is quarantined, look at it before you use its figures.",
        dimension="accuracy",
        column="many_quarantined_rows",
    )
    if contract.key:
        yield _on_deliveries(
            "superseded_rows_are_within_limits",
            f"More than a fifth and more than 20 rows of a delivery share their key ({_words(contract.key)}) with a "
            "later row that has other values: the key does not identify rows, and loading would drop them.",
            dimension="uniqueness",
            severity=Severity.CRITICAL,
            column="superseded_rows_over_limit",
            evidence=("superseded_rows", "rows_read"),
            code="key_not_unique",
        )
        yield _on_deliveries(
            "few_rows_are_superseded",
            f"More than 1% of a delivery superseded by later rows with the same key ({_words(contract.key)}): the key "
            "may not identify rows.",
            dimension="uniqueness",
            column="many_superseded_rows",
        )
    yield _on_deliveries(
        "delivery_has_rows",
        "An empty delivery is valid, but rare enough to check.",
        dimension="completeness",
        column="rows_loaded",
        fails_if="rows_loaded < 1",
    )
    yield _on_deliveries(
        "columns_that_had_values_still_have_them",
        "A column without any values, which earlier deliveries filled, was renamed or dropped in the source system.",
        dimension="completeness",
        column="silent_columns",
    )
    yield _on_deliveries(
        "forces_have_delivered_before",
        "A force that the source has not delivered before is a new partner or an extract in the wrong folder.",
        dimension="consistency",
        column="new_forces",
    )
    if not contract.column(FORCE_COLUMN).is_required:
        yield _on_deliveries(
            "files_of_several_forces_name_the_force",
            f"A file without {FORCE_COLUMN}, in a source that has delivered another force than the configured one: its "
            "rows would count for the configured force. Deliver it with the column.",
            dimension="consistency",
            severity=Severity.CRITICAL,
            column="rows_without_force",
            evidence=("rows_without_force", "rows_read"),
            code="force_missing",
        )
    if contract.is_daily:
        yield _on_deliveries(
            SAME_CONTENT,
            "A file that is the same, byte for byte, as one of another day was copied or renamed: its events would "
            "be missing on one of the two days.",
            dimension="uniqueness",
            severity=Severity.CRITICAL,
            column="files_of_other_days",
            code="same_content_as_other_day",
            depends_on_earlier_days=True,
        )
        yield _on_deliveries(
            "volume_is_not_far_below_the_recent_past",
            f"Fewer than {contract.volume_floor:.0%} of the rows of {_DAYS_COMPARED} point to a cut-off extract.",
            dimension="completeness",
            severity=Severity.CRITICAL,
            column="volume_ratio",
            fails_if=f"volume_ratio < {contract.volume_floor!r}",
            evidence=("rows_read", "expected_rows"),
            causes=("faulty_rows",),
        )
        yield _on_deliveries(
            "volume_is_not_far_above_the_recent_past",
            f"More than {VOLUME_CEILING:g} times the rows of {_DAYS_COMPARED} point to an extract of several days.",
            dimension="completeness",
            column="volume_ratio",
            fails_if=f"volume_ratio > {VOLUME_CEILING!r}",
            evidence=("rows_read", "expected_rows"),
            causes=("faulty_rows",),
        )
        yield _on_deliveries(
            "volume_of_each_force_is_usual",
            f"Fewer than {contract.volume_floor:.0%} or more than {VOLUME_CEILING:g} times the rows of a force on "
            f"{_DAYS_COMPARED} are lost in the volume of larger forces.",
            dimension="completeness",
            column="unusual_forces",
        )
        yield _on_deliveries(
            "volume_of_each_member_is_usual",
            "No row of a force or of a member of the main list"
            f"{f' ({contract.main_list})' if contract.main_list else ''}, or fewer than 30% of a member's median for "
            "the weekday, where the median of the 28 days before is 10 or more: a part of the export is missing.",
            dimension="completeness",
            column="unusual_members",
        )
    if contract.event_column is not None and contract.is_daily and not contract.allows_events_outside_day:
        yield _on_deliveries(
            "most_events_are_within_a_day_of_the_extract_date",
            f"In more than half of 20 rows or more, {contract.event_column} is neither on the extract date nor the day "
            "before or after: a wrong date in the file name, or an extract of another day. What was entered late comes "
            f"in files named {contract.source}_YYYY-MM-DD_late.",
            dimension="timeliness",
            severity=Severity.CRITICAL,
            column="rows_outside_day",
            evidence=("rows_outside_day", "rows_read"),
            code="events_outside_day",
        )
        yield _on_deliveries(
            "some_events_are_on_the_extract_date",
            f"Fewer than one in ten of 20 rows or more have {contract.event_column} on the extract date: another day "
            "was exported again, and the events of this one are missing. What was entered late comes in files named "
            f"{contract.source}_YYYY-MM-DD_late.",
            dimension="timeliness",
            severity=Severity.CRITICAL,
            column="rows_of_other_days",
            evidence=("rows_of_other_days", "rows_read"),
            code="repeated_day",
        )
    if contract.event_column is not None:
        yield _on_deliveries(
            "events_are_not_after_the_extract_date",
            f"{contract.event_column} after the extract date points to a wrong clock or a wrong file name.",
            dimension="timeliness",
            column="rows_after_extract_date",
        )
        yield _on_deliveries(
            "most_events_are_near_the_extract_date",
            f"{contract.event_column} more than 31 days before the extract date in most rows is a history, or a "
            "program that swaps day and month.",
            dimension="timeliness",
            column="rows_long_before_extract_date",
        )
    if contract.identity and contract.identity_time is not None:
        identity = ", ".join(contract.identity)
        yield _on_deliveries(
            IDS_REUSED,
            f"A fifth or more, and at least 20 rows, of a delivery have an identifier ({identity}) that an extract "
            "more than a week older has for an event of another day: the numbers of the source began again, and the "
            "rows would replace those of the other events.",
            dimension="uniqueness",
            severity=Severity.CRITICAL,
            column="ids_reused",
            code="ids_reused",
            depends_on_earlier_days=True,
        )
        yield _on_deliveries(
            FEW_IDS_REUSED,
            f"1% or more, and at least 5 rows, of a delivery have an identifier ({identity}) that an extract more than "
            "a week older has for an event of another day: each of these rows replaces that of another event.",
            dimension="uniqueness",
            column="ids_reused",
            depends_on_earlier_days=True,
        )
        if contract.identity_days is not None:
            yield _on_deliveries(
                ROWS_APART,
                f"Rows of one event ({identity}) more than {24 * contract.identity_days} hours apart are probably of "
                "two events with the same number.",
                dimension="consistency",
                column="rows_apart",
                depends_on_earlier_days=True,
            )
    if any(column.utc_offset_from for column in contract.columns):
        yield _on_deliveries(
            "utc_offsets_agree_with_the_clock",
            "An offset that London did not have at that time points to a switch with a wrong clock.",
            dimension="consistency",
            column="offset_disagreements",
        )


def _of_rule(contract: Contract, rule: Rule) -> Expectation:
    personal = {column.name for column in contract.columns if column.is_personal}
    column = rule.arguments.get("column")
    # On a personal column, nothing may compare, list or show its values.
    if column in personal and rule.expectation != NOT_NULL:
        raise ContractError(f"{contract.source}: {rule.name}: looks at values of personal column {column}")
    try:
        rows = compile_rule(rule.expectation, rule.arguments, DELIVERY_INDEX if rule.on_deliveries else ROW_INDEX)
    except ContractError as error:
        raise ContractError(f"{contract.source}: {rule.name}: {error}") from None
    return Expectation(
        name=rule.name,
        description=rule.description,
        dimension=rule.dimension,
        severity=rule.severity,
        column=column,
        on_deliveries=rule.on_deliveries,
        unexpected_rows=rows,
        evidence=(column,) if rule.on_deliveries and column else (),
    )


def _on_deliveries(
    name: str,
    description: str,
    *,
    dimension: str,
    column: str,
    fails_if: str = "",
    severity: Severity = Severity.WARNING,
    evidence: tuple[str, ...] = (),
    causes: tuple[str, ...] = (),
    code: str = "",
    depends_on_earlier_days: bool = False,
) -> Expectation:
    """Return an expectation on the deliveries table; by default it fails if the column is above 0."""
    return Expectation(
        name=name,
        description=description,
        dimension=dimension,
        severity=severity,
        column=column,
        on_deliveries=True,
        unexpected_rows=None if depends_on_earlier_days else rows_where(fails_if or f"{column} > 0", DELIVERY_INDEX),
        evidence=evidence or (column,),
        causes=causes,
        code=code,
    )


def _words(key: Sequence[Column]) -> str:
    return ", ".join(column.name for column in key)
