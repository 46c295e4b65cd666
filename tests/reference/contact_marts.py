"""Expected rows of the marts of chats held at once, the ledger of digital contacts, and demand that comes back."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise, product

from tests.reference.history import CONTACT_TYPES, LINES, Month, Row
from tests.reference.measures import NaiveWarehouse, month_of, percent, seconds
from tests.reference.tables import Rows, completeness, first_day, grouped, monthly, table

CHATS = ("live_chats",)
# Ways to come back, the first of those of one instant first.
CHANNELS = ("999", "101", "digital")


def levels(pieces: list[Row]) -> dict[int, Decimal]:
    """Seconds for which exactly one, two, three ... of one operator's chats were held."""
    points = sorted({piece[name] for piece in pieces for name in ("start", "end")})
    found: dict[int, Decimal] = defaultdict(Decimal)
    for start, end in pairwise(points):
        found[sum(piece["start"] <= start and end <= piece["end"] for piece in pieces)] += seconds(end, start)
    return {level: length for level, length in found.items() if level}


@table("month_start", "concurrent_chats")
def kpi_chat_concurrency_monthly(one: NaiveWarehouse) -> Rows:
    totals: dict[Month, dict[int, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for (_, month), pieces in one.held.items():
        for level, length in levels(pieces).items():
            totals[month][level] += length
    rows: Rows = {}
    for month in totals.keys() & one.calendar(CHATS).delivered:
        whole = Fraction(sum(totals[month].values()))
        for level, length in totals[month].items():
            or_more = sum(other for more, other in totals[month].items() if more >= level)
            rows[first_day(month), level] = {
                "operator_seconds": length,
                "pct_of_operator_time": percent(Fraction(length), whole),
                "pct_of_operator_time_or_more": percent(Fraction(or_more), whole),
            } | completeness(one, CHATS, month)
    return rows


@table("month_start", "contact_type")
def kpi_digital_ledger_monthly(one: NaiveWarehouse) -> Rows:
    sources = ("digital_contacts", "online_crime_reports", "live_chats")
    reports = [row for row in one.rows["online_crime_reports"] if row["service"] == "report_a_crime"]
    contacts = Counter((month_of(row["received_at"]), row["contact_type"]) for row in one.contacts)
    own = Counter((month_of(row["submitted_at"]), "online_crime_report") for row in reports)
    own += Counter((month_of(row["requested_at"]), "live_chat") for row in one.chats)
    rows = []
    for month, kind in product(one.calendar(sources).span, CONTACT_TYPES):
        other = {each: contacts[month, each] - own[month, each] for each in CONTACT_TYPES}
        row = {
            "contacts_in_log": contacts[month, kind],
            "in_own_system": own[month, kind],
            "other_contacts": other[kind],
            "pct_of_other": percent(other[kind], sum(other.values())),
        }
        rows.append((month, (kind,), row))
    return monthly(one, sources, rows)


def unanswered(one: NaiveWarehouse) -> list[Row]:
    """Calls to 101 that were not answered."""
    return [call for call in one.received if call["line"] == "101" and not call["counts_as_answered"]]


def returns(one: NaiveWarehouse, call: Row) -> list[tuple[datetime, int, bool]]:
    """Later calls and contacts of a known caller within a day: when, by which channel, and whether it was answered."""
    if call["caller_number"] is None:
        return []
    found = [
        (other["arrived_at"], CHANNELS.index(other["line"]), not other["is_short"] and other["counts_as_answered"])
        for other in one.calls
        if other["line"] in LINES and other["caller_number"] == call["caller_number"]
    ]
    found += [
        (contact["received_at"], CHANNELS.index("digital"), True)
        for contact in one.contacts
        if contact["linked_reference"] == call["caller_number"]
    ]
    return [step for step in found if timedelta(0) < step[0] - call["arrived_at"] < timedelta(hours=24)]


@table("month_start")
def kpi_displacement_monthly(one: NaiveWarehouse) -> Rows:
    sources = ("call_segments:101", "digital_contacts")
    by_month = grouped(unanswered(one), lambda call: month_of(call["arrived_at"]))
    rows = []
    for month in one.calendar(sources).span:
        calls = by_month[month]
        back = [found for found in (returns(one, call) for call in calls) if found]
        row: Row = {
            "not_answered": len(calls),
            "with_caller": sum(call["caller_number"] is not None for call in calls),
            "came_back": len(back),
            "answered_on_return": sum(any(reached for *_, reached in found) for found in back),
        }
        for channel, name in enumerate(CHANNELS):
            row[f"came_back_{name}"] = sum(any(by == channel for _, by, _ in found) for found in back)
        row["pct_came_back"] = percent(row["came_back"], row["with_caller"])
        row["pct_came_back_999"] = percent(row["came_back_999"], row["with_caller"])
        rows.append((month, (), row))
    return monthly(one, sources, rows)
