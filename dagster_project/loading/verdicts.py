"""Decide which deliveries of a candidate are accepted or rejected, and why. `acceptance.py` applies the verdicts.

Some verdicts depend on others: a file is a copy of another day's only if that day is loaded, and faulty rows of earlier
days count only if those days were accepted. So days are judged one by one, in order of extract date.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

import duckdb

from dagster_project.contracts import Contract, Severity
from dagster_project.extracts.rows import DUPLICATE_ROW, SUPERSEDED_ROW
from dagster_project.loading.candidate import Candidate
from dagster_project.loading.waivers import content_of, waivers_of
from dagster_project.sql import rows_as_dicts
from dagster_project.validation import Expectation, Violations, expectations_of
from dagster_project.validation.expectations import (
    FAULTY,
    FAULTY_DAYS,
    FAULTY_DAYS_COUNTED,
    SAME_CONTENT,
)
from dagster_project.warehouse.tables import incoming
from dagster_project.words import listed

# How many copies of one delivery a message names; a file delivered for many days would fill a page.
_COPIES_NAMED = 3


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
    facts: Mapping[date, Mapping[str, object]]
    """Rows of the deliveries table by extract date; days with a file that cannot be read are left out."""
    rows_of_days: Mapping[date, tuple[int, int]]
    """For each of those days, rows read and faulty rows of the 28 days up to it."""


@dataclass
class _Loaded:
    """The loaded days of a source, updated while its days are judged in order."""

    rows: dict[date, tuple[int, int]]
    """For each accepted day, rows read and faulty rows."""
    files: dict[date, dict[str, str]]
    """For each accepted day, hash and name of its files with data rows."""
    days_with: dict[str, set[date]] = field(default_factory=lambda: defaultdict(set))
    """For each hash, the days with such a file."""

    def __post_init__(self) -> None:
        for day, files in self.files.items():
            for sha256 in files:
                self.days_with[sha256].add(day)

    def replace(self, day: date, rows: tuple[int, int], files: dict[str, str]) -> None:
        """Replace the loaded delivery of a day with an accepted one."""
        for sha256 in self.files.get(day, {}):
            self.days_with[sha256].discard(day)
        self.rows[day], self.files[day] = rows, files
        for sha256 in files:
            self.days_with[sha256].add(day)

    def rows_of_days(self, day: date, own: tuple[int, int]) -> tuple[int, int]:
        """Return rows read and faulty rows of the 28 days up to a day, its own included."""
        before = (day - timedelta(days=number) for number in range(1, FAULTY_DAYS_COUNTED))
        counted = [own, *(self.rows[other] for other in before if other in self.rows)]
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


def judge(
    connection: duckdb.DuckDBPyConnection,
    candidate: Candidate,
    violations: Sequence[Violations],
) -> Judgement:
    """Decide whether each delivery of a candidate is accepted.

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
    by_earlier_days = {
        expectation.name: expectation
        for expectation in expectations_of(contract)
        if expectation.depends_on_earlier_days
    }
    failures: dict[date, list[Expectation]] = defaultdict(list)
    for item in violations:
        if item.expectation.severity is Severity.CRITICAL:
            for day in item.failed_dates:
                failures[day].append(item.expectation)
    failed: dict[str, list[date]] = {name: [] for name in by_earlier_days}
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
    for day in candidate.days:
        files = candidate.of(day)
        found = [(expectation, _sentence(expectation, facts.get(day, {}))) for expectation in failures[day]]
        own = (0, 0)
        if day in facts:
            own = _count(facts[day], "rows_read"), _count(facts[day], "faulty_rows")
            rows_of_days[day] = loaded.rows_of_days(day, own)
            # A delivery that is too faulty by itself is rejected for that; other days add nothing.
            is_over = any(expectation.name == FAULTY for expectation in failures[day])
            for name, evidence in _failures_by_earlier_days(contract, loaded, day, own, contents):
                if name in by_earlier_days and not (name == FAULTY_DAYS and is_over):
                    failed[name].append(day)
                    found.append((by_earlier_days[name], _sentence(by_earlier_days[name], {}, evidence)))
        waiver = waivers.get((day, content_of(file.sha256 for file in files)))
        in_spite_of = [expectation.name for expectation, _ in found if waiver]
        standing = [(expectation, sentence) for expectation, sentence in found if expectation.name not in in_spite_of]
        codes = [file.error_code or "" for file in files if file.error]
        codes += [expectation.code or expectation.name for expectation, _ in standing]
        reasons = [*(file.error for file in files if file.error), *(sentence for _, sentence in standing)]
        if not codes:
            loaded.replace(day, own, contents[day])
        waived = (
            f"accepted by an operator: {waiver.reason} (despite {', '.join(in_spite_of)})"
            if waiver and in_spite_of
            else None
        )
        because = waiver.reason if waiver and waived and not codes else None
        verdicts[day] = Verdict(
            day, tuple(codes), "; ".join(reasons) or waived, tuple(in_spite_of) if because else (), because
        )
    computed = {item.expectation.name: item for item in violations}
    for name, expectation in by_earlier_days.items():
        days = tuple(failed[name])
        computed[name] = Violations(expectation, len(facts), len(days), days)
    ordered = [computed[expectation.name] for expectation in expectations_of(contract) if expectation.name in computed]
    return Judgement(verdicts, tuple(ordered), facts, rows_of_days)


