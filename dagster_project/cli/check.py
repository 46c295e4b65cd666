"""`fcir check`: report what a run would do with files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from os.path import lexists
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dagster_project.cli.exits import Exit
from dagster_project.cli.options import named_contracts
from dagster_project.config import contracts_of
from dagster_project.console import aligned, is_json, report_as, say
from dagster_project.contracts import Contract, load_contracts
from dagster_project.errors import UsageError
from dagster_project.extracts.personal import looks_personal
from dagster_project.loading.landing import extract_dates_of
from dagster_project.settings import CONTRACTS, LogFormat, Settings, read_settings
from dagster_project.words import counted, listed, printable

# Rows that are shown as delivered and as loaded, of one file of a source whose contract is not a shipped one.
_ROWS_COMPARED = 3
# Numbers of rows by their name in the JSON form, and their attribute of a load.
_COUNTS = {"rows_good": "rows_loaded"} | {
    name: name for name in ("rows_read", "rows_quarantined", "rows_repeated", "totals_rows")
}
# A broken header may have thousands of unknown columns.
_COLUMNS_NAMED = 20
# Days with one kind of warning that are listed one by one, and rejected days that are named.
_DAYS_NAMED, _REJECTED_NAMED = 3, 20

if TYPE_CHECKING:
    from dagster_project.loading.candidate import DayWarning, FileLoad
    from dagster_project.loading.dry_run import CheckedDelivery, CheckedFile


def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Extracts to check.")],
    source: Annotated[
        str | None,
        typer.Option("--source", metavar="SOURCE", help="Source of the files, if their names do not say it."),
    ] = None,
    rows: Annotated[
        int, typer.Option("--rows", min=0, help="Different reasons to show for each file, with their rows.")
    ] = 20,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON Lines: files, rows, counts and verdicts.")
    ] = False,
) -> None:
    """Show what a run would do with extracts, without loading them: rows, faults, and the verdict on each delivery.

    Files of one source and day form one delivery, together with those for that
    day in the landing folder. Exit code 1 if a delivery would be rejected, or
    days of a force would not be complete.

    Examples:
      fcir check crimes_2022-10-30.csv
      fcir check export.csv --source crimes --rows 5
    """
    settings = read_settings()
    if as_json:
        report_as(LogFormat.JSON)
    checked = check_files(settings, files, source=source, shown=rows)
    print_checks(checked)
    is_well = all(delivery.verdict.is_accepted and not delivery.verdict.incomplete for delivery in checked)
    raise typer.Exit(Exit.WELL if is_well else Exit.DATA)


def check_files(settings: Settings, paths: Sequence[Path], *, source: str | None, shown: int) -> list[CheckedDelivery]:
    """Read files as a run would, in memory and with a temporary key, and return their deliveries.

    The deliveries are ordered by source, oldest first. Files of one source and day are one delivery. Without `source`,
    it is derived from their names. At most `shown` quarantined rows of each file are returned.

    Raises:
        UsageError: a source cannot be determined, or a file does not exist.
    """
    # Imported here, since it imports the readers.
    from dagster_project.loading.dry_run import check_deliveries

    shipped, known = load_contracts(CONTRACTS), contracts_of(settings)
    by_source: dict[str, list[Path]] = {}
    contracts: dict[str, Contract] = {}
    for path in paths:
        check_path(path)
        contract = contract_for(settings, known, path, source)
        contracts[contract.source] = contract
        by_source.setdefault(contract.source, []).append(path)
    return [
        delivery
        for name, files in by_source.items()
        for delivery in check_deliveries(
            settings,
            contracts[name],
            files,
            shown=shown,
            compared=0 if contracts[name] == shipped.get(name) else _ROWS_COMPARED,
        )
    ]


def contract_for(settings: Settings, contracts: Mapping[str, Contract], file: Path, source: str | None) -> Contract:
    """Return the contract of a file: that of the named source, otherwise by the file's name.

    Raises:
        UsageError: the source is unknown, or the name is not that of an extract.
    """
    if source:
        return next(iter(named_contracts(settings, [source]).values()))
    for name, contract in contracts.items():
        if extract_dates_of(file.name, name):
            return contract
    known = ", ".join(contracts)
    raise UsageError(
        f"{printable(file.name)}: not named SOURCE_YYYY-MM-DD*.EXT; name the source with --source ({known})"
    )


def check_path(path: Path) -> None:
    """Raise `UsageError` for a path that no run would read: a personal name, a folder, or no file at all."""
    if looks_personal(path.name):
        raise UsageError(
            "the name of a file contains an email address, a telephone number or a National Insurance number, so no "
            "run loads it. Rename it, then run: fcir check FILE"
        )
    if path.is_dir() and not path.is_symlink():
        raise UsageError(f"{printable(str(path))}: is a folder; name files: fcir check {printable(str(path))}/*")
    if not lexists(path):
        raise UsageError(f"{printable(str(path))}: no such file; nothing was checked. See its name: ls")


def print_checks(deliveries: Sequence[CheckedDelivery]) -> None:
    """Print the results for deliveries; days of a file of history with the same outcome together."""
    together: dict[object, list[CheckedDelivery]] = {}
    for delivery in deliveries:
        together.setdefault(_printed_together(delivery), []).append(delivery)
    notes: Counter[str] = Counter()
    for days in together.values():
        for days_of_file in zip(*(delivery.files for delivery in days), strict=True):
            notes.update(text for text, _ in _notes([day.load for day in days_of_file]))
        notes.update(days[0].notes)
    for days in together.values():
        _print_check(days, notes)
    files = {file.path for delivery in deliveries for file in delivery.files}
    if len(files) > 1:
        _print_summary(deliveries, len(files))


def _print_summary(deliveries: Sequence[CheckedDelivery], files: int) -> None:
    """Print how many deliveries of several files would be accepted, and which would be rejected."""
    rejected = [delivery for delivery in deliveries if not delivery.verdict.is_accepted]
    accepted = [delivery for delivery in deliveries if delivery.verdict.is_accepted]
    loads = [[file.load for file in delivery.files] for delivery in accepted]
    lost = sum(any(load.rows_read for load in of) and not any(load.rows_loaded for load in of) for of in loads)
    without = f" ({lost:,} of them without a good row)" if lost else ""
    text = f"In all {counted(files, 'file')}: {counted(len(accepted), 'delivery')} accepted{without}"
    say(f"{text}, {len(rejected):,} rejected", files=files, accepted=len(accepted), rejected=len(rejected))
    for delivery in rejected[:_REJECTED_NAMED]:
        source, day, codes = delivery.contract.source, delivery.extract_date, delivery.verdict.codes
        names = listed([printable(file.path.name) for file in delivery.files], 1)
        text = f"  REJECTED: {source} of {day} ({names}): {', '.join(codes)}"
        say(text, level="error", source=source, extract_date=day, reason_codes=list(codes))
    if more := rejected[_REJECTED_NAMED:]:
        say(f"  and {len(more):,} more")


def _print_check(deliveries: Sequence[CheckedDelivery], notes: Counter[str]) -> None:
    """Print the result for a delivery, or for days together: files with their rows, then verdict and reasons."""
    first, last = deliveries[0], deliveries[-1]
    source, dates, days = first.contract.source, {"extract_date": first.extract_date}, str(first.extract_date)
    if len(deliveries) > 1:
        dates = {"first_day": first.extract_date, "last_day": last.extract_date}
        days = f"{first.extract_date} to {last.extract_date} ({counted(len(deliveries), 'day')})"
    for days_of_file in zip(*(delivery.files for delivery in deliveries), strict=True):
        about: dict[str, Any] = {"source": source, **dates, "file": printable(days_of_file[0].path.name)}
        dated = f"{days}: " if len(deliveries) > 1 else ""
        _print_file(days_of_file, about, dated, notes, is_accepted=first.verdict.is_accepted)
    for name, other in first.skipped:
        say(f"{name} ({source}): would be skipped: same content as {other}", source=source, file=name)
    _print_verdict(deliveries, days, {"source": source, **dates}, notes)


def _printed_together(delivery: CheckedDelivery) -> object:
    """Return what is equal for days of a file of history that are printed together, and different for all others."""
    if len(delivery.files) == 1 and delivery.files[0].load.is_history:
        return delivery.files[0].path, delivery.verdict.is_accepted, delivery.verdict.codes
    return delivery.contract.source, delivery.extract_date


def _print_file(
    days: Sequence[CheckedFile], about: dict[str, Any], dated: str, notes: Counter[str], *, is_accepted: bool
) -> None:
    """Print what would be loaded of a file, its warnings and its quarantined rows."""
    loads, title = [day.load for day in days], f"{about['file']} ({about['source']})"
    if error := loads[0].error:
        # The verdict says why.
        text = f"{title}: would be REJECTED: {dated}it cannot be read"
        say(text, **about, error=error, reason_code=loads[0].error_code)
        _print_notes(loads, about, notes)
        return
    counts = {name: sum(getattr(load, attribute) for load in loads) for name, attribute in _COUNTS.items()}
    loaded, read, quarantined, repeated, totals = counts.values()
    besides = f", {repeated:,} of them because they repeat others" if repeated else ""
    besides += f"; {counted(totals, 'totals row')} left out" if totals else ""
    say(
        f"{title}: {'would be loaded' if is_accepted else 'would be REJECTED'}: {dated}{counted(read, 'row')} read, "
        f"{loaded:,} good, {quarantined:,} quarantined{besides}",
        **about,
        **counts,
    )
    _print_notes(loads, about, notes)
    reasons: Counter[str] = Counter()
    for day in days:
        reasons.update(dict(day.reasons))
    for code, count in reasons.items():
        say(f"  {count:>7,}  {code}", **about, reason_code=code, count=count)
    rows: dict[tuple[str, str, str], tuple[int, int]] = {}
    for day in days:
        for row, others, column, code, reason in day.rows:
            first, before = rows.get((column, code, reason), (row, -1))
            rows[column, code, reason] = first, before + others + 1
    for (column, code, reason), (row, others) in rows.items():
        _print_rows(row, others, column, code, reason, about)
    _print_first_rows(days[0].first_rows, about)
    empty = sum(not load.rows_read for load in loads)
    if empty and len(days) > 1:
        text = f"  {counted(empty, 'day')} without rows, which are loaded as days without events"
        say(text, **about, days_without_rows=empty)


def _warnings(loads: Sequence[FileLoad]) -> Iterator[str]:
    """Yield the warnings of one or several days: equal ones with their number, and the worst of many of one kind."""
    alike: dict[str, list[tuple[FileLoad, str | DayWarning]]] = {}
    for load in loads:
        for warning in load.warnings:
            alike.setdefault(warning if isinstance(warning, str) else warning.kind, []).append((load, warning))
    for kind, found in alike.items():
        of_days = [warning for _, warning in found if not isinstance(warning, str)]
        if len(of_days) > _DAYS_NAMED and len(loads) > 1:
            worst = max(of_days, key=lambda warning: warning.weight)
            yield f"{counted(len(of_days), 'day')} {kind}; the most: {worst}"
        elif of_days or len(loads) == 1:
            yield from (str(warning) for _, warning in found)
        else:
            more = f" and {len(found) - 1:,} more" if len(found) > 1 else ""
            yield f"{found[0][0].extract_date}{more}: {kind}"


def _print_rows(row: int, others: int, column: str, code: str, reason: str, about: dict[str, Any]) -> None:
    """Print a reason of quarantined rows, with its first row and how many others have it."""
    equal = f" and {counted(others, 'other')}" if others else ""
    where = f"row {row}{equal}{', column ' + column if column else ''}"
    say(
        f"  {where}: {reason.removeprefix(f'{column}: ')} [{code}]",
        **about,
        row=row,
        equal_rows=others,
        column=column or None,
        reason_code=code,
        reason=reason,
    )


def _print_first_rows(cells: Sequence[tuple[int, str, str, str]], about: dict[str, Any]) -> None:
    if is_json():
        for row, column, text, value in cells:
            say(
                f"row {row}, {column}: {text or 'empty'} is loaded as {value or 'no value'}",
                **about,
                row=row,
                column=column,
            )
    elif cells:
        lines = [(str(row), column, text, value) for row, column, text, value in cells]
        for line in aligned(("row", "column", "in the file", "loaded as"), lines, right=("row",)):
            say(f"  {line}")


def _notes(loads: Sequence[FileLoad]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the warnings of a file and the line of its unknown columns, each with its fields."""
    for warning in () if loads[0].error else _warnings(loads):
        yield f"  warning: {warning}", {"level": "warning"}
    if columns := loads[0].unknown_columns:
        named = listed([f"'{column}'" for column in columns], _COLUMNS_NAMED)
        yield f"  columns not in the contract: {named}", {"unknown_columns": list(columns)}


