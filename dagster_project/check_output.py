"""What `fcir check` prints of a delivery: its files and rows, what a verdict rests on, and the verdict."""

from __future__ import annotations

from datetime import date
from typing import Any

from dagster_project.dry_run import CheckedDelivery
from dagster_project.extracts.errors import printable
from dagster_project.loading.delivery_facts import bank_holidays
from dagster_project.reporting import say


def show_check(delivery: CheckedDelivery) -> None:
    """Print what a run would say of a delivery: its files with their rows, then the verdict and what it rests on."""
    source, day, verdict = delivery.contract.source, delivery.extract_date, delivery.verdict
    about: dict[str, Any] = {"source": source, "extract_date": day}
    would = "would be loaded" if verdict.is_accepted else "would be REJECTED"
    for file in delivery.files:
        name, load = printable(file.path.name), file.load
        about["file"] = name
        if load.error:
            say(f"{source}: would be REJECTED: {load.error}", **about, error=load.error, reason_code=load.error_code)
            continue
        say(
            f"{name} ({source}): {would}: {_counted(load.rows_read, 'row')} read, {load.rows_loaded:,} good, "
            f"{load.rows_quarantined:,} quarantined",
            **about,
            rows_read=load.rows_read,
            rows_good=load.rows_loaded,
            rows_quarantined=load.rows_quarantined,
        )
        for warning in load.warnings:
            say(f"  warning: {warning}", level="warning", **about)
        for code, count in file.reasons:
            say(f"  {count:>7,}  {code}", **about, reason_code=code, count=count)
        for row, column, code, reason in file.rows:
            where = f"row {row}{', column ' + column if column else ''}"
            say(
                f"  {where}: {reason} [{code}]",
                **about,
                row=row,
                column=column or None,
                reason_code=code,
                reason=reason,
            )
    for name, other in delivery.skipped:
        say(f"{name} ({source}): would be skipped: same content as {other}", source=source, file=name)
    _show_verdict(delivery)


def _show_verdict(delivery: CheckedDelivery) -> None:
    source, day, verdict, facts = delivery.contract.source, delivery.extract_date, delivery.verdict, delivery.facts
    if delivery.others:
        what = _counted(len(delivery.others), "other file")
        say(f"  with {what} of {day} in the landing folder: {', '.join(delivery.others)}")
    fields: dict[str, Any] = {}
    if facts:
        read, faulty, expected = (facts[name] for name in ("rows_read", "faulty_rows", "expected_rows"))
        usual = f"usual for {_kind_of_day(day)}: "
        usual += "not known yet" if expected is None else f"{expected:,.0f} (median of {facts['expected_from_days']})"
        if delivery.contract.is_daily:
            say(f"  volume: {_counted(read, 'row')}; {usual}", source=source, rows_read=read, rows_usual=expected)
        said = f"  faulty: {faulty:,} of {_counted(read, 'row')}"
        counts = {"faulty_rows": faulty}
        if delivery.is_compared and delivery.rows_of_days:
            counts["rows_of_28_days"], counts["faulty_rows_of_28_days"] = delivery.rows_of_days
            said += (
                f", and {counts['faulty_rows_of_28_days']:,} of {counts['rows_of_28_days']:,} with the accepted "
                "deliveries of the 27 days before"
            )
        limit = f"{delivery.contract.faulty_share_limit:.0%} and {_counted(delivery.contract.faulty_rows_limit, 'row')}"
        say(f"{said}; rejected above {limit}", source=source, extract_date=day, **counts)
        fields = {"rows_read": read, "faulty_rows": faulty, "rows_usual": expected}
    for note in delivery.notes:
        say(f"  note: {note}")
    outcome = "accepted" if verdict.is_accepted else "REJECTED"
    if verdict.is_accepted and delivery.is_replacement:
        outcome += (
            "; it is loaded already, and a run has nothing to do"
            if delivery.is_loaded
            else ", in place of what is loaded for the day"
        )
    why = f" [{', '.join(verdict.codes)}]: {verdict.reason}" if verdict.codes else ""
    why = why or (f" ({verdict.reason})" if verdict.reason else "")
    say(
        f"  verdict on {source} of {day}: {outcome}{why}",
        level="info" if verdict.is_accepted else "error",
        source=source,
        extract_date=day,
        verdict="accepted" if verdict.is_accepted else "rejected",
        reason_codes=list(verdict.codes),
        reason=verdict.reason,
        **fields,
    )
    if verdict.codes and not any(file.load.error for file in delivery.files):
        say("  If it is right as it is, a run can accept it once it was rejected: docs/runbook.md (fcir run --accept)")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _kind_of_day(day: date) -> str:
    """What the volume of a day is compared with."""
    return "a Sunday (it is a bank holiday)" if day in bank_holidays() else f"a {day:%A}"
