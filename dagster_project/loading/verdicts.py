"""Decide which deliveries of a candidate are accepted or rejected, and why. `acceptance.py` applies the verdicts.

Some verdicts depend on others: a file is a copy of another day's only if that day is loaded, and faulty rows of earlier
days count only if those days were accepted. So days are judged one by one, in order of extract date.

A critical limit that one force alone breaks, or that forces break and the delivery as a whole does not, does not reject
the delivery, since the other forces wait for it: days of these forces are not complete.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import duckdb

from dagster_project.contracts import Contract, Severity
from dagster_project.loading.candidate import Candidate, FileLoad
from dagster_project.loading.delivery_facts import Row
from dagster_project.loading.waivers import Waiver, content_of, waivers_of
from dagster_project.sql import rows_as_dicts
from dagster_project.validation import Expectation, Violations, expectations_of
from dagster_project.validation.expectations import FAULTY, FAULTY_DAYS, FAULTY_DAYS_COUNTED, SAME_CONTENT
from dagster_project.warehouse.tables import incoming
from dagster_project.words import listed

# How many copies of one delivery a message names; a file delivered for many days would fill a page.
_COPIES_NAMED = 3


@dataclass(frozen=True)
class Incomplete:
    """Days of a force, or of all forces of a source, that are not complete: the delivery fails an expectation."""

    force_code: str | None
    """The force; None for all of them."""
    expectation: str
    first_day: date
    last_day: date
    reason: str


@dataclass(frozen=True)
class Verdict:
    """The decision on one delivery."""

    extract_date: date
    codes: tuple[str, ...] = ()
    """Reasons for a rejection: codes of unreadable files, reason codes or names of failed expectations."""
    reason: str | None = None
    """The reasons in sentences; for an accepted delivery, the operator's waiver if it has one, otherwise None."""
    accepted_despite: tuple[str, ...] = ()
    """Names of the critical expectations that fail, if an operator accepted the delivery."""
    accepted_because: str | None = None
    """The reason of that operator."""
    incomplete: tuple[Incomplete, ...] = ()
    """What is not complete although the delivery is accepted; none that an operator accepted."""

    @property
    def is_accepted(self) -> bool:
        """Whether the delivery is accepted."""
        return not self.codes


@dataclass(frozen=True)
class Judgement:
    """The verdicts on a candidate, and the violations of all its expectations."""

    verdicts: Mapping[date, Verdict]
    violations: tuple[Violations, ...]
    """In the order of `expectations_of`; only those that were computed."""
    facts: Mapping[Row, Mapping[str, Any]]
    """Rows of the deliveries table; days with a file that cannot be read are left out."""
    rows_of_days: Mapping[date, tuple[int, int]]
    """For each of those days, rows read and faulty rows of the 28 days up to it."""


@dataclass
class _Loaded:
    """The loaded days of a source, updated while its days are judged in order."""

    rows: dict[str | None, dict[date, tuple[int, int]]]
    """For each force, and None for all of them, rows read and faulty rows of each accepted day."""
    files: dict[date, dict[str, str]]
    """For each accepted day, hash and name of its files with data rows."""
    days_with: dict[str, set[date]] = field(default_factory=lambda: defaultdict(set))
    """For each hash, the days with such a file."""

    def __post_init__(self) -> None:
        for day, files in self.files.items():
            for sha256 in files:
                self.days_with[sha256].add(day)

    def replace(self, day: date, rows: Mapping[str | None, tuple[int, int]], files: dict[str, str]) -> None:
        """Replace the loaded delivery of a day with an accepted one."""
        for sha256 in self.files.get(day, {}):
            self.days_with[sha256].discard(day)
        for force in self.rows.keys() | rows.keys():
            self.rows[force][day] = rows.get(force, (0, 0))
        self.files[day] = files
        for sha256 in files:
            self.days_with[sha256].add(day)

    def rows_of_days(self, force: str | None, day: date, own: tuple[int, int]) -> tuple[int, int]:
        """Return rows read and faulty rows of the 28 days up to a day, its own included."""
        before = (day - timedelta(days=number) for number in range(1, FAULTY_DAYS_COUNTED))
        of_force = self.rows[force]
        counted = [own, *(of_force[other] for other in before if other in of_force)]
        return sum(read for read, _ in counted), sum(faulty for _, faulty in counted)

    def copies_of(self, day: date, contents: Mapping[date, Mapping[str, str]]) -> list[tuple[str, str, date]]:
        """Find files of other days with the same content as one of a day: its name, name and day of the copy.

        `contents` are the deliveries that are judged. What is loaded for a later day is no copy if other content is due
        for that day, as after `extractDateOffset` has moved every delivery to the day before.
        """
        return [
            (name, self.files[other][sha256], other)
            for sha256, name in contents[day].items()
            for other in sorted(self.days_with.get(sha256, ()))
            if other < day or (other > day and sha256 in contents.get(other, {sha256}))
        ]