def _print_notes(loads: Sequence[FileLoad], about: dict[str, Any], notes: Counter[str]) -> None:
    """Print the warnings and the unknown columns of a file; for people, those of several files once."""
    for text, fields in _notes(loads):
        if is_json():
            say(text, **about, **fields)
        elif files := notes.pop(text, 0):
            say(text + (f" (also of {counted(files - 1, 'other file')})" if files > 1 else ""), **about, **fields)


def _print_verdict(
    deliveries: Sequence[CheckedDelivery], days: str, about: dict[str, Any], notes: Counter[str]
) -> None:
    """Print the verdict on a delivery, or on days with the same verdict; the facts only of one that is alone."""
    delivery, is_alone = deliveries[0], len(deliveries) == 1
    source, day, verdict = delivery.contract.source, delivery.extract_date, delivery.verdict
    facts = delivery.facts if is_alone else {}
    if delivery.others:
        what = counted(len(delivery.others), "other file")
        say(f"  with {what} of {day} in the landing folder: {', '.join(delivery.others)}")
    fields: dict[str, Any] = {}
    if facts:
        read, faulty, expected = (facts[name] for name in ("rows_read", "faulty_rows", "expected_rows"))
        usual = f"usual for {_kind_of_day(day)}: "
        usual += "not known yet" if expected is None else f"{expected:,.0f} (median of {facts['expected_from_days']})"
        if delivery.contract.is_daily:
            say(f"  volume: {counted(read, 'row')}; {usual}", source=source, rows_read=read, rows_usual=expected)
        line = f"  faulty: {faulty:,} of {counted(read, 'row')}"
        counts = {"faulty_rows": faulty}
        if delivery.is_compared and delivery.rows_of_days:
            counts["rows_of_28_days"], counts["faulty_rows_of_28_days"] = delivery.rows_of_days
            line += (
                f", and {counts['faulty_rows_of_28_days']:,} of {counts['rows_of_28_days']:,} with the accepted "
                "deliveries of the 27 days before"
            )
        limit = f"{delivery.contract.faulty_share_limit:.0%} and {counted(delivery.contract.faulty_rows_limit, 'row')}"
        say(f"{line}; rejected above {limit}", source=source, extract_date=day, **counts)
        fields = {"rows_read": read, "faulty_rows": faulty, "rows_usual": expected}
    has_gaps = (deliveries[-1].extract_date - day).days >= len(deliveries)
    if has_gaps and not verdict.is_accepted:
        names = [str(other.extract_date) for other in deliveries]
        say(f"  rejected days: {listed(names, _REJECTED_NAMED)}", **about, days=names)
    for note in delivery.notes:
        if is_json() or notes.pop(note, 0):
            say(f"  note: {note}")
    outcome = "accepted" if verdict.is_accepted else "REJECTED"
    if is_alone and verdict.is_accepted and delivery.is_replacement:
        outcome += (
            "; it is already loaded, and a run has nothing to do"
            if delivery.is_loaded
            else ", and replaces what is loaded for the day"
        )
    of_first = f"; of {day}" if len({other.verdict.reason for other in deliveries}) > 1 else ""
    why = f"{of_first}: {verdict.reason}" if verdict.codes else ""
    if is_alone and verdict.reason and not verdict.codes:
        why = f" ({verdict.reason})"
    say(
        f"  verdict on {source} of {days}: {outcome}{why}",
        level="info" if verdict.is_accepted else "error",
        **about,
        verdict="accepted" if verdict.is_accepted else "rejected",
        reason_codes=list(verdict.codes),
        reason=verdict.reason,
        **fields,
    )
    for item in verdict.incomplete:
        since = f" from {item.first_day}" if item.first_day < day else ""
        fields = {"force": item.force_code, "expectation": item.expectation}
        say(f"  not complete{since}: {item.reason}", level="error", **about, **fields)
    if verdict.codes and not any(file.load.error for file in delivery.files):
        say("  If it is correct, accept it after a run has rejected it: docs/runbook.md (fcir run --accept)")


def _kind_of_day(day: date) -> str:
    """Return the kind of day with which the volume of a day is compared."""
    from dagster_project.loading.delivery_facts import bank_holidays

    return "a Sunday (it is a bank holiday)" if day in bank_holidays() else f"a {day:%A}"
