"""Demand that comes back, chats held at once and the ledger of digital contacts, computed the slow and plain way.

A second opinion for the dbt models, as `measures` is: loops over lists of events, no SQL.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise

from tests.reference.history import CONTACT_TYPES
from tests.reference.measures import (
    MILLION,
    CallRules,
    Month,
    NaiveWarehouse,
    Row,
    days_of,
    held_pieces,
    in_force,
    is_short,
    local,
    microseconds,
    month_of,
    months_between,
    percent,
    rounded,
)

FIRST_OF_AN_INSTANT = ("999", "101", "digital")
DISPLACEMENT = ("call_segments", "digital_contacts")
LEDGER = ("digital_contacts", "online_crime_reports", "live_chats")


def known_months(naive: NaiveWarehouse, sources: Iterable[str]) -> dict[Month, bool]:
    """Months from the first to the last that any source delivered, and whether every source did."""
    per_source = [{(day.year, day.month) for day in naive.delivered[source]} for source in sources]
    every, some = set.intersection(*per_source), set.union(*per_source)
    return {month: month in every for month in months_between(min(some), max(some))} if some else {}


def completeness(naive: NaiveWarehouse, sources: Iterable[str], month: Month) -> Row:
    """How much of the month the source with the fewest days has."""
    days = days_of(month)
    loaded = min(sum(day in naive.delivered[source] for day in days) for source in sources)
    return {"is_provisional": loaded < len(days), "share_of_days_loaded": percent(loaded, len(days))}


def is_answered(naive: NaiveWarehouse, call: Row) -> bool | None:
    """Whether a call counts as answered by the rules of its day; None where it does not count as received."""
    rules: CallRules | None = in_force(naive.definitions.calls[call["line"]], naive.force, local(call["at"]).date())
    if rules is None or is_short(call, rules):
        return None
    return call["answered"] or (rules.called_back_is_answered and call["back"] is not None)


def steps(naive: NaiveWarehouse, caller: str) -> list[tuple[datetime, str, bool]]:
    """Calls and contacts of a caller: when, by which channel, and whether somebody was reached."""
    found = [
        (call["at"], call["line"], is_answered(naive, call) is True)
        for call in naive.calls
        if call["line"] in ("999", "101") and call["caller"] == caller
    ]
    return found + [(c["received_at"], "digital", True) for c in naive.contacts if c["linked_reference"] == caller]


def unanswered(naive: NaiveWarehouse) -> list[Row]:
    """Calls to 101 that were not answered."""
    return [call for call in naive.calls if call["line"] == "101" and is_answered(naive, call) is False]


def returns(naive: NaiveWarehouse, call: Row) -> list[tuple[datetime, str, bool]]:
    """How the caller came back. Of an unknown caller that cannot be seen."""
    if call["caller"] is None:
        return []
    later = steps(naive, call["caller"])
    return [found for found in later if timedelta(0) < found[0] - call["at"] < timedelta(hours=24)]


def displacement(naive: NaiveWarehouse) -> dict[tuple[date], Row]:
    """Return the expected rows of kpi_displacement_monthly for the force, by month."""
    rows: dict[tuple[date], Row] = {}
    for month, is_known in known_months(naive, DISPLACEMENT).items():
        calls = [call for call in unanswered(naive) if month_of(call["at"]) == month]
        back = [found for found in (returns(naive, call) for call in calls) if found]
        first = [min(found, key=lambda one: (one[0], FIRST_OF_AN_INSTANT.index(one[1])))[1] for found in back]
        row: Row = {
            "not_answered": len(calls),
            "with_caller": sum(call["caller"] is not None for call in calls),
            "came_back": len(back),
            "answered_on_return": sum(any(reached for _, _, reached in found) for found in back),
        }
        for channel in FIRST_OF_AN_INSTANT:
            row[f"came_back_{channel}"] = sum(any(by == channel for _, by, _ in found) for found in back)
            row[f"first_came_back_{channel}"] = first.count(channel)
        row["pct_came_back"] = percent(row["came_back"], row["with_caller"])
        row["pct_came_back_999"] = percent(row["came_back_999"], row["with_caller"])
        rows[(date(*month, 1),)] = (row if is_known else dict.fromkeys(row)) | completeness(naive, DISPLACEMENT, month)
    return rows


def held(naive: NaiveWarehouse) -> dict[tuple[str, Month], list[Row]]:
    """Pieces of the chats that an operator held in a month, in the months with a complete day."""
    months = {(day.year, day.month) for day in naive.delivered["live_chats"]}
    return {at: pieces for at, pieces in held_pieces(naive.chats).items() if at[1] in months}


def accepted(naive: NaiveWarehouse) -> dict[tuple[str, Month], int]:
    """Chats that an operator accepted by month of request, in the months with a complete day."""
    months = {(day.year, day.month) for day in naive.delivered["live_chats"]}
    found: dict[tuple[str, Month], int] = {}
    for chat in naive.chats:
        at = chat["operator_id"], month_of(chat["requested_at"])
        if chat["accepted_at"] and chat["operator_id"] and at[1] in months:
            found[at] = found.get(at, 0) + 1
    return found


def levels(chats: list[Row]) -> dict[int, int]:
    """Microseconds for which exactly one, two, three ... of one operator's chats were held."""
    points = sorted({chat[name] for chat in chats for name in ("accepted_at", "ended_at")})
    found: dict[int, int] = {}
    for start, end in pairwise(points):
        count = sum(chat["accepted_at"] <= start and end <= chat["ended_at"] for chat in chats)
        if count:
            found[count] = found.get(count, 0) + microseconds(end, start)
    return found