@dataclass(frozen=True)
class _Failure:
    """An expectation that a delivery or one of its forces fails."""

    expectation: Expectation
    force_code: str | None
    facts: Mapping[str, Any]
    """Row of the deliveries table."""
    evidence: str = ""
    """What was found, where the row does not say it."""

    @property
    def code(self) -> str:
        """Code by which the reason is looked up."""
        return self.expectation.code or self.expectation.name

    @property
    def weight(self) -> float:
        """Importance relative to other failures of the expectation."""
        value = self.facts.get(self.expectation.column or "")
        return float(value) if isinstance(value, int | float | Decimal) else 0.0

    @property
    def sentence(self) -> str:
        """Sentence that explains it: numbers, days and codes only, because a measure may use any column."""
        named = [*self.expectation.evidence, *(name for name in self.expectation.causes if self.facts.get(name))]
        values = [(name, self.facts.get(name)) for name in named]
        numbers = [
            f"{name} {value:,.10g}" if not isinstance(value, str) else value
            for name, value in values
            if isinstance(value, str | int | float | Decimal) and not isinstance(value, bool)
        ]
        found = self.evidence or ", ".join(numbers)
        of_force = f"force {self.force_code}: " if self.force_code else ""
        return f"{of_force}{self.expectation.description}{f' Found: {found}.' if found else ''} [{self.code}]"


def judge(connection: duckdb.DuckDBPyConnection, candidate: Candidate, violations: Sequence[Violations]) -> Judgement:
    """Decide whether each delivery of a candidate is accepted, and add the warnings about it to its first file.

    Args:
        connection: a loading connection, before any part of the candidate is accepted.
        candidate: the candidate load.
        violations: violations of the expectations that look at one delivery at a time.

    Returns:
        A verdict for each delivery, and all violations, including those of expectations that depend on other days.
    """
    contract = candidate.contract
    facts = _facts(connection, contract)
    waivers = waivers_of(connection, contract.source)
    expectations = {item.name: item for item in expectations_of(contract)}
    by_earlier_days = {name: item for name, item in expectations.items() if item.depends_on_earlier_days}
    failures: dict[date, list[_Failure]] = defaultdict(list)
    for item in violations:
        for day, force in item.failed:
            failures[day].append(_Failure(item.expectation, force, facts.get((day, force), {})))
    failed: dict[str, list[Row]] = {name: [] for name in by_earlier_days}
    verdicts: dict[date, Verdict] = {}
    rows_of_days: dict[date, tuple[int, int]] = {}
    loaded = _loaded(connection, contract, candidate.days)
    contents = {
        day: {
            file.sha256: file.file_name
            for file in candidate.of(day)
            if file.sha256 and file.rows_read and not file.is_history
        }
        for day in candidate.days
    }
    forces_of: dict[date, list[str | None]] = defaultdict(list)
    for day, force in facts:
        forces_of[day].append(force)
    for day in candidate.days:
        found = failures[day]

        def fail(name: str, day: date, force: str | None, evidence: str, found: list[_Failure] = found) -> None:
            failed[name].append((day, force))
            found.append(_Failure(by_earlier_days[name], force, facts[day, force], evidence))

        own: dict[str | None, tuple[int, int]] = {}
        for force in forces_of[day]:
            of_force = facts[day, force]
            own[force] = int(of_force["rows_read"]), int(of_force["faulty_rows"])
            of_days = loaded.rows_of_days(force, day, own[force])
            if force is None:
                rows_of_days[day] = of_days
            # What is too faulty by itself fails for that; other days add nothing.
            is_over = any(item.expectation.name == FAULTY and item.force_code == force for item in found)
            if not is_over and (evidence := _too_faulty(contract, day, own[force], of_days)):
                fail(FAULTY_DAYS, day, force, evidence)
        if SAME_CONTENT in by_earlier_days and own and (copies := loaded.copies_of(day, contents)):
            named = [f"{name} has the content of {other}, which is loaded for {at}" for name, other, at in copies]
            fail(SAME_CONTENT, day, None, listed(named, _COPIES_NAMED))
        verdicts[day] = _verdict(
            candidate.of(day), day, found, waivers.get((day, content_of(file.sha256 for file in candidate.of(day))))
        )
        if verdicts[day].is_accepted:
            loaded.replace(day, own, contents[day])
        for failure in found:
            if failure.expectation.severity is Severity.WARNING:
                candidate.warn(day, f"fail {failure.expectation.name}", failure.sentence, failure.weight)
    computed = {item.expectation.name: item for item in violations}
    for name, expectation in by_earlier_days.items():
        computed[name] = Violations(expectation, len(facts), len(failed[name]), tuple(failed[name]))
    ordered = tuple(computed[name] for name in expectations if name in computed)
    return Judgement(verdicts, ordered, facts, rows_of_days)


