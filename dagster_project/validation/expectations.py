"""List the expectations on a source: those on every delivery (`expectations/deliveries.yaml`), then its contract's.

There are none for the column definitions
of the contract (types, closed lists, bounds, order of times, required cells, keys), because reading already quarantines
rows that break them (`extracts/rows.py`, `loading/candidate.py`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from dagster_project.contracts import FORCE_COLUMN, Contract, ContractError, Rule, Severity
from dagster_project.settings import CONTRACTS
from dagster_project.validation.unexpected_rows import (
    DELIVERY_INDEX,
    NOT_NULL,
    ROW_INDEX,
    UnexpectedRows,
    compile_rule,
    rows_where,
)

_DELIVERIES = CONTRACTS / "deliveries.yaml"

# Three times the median of the weekday: above the volume of a storm or a night of disorder, below that of a month
# delivered as one day.
VOLUME_CEILING = 3.0

_DAYS_COMPARED = (
    "the same weekday in the eight weeks before (median; a bank holiday counts as a Sunday; if fewer than three of "
    "these days are loaded, the newest three of half a year)"
)

FAULTY = "faulty_rows_are_within_limits"
"""Name of the expectation on the faulty rows of a delivery by itself."""

FAULTY_DAYS, SAME_CONTENT = "faulty_rows_of_28_days_are_within_limits", "content_is_of_one_day"
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
    rejects: bool = True
    """Whether a critical failure of the whole delivery rejects it; else the day is loaded, and is not complete."""

    @property
    def depends_on_earlier_days(self) -> bool:
        """Whether it depends on the verdicts on earlier days, so that days are judged one by one."""
        return self.unexpected_rows is None

    @property
    def consequence(self) -> str:
        """Effect of a failure on the delivery, as a sentence."""
        if self.severity is Severity.CRITICAL and self.rejects:
            return (
                "A failure rejects the delivery, one of a single force leaves the day of that force incomplete, unless "
                "an operator accepts it."
            )
        if self.severity is Severity.CRITICAL:
            return "A failure leaves the day incomplete, unless an operator accepts it."
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
    groups = _groups_of(contract)
    words: dict[str, object] = {
        "contract": contract,
        "key": ", ".join(column.name for column in contract.key),
        "identity": ", ".join(column.name for column in contract.key[:1]),
        "main_list": f" ({contract.main_list})" if contract.main_list else "",
        "days_compared": _DAYS_COMPARED,
        "volume_ceiling": VOLUME_CEILING,
    }
    for stated in _stated():
        if groups[stated.get("applies_to", "all")]:
            fails_if = stated.get("fails_if")
            yield Expectation(
                name=stated["name"],
                description=stated["description"].format(**words),
                dimension=stated["dimension"],
                severity=Severity(stated.get("severity", Severity.WARNING)),
                column=stated["column"],
                on_deliveries=True,
                unexpected_rows=rows_where(fails_if.format(**words), DELIVERY_INDEX) if fails_if else None,
                evidence=tuple(stated.get("evidence", (stated["column"],))),
                causes=tuple(stated.get("causes", ())),
                code=stated.get("code", ""),
                rejects=stated.get("rejects", True),
            )


def _groups_of(contract: Contract) -> dict[str, bool]:
    """Return for each value of `applies_to` whether it means the source."""
    has_events = contract.event_column is not None
    return {
        "all": True,
        "a key": bool(contract.key),
        "an optional force": not contract.column(FORCE_COLUMN).is_required,
        "daily deliveries": contract.is_daily,
        "events": has_events,
        "events on their day": has_events and contract.is_daily and not contract.allows_events_outside_day,
        "identified events": contract.identity_time is not None and bool(contract.key),
        "a main list": contract.main_list is not None and contract.is_daily,
        "times with an offset": any(column.utc_offset_from for column in contract.columns),
    }


@cache
def _stated() -> tuple[Mapping[str, Any], ...]:
    import yaml

    return tuple(yaml.safe_load(_DELIVERIES.read_text(encoding="utf-8")))


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