def busy(chats: list[Row]) -> int:
    """Microseconds in which one operator held at least one chat: what each adds to the end of those before."""
    total, latest = 0, datetime.min  # noqa: DTZ901 - naive UTC as in the raw tables
    for chat in sorted(chats, key=lambda chat: chat["accepted_at"]):
        start = max(chat["accepted_at"], latest)
        if chat["ended_at"] > start:
            total += microseconds(chat["ended_at"], start)
            latest = chat["ended_at"]
    return total


def chat_operators(naive: NaiveWarehouse) -> dict[tuple[str, date], Row]:
    """Return the expected rows of kpi_chat_operator_monthly for the force, by operator and month."""
    rows: dict[tuple[str, date], Row] = {}
    pieces, requested = held(naive), accepted(naive)
    for operator, month in pieces.keys() | requested.keys():
        chats = pieces.get((operator, month), [])
        at_least_one = busy(chats)
        lengths = sum(microseconds(chat["ended_at"], chat["accepted_at"]) for chat in chats)
        several = sum(length for level, length in levels(chats).items() if level > 1)
        most = max(
            (sum(c["accepted_at"] <= chat["accepted_at"] < c["ended_at"] for c in chats) for chat in chats), default=0
        )
        hour = 3600 * MILLION
        rows[operator, date(*month, 1)] = {
            "accepted_chats": requested.get((operator, month), 0),
            "operator_hours": rounded(Fraction(at_least_one, hour)),
            "chat_hours": rounded(Fraction(lengths, hour)),
            "avg_concurrent_chats": rounded(Fraction(lengths, at_least_one)) if at_least_one else None,
            "max_concurrent_chats": most,
            "operator_hours_several": rounded(Fraction(several, hour)),
            "pct_time_several": percent(several, at_least_one),
            "holds_several": most >= 2,
        } | completeness(naive, ("live_chats",), month)
    return rows


def chat_levels(naive: NaiveWarehouse) -> dict[tuple[date, int], Row]:
    """Return the expected rows of kpi_chat_concurrency_monthly, by month and number of concurrent chats."""
    totals: dict[Month, dict[int, int]] = {}
    for (_, month), chats in held(naive).items():
        for level, length in levels(chats).items():
            of_month = totals.setdefault(month, {})
            of_month[level] = of_month.get(level, 0) + length
    return {
        (date(*month, 1), level): {
            "operator_seconds": rounded(Fraction(length, MILLION)),
            "pct_of_operator_time": percent(length, sum(of_month.values())),
            "pct_of_operator_time_or_more": percent(
                sum(other for more, other in of_month.items() if more >= level), sum(of_month.values())
            ),
        }
        | completeness(naive, ("live_chats",), month)
        for month, of_month in totals.items()
        for level, length in of_month.items()
    }


def digital_ledger(naive: NaiveWarehouse) -> dict[tuple[date, str], Row]:
    """Return the expected rows of kpi_digital_ledger_monthly for the force, by month and contact type."""
    rows: dict[tuple[date, str], Row] = {}
    for month, is_known in known_months(naive, LEDGER).items():
        contacts = [c["contact_type"] for c in naive.contacts if month_of(c["received_at"]) == month]
        own = {
            "online_crime_report": sum(
                month_of(r["submitted_at"]) == month and r["service"] == "report_a_crime" for r in naive.reports
            ),
            "live_chat": sum(month_of(c["requested_at"]) == month for c in naive.chats),
        }
        in_all = len(contacts) - sum(own.values())
        for kind in CONTACT_TYPES:
            other = contacts.count(kind) - own.get(kind, 0)
            row = {
                "contacts_in_log": contacts.count(kind),
                "in_own_system": own.get(kind, 0),
                "other_contacts": other,
                "pct_of_other": percent(other, in_all),
            }
            rows[date(*month, 1), kind] = (row if is_known else dict.fromkeys(row)) | completeness(naive, LEDGER, month)
    return rows