def _failures_by_earlier_days(
    contract: Contract, loaded: _Loaded, day: date, own: tuple[int, int], contents: Mapping[date, Mapping[str, str]]
) -> Iterator[tuple[str, str]]:
    """Yield the expectations that fail for a day because of other loaded days, with the evidence."""
    share = Decimal(str(contract.faulty_share_limit))
    (read, faulty), (read_of_days, faulty_of_days) = own, loaded.rows_of_days(day, own)
    is_over = faulty_of_days > contract.faulty_rows_limit and faulty_of_days > share * read_of_days
    if faulty > share * read and is_over:
        yield (
            FAULTY_DAYS,
            f"{faulty:,} of {read:,} rows faulty, and {faulty_of_days:,} of {read_of_days:,} from "
            f"{day - timedelta(days=FAULTY_DAYS_COUNTED - 1)} to {day}",
        )
    if copies := loaded.copies_of(day, contents):
        named = [f"{name} has the content of {other}, which is loaded for {at}" for name, other, at in copies]
        yield SAME_CONTENT, listed(named, _COPIES_NAMED)


def _loaded(connection: duckdb.DuckDBPyConnection, contract: Contract, days: Sequence[date]) -> _Loaded:
    """Return the loaded days of the source before the candidate is judged."""
    if not days:
        return _Loaded({}, {})
    rows = connection.execute(
        """
        with standing as (
            select
                load_id,
                extract_date,
                rows_read
            from audit.accepted_load
            where source = $source and extract_date between $first and $last
        ),

        faulty as (
            select
                load_id,
                count(*) as faulty_rows
            from audit.quarantine
            where
                source = $source
                and load_id in (select load_id from standing)
                and reason_code not in ($duplicate_code, $superseded_code)
            group by load_id
        )

        select
            standing.extract_date,
            cast(sum(standing.rows_read) as bigint),
            cast(coalesce(sum(faulty.faulty_rows), 0) as bigint)
        from standing
        left join faulty on standing.load_id = faulty.load_id
        group by standing.extract_date
        """,
        {
            "source": contract.source,
            "first": min(days) - timedelta(days=FAULTY_DAYS_COUNTED - 1),
            "last": max(days),
            "duplicate_code": DUPLICATE_ROW.code,
            "superseded_code": SUPERSEDED_ROW.code,
        },
    ).fetchall()
    files: dict[date, dict[str, str]] = defaultdict(dict)
    for day, sha256, name, read in connection.execute(
        """
        select extract_date, file_sha256, file_name, rows_read
        from audit.accepted_load
        where source = ?
        order by load_id
        """,
        [contract.source],
    ).fetchall():
        if read and sha256 is not None:
            files[day][sha256] = name
    return _Loaded({day: (read, faulty) for day, read, faulty in rows}, dict(files))


def _facts(connection: duckdb.DuckDBPyConnection, contract: Contract) -> dict[date, dict[str, object]]:
    cursor = connection.execute(f"select * from {incoming(contract, 'deliveries')}")
    return {row["extract_date"]: row for row in rows_as_dicts(cursor)}


def _count(facts: Mapping[str, object], name: str) -> int:
    value = facts[name]
    return int(value) if isinstance(value, int) else 0


def _sentence(expectation: Expectation, facts: Mapping[str, object], evidence: str = "") -> str:
    """Return the sentence that explains a rejection by a failed expectation."""
    found = evidence or _numbers(expectation, facts)
    sentence = f"{expectation.description} Found: {found}." if found else expectation.description
    return f"{sentence} [{expectation.code or expectation.name}]"


def _numbers(expectation: Expectation, facts: Mapping[str, object]) -> str:
    """Return the numbers that explain a rejection; numbers only, because a measure may use any column."""
    named = [*expectation.evidence, *(name for name in expectation.causes if facts.get(name))]
    numbers = [
        f"{name} {value:,.10g}"
        for name in named
        if isinstance(value := facts.get(name), int | float | Decimal) and not isinstance(value, bool)
    ]
    return ", ".join(numbers)