def _verdict(files: Sequence[FileLoad], day: date, found: Sequence[_Failure], waiver: Waiver | None) -> Verdict:
    """Return the verdict on a day, from the expectations that it or one of its forces fails."""
    unreadable = [file for file in files if file.error and not file.is_refused_alone]
    critical = [item for item in found if item.expectation.severity is Severity.CRITICAL]
    # What breaks a limit by one force alone is loaded, since the others wait for it.
    forces = Counter(item.expectation.name for item in critical if item.force_code)
    rejecting = [
        item
        for item in critical
        if item.force_code is None and item.expectation.rejects and forces[item.expectation.name] != 1
    ]
    # Where forces fail, they say which of them is not complete.
    marking = [
        item for item in critical if item not in rejecting and (item.force_code or not forces[item.expectation.name])
    ]
    if waiver and critical and not unreadable:
        despite = tuple(dict.fromkeys(item.expectation.name for item in [*rejecting, *marking]))
        reason = f"accepted by an operator: {waiver.reason} (despite {', '.join(despite)})"
        return Verdict(day, reason=reason, accepted_despite=despite, accepted_because=waiver.reason)
    rejecting = [] if waiver else rejecting
    codes = [file.error_code or "" for file in unreadable] + [item.code for item in rejecting]
    reasons = [file.error or "" for file in unreadable] + [item.sentence for item in rejecting]
    incomplete = tuple(
        Incomplete(
            item.force_code,
            item.expectation.name,
            item.facts.get(f"{item.expectation.column}_since") or day,
            item.facts.get(f"{item.expectation.column}_until") or day,
            item.sentence,
        )
        for item in marking
    )
    return Verdict(day, tuple(codes), "; ".join(reasons) or None, incomplete=() if codes else incomplete)


def _too_faulty(contract: Contract, day: date, own: tuple[int, int], of_days: tuple[int, int]) -> str | None:
    """Return the evidence that a delivery or a force of it is too faulty together with the 28 days up to it."""
    share = Decimal(str(contract.faulty_share_limit))
    (read, faulty), (read_of_days, faulty_of_days) = own, of_days
    is_over = faulty_of_days > contract.faulty_rows_limit and faulty_of_days > share * read_of_days
    if not (faulty > share * read and is_over):
        return None
    return (
        f"{faulty:,} of {read:,} rows faulty, and {faulty_of_days:,} of {read_of_days:,} from "
        f"{day - timedelta(days=FAULTY_DAYS_COUNTED - 1)} to {day}"
    )


def _loaded(connection: duckdb.DuckDBPyConnection, contract: Contract, days: Sequence[date]) -> _Loaded:
    """Return the loaded days of the source before the candidate is judged."""
    loaded = _Loaded(defaultdict(dict), {})
    if not days:
        return loaded
    first = min(days) - timedelta(days=FAULTY_DAYS_COUNTED - 1)
    for force, day, read, faulty in connection.execute(
        """
        select
            if(grouping(force_code) = 1, null, force_code),
            extract_date,
            cast(sum(rows_read) as bigint),
            cast(sum(rows_quarantined - rows_repeated) as bigint)
        from audit.accepted_force
        where source = $source and extract_date between $first and $last
        group by grouping sets ((extract_date), (extract_date, force_code))
        having grouping(force_code) = 1 or force_code is not null
        """,
        {"source": contract.source, "first": first, "last": max(days)},
    ).fetchall():
        loaded.rows[force][day] = read, faulty
    files: dict[date, dict[str, str]] = defaultdict(dict)
    for day, sha256, name in connection.execute(
        """
        select extract_date, file_sha256, file_name
        from audit.accepted_load
        where source = ? and rows_read > 0 and file_sha256 is not null
        order by load_id
        """,
        [contract.source],
    ).fetchall():
        files[day][sha256] = name
    return _Loaded(loaded.rows, dict(files))


def _facts(connection: duckdb.DuckDBPyConnection, contract: Contract) -> dict[Row, dict[str, Any]]:
    cursor = connection.execute(f"select * from {incoming(contract, 'deliveries')} order by extract_date, force_code")
    return {(row["extract_date"], row["force_code"]): row for row in rows_as_dicts(cursor)}
