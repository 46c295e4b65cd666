"""The printed figures recomputed from sample files by the plainest means. Shares no code with the drawing of a sample.

It reads with the csv, gzip and json modules, PyArrow and calamine, row by row, and knows as little as it can: it is the
second opinion that the tests set beside the printed figures. It reads the sample, not any extract; the warehouse's own
readers are elsewhere.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import python_calamine

from dagster_project.clock import LONDON

Row = dict[str, Any]

_COLUMNS = {
    "call_segments": "call_id segment_no line arrived_at utc_offset_minutes queue_seconds disposition talk_seconds "
    "called_back_at operator_id caller_number",
    "digital_contacts": "contact_id contact_type received_at from_partner_force is_test linked_reference",
    "online_crime_reports": "submission_id service started_at submitted_at duplicate_of crime_ref",
    "live_chats": "chat_id requested_at accepted_at ended_at operator_id topic created_incident",
    "crimes": "crime_ref updated_at recorded_at offence_code status cancelled_at cancel_code report_channel district",
}
_KEYS = {
    "call_segments": ("call_id", "segment_no"),
    "digital_contacts": ("contact_id",),
    "online_crime_reports": ("submission_id",),
    "live_chats": ("chat_id",),
    "crimes": ("crime_ref", "updated_at"),
}
_NULLS = {"", "null", "n/a", "-", "#n/a", "#div/0!", "-9999"}
_CONTACT_TYPES = {
    *("online_crime_report", "live_chat", "asb_report", "road_traffic_report", "missing_person_report"),
    *("sexual_offence_report", "rural_crime_report", "contact_form", "email", "social_media", "other"),
}
_SERVICES = {"report_a_crime", "missing_person", "sexual_offence", "rural_crime"}
_TOPICS = {"general", "crime", "asb", "domestic_abuse", "missing_person", "other"}
_CHANNELS = {"999", "101", "online", "live_chat", "front_counter", "officer", "other"}


class FaultyRowError(ValueError):
    """A row that must not count."""


@dataclass(frozen=True)
class Recount:
    """What the files of a sample hold.

    Attributes:
        figures: display text by (section, measure, month) of the force asked for; `pct_cancelled` by either formula has
            its own measures, `pct_cancelled_of_recorded` and `pct_cancelled_of_initially_recorded`.
        rows: data rows by source, of all forces.
        not_current: rows by source, of all forces, that are faulty, repeated, or superseded within their extract.
        days: extract dates with a row of a force that is not faulty, by force and source.
        formats: endings of the file names.
    """

    figures: Mapping[tuple[str, str, str], str]
    rows: Mapping[str, int]
    not_current: Mapping[str, int]
    days: Mapping[tuple[str, str], set[str]]
    formats: frozenset[str]


def recount(sample: Path, *, force: str = "kent") -> Recount:
    """Read all files below a sample's folder and compute the figures that the board paper prints.

    Args:
        sample: the folder.
        force: whose figures; rows without `force_code` are Kent's.
    """
    rows: Counter[str] = Counter()
    faulty: Counter[str] = Counter()
    days: dict[tuple[str, str], set[str]] = defaultdict(set)
    formats = set()
    figures: dict[tuple[str, str, str], str] = {}
    for source in _COLUMNS:
        latest: dict[tuple[Any, ...], Row] = {}
        extract_of: dict[tuple[Any, ...], str] = {}
        seen: set[tuple[str, bytes]] = set()
        for path in sorted((sample / source).iterdir(), key=lambda path: path.name):
            extract = path.name.removeprefix(f"{source}_")[:10]
            content = path.read_bytes()
            formats.add(path.name.split(".", 1)[1])
            if (extract, content) in seen:
                continue
            seen.add((extract, content))
            for cells in _records(source, path, content):
                rows[source] += 1
                try:
                    row = _ROWS[source](cells)
                except FaultyRowError:
                    faulty[source] += 1
                    continue
                row["force_code"] = _value(cells, "force_code") or "kent"
                days[row["force_code"], source].add(extract)
                key = (row["force_code"], *(row[column] for column in _KEYS[source]))
                # Names sort by extract date, then by file; so the last one read is the one that counts.
                faulty[source] += extract_of.get(key) == extract
                latest[key], extract_of[key] = row, extract
        figures |= _FIGURES[source]([row for row in latest.values() if row["force_code"] == force])
    return Recount(
        figures=figures,
        rows=rows,
        not_current=faulty,
        days=days,
        formats=frozenset(formats),
    )


def _records(source: str, path: Path, content: bytes) -> Iterator[Row]:
    """The data rows of a file, by the contract's column names; rows of another width come as `{}`."""
    known = {name.replace("_", ""): name for name in ("force_code " + _COLUMNS[source]).split()}
    known |= {"ucid": "call_id"} if source == "call_segments" else {}

    @cache
    def name_of(header: str) -> str:
        return known.get(re.sub(r"[\s_-]", "", header).lower(), f"? {header}")

    if path.name.endswith(".jsonl"):
        for line in content.decode().splitlines():
            yield {name_of(name): value for name, value in json.loads(line).items()}
        return
    if path.name.endswith(".parquet"):
        table = pq.read_table(io.BytesIO(content))
        yield from table.rename_columns([name_of(name) for name in table.column_names]).to_pylist()
        return
    if path.name.endswith(".xlsx"):
        workbook = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        grid: list[list[Any]] = workbook.get_sheet_by_name("Extract").to_python(skip_empty_area=False)
    else:
        text = _decoded(gzip.decompress(content) if path.name.endswith(".gz") else content)
        widest = max(text[:4000].splitlines(), key=lambda line: len(re.findall(r"[,;\t|]", line)))
        delimiter = max(",;\t|", key=widest.count)
        grid = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if row]
    headers = ([name_of(str(cell)) for cell in row] for row in grid)
    top, names = next((place, names) for place, names in enumerate(headers) if len({*names} & {*known.values()}) > 3)
    for cells in grid[top + 1 :]:
        if str(cells[0]).lower() in {"total", "totals", "grand total"}:
            continue
        yield dict(zip(names, cells, strict=True)) if len(cells) == len(names) else {}


def _decoded(content: bytes) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252")


def _value(cells: Row, column: str, *, required: bool = False) -> Any:
    value = cells.get(column)
    if isinstance(value, str) and value.lower() in _NULLS:
        value = None
    if value is None and required:
        raise FaultyRowError(f"{column} is empty")
    return value


def _listed(cells: Row, column: str, values: set[str], *, required: bool = True) -> str | None:
    value = _value(cells, column, required=required)
    if value is not None and value not in values:
        raise FaultyRowError(f"{column} is not in its list")
    return value


def _instant(cells: Row, column: str, *, required: bool = False) -> datetime | None:
    """A UTC instant; the first reading of a local time that occurs twice."""
    value = _value(cells, column, required=required)
    if value is None:
        return None
    if isinstance(value, datetime):
        moment = value
    elif re.match(r"\d\d/\d\d/\d{4} ", value):
        moment = _day(f"{value[6:10]}-{value[3:5]}-{value[:2]}", column) + _time(value[11:], column)
    elif re.match(r"\d{4}-\d\d-\d\d[T ]", value):
        moment = _day(value[:10], column) + _time(value[11:19], column)
        if value[19:]:
            hours = 0 if value[19:] == "Z" else int(value[19:22])
            return moment.replace(tzinfo=UTC) - timedelta(hours=hours)
    else:
        raise FaultyRowError(f"{column} is no timestamp")
    return moment.astimezone(UTC) if moment.tzinfo else _from_local(moment)


def _from_local(moment: datetime) -> datetime:
    naive_hour = moment.replace(minute=0, second=0, microsecond=0)
    return moment.replace(tzinfo=UTC) - _offset(naive_hour)


@cache
def _offset(local_hour: datetime) -> timedelta:
    return local_hour.replace(tzinfo=LONDON).utcoffset() or timedelta()


@cache
def _local_month(utc_hour: datetime) -> str:
    return f"{utc_hour.astimezone(LONDON):%Y-%m}"


def _month(instant: datetime) -> str:
    """The local month: London is whole hours ahead of UTC, so the hour decides."""
    return _local_month(instant.replace(minute=0, second=0, microsecond=0))


@cache
def _day(iso: str, column: str) -> datetime:
    try:
        day = date.fromisoformat(iso)
    except ValueError:
        raise FaultyRowError(f"{column} names no day") from None
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001 - clock time, the zone comes after the spelling


@cache
def _time(text: str, column: str) -> timedelta:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?", text):
        raise FaultyRowError(f"{column} names no time of day")
    hours, minutes, seconds = [*map(int, text.split(":")), 0][:3]
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def _order(column: str, earlier: datetime | None, later: datetime | None) -> None:
    if earlier is None or later is None or earlier <= later:
        return
    # The repeated hour: the later time was read as the first of its two readings.
    if _offset(later.astimezone(LONDON).replace(tzinfo=None, minute=0, second=0)) and earlier - later < timedelta(
        hours=1
    ):
        second = later + timedelta(hours=1)
        if second.astimezone(LONDON).replace(tzinfo=None) == later.astimezone(LONDON).replace(tzinfo=None):
            return
    raise FaultyRowError(f"{column} is before it can be")


def _seconds(cells: Row, column: str, *, required: bool = False) -> Decimal:
    value = _value(cells, column, required=required)
    if value is None:
        return Decimal(0)
    if isinstance(value, timedelta):
        return Decimal(round(value.total_seconds()))
    return _seconds_of(str(value), column)


@cache
def _seconds_of(text: str, column: str) -> Decimal:
    if re.fullmatch(r"[\d,]+(\.\d+)?", text):
        return Decimal(text.replace(",", ""))
    if re.fullmatch(r"(\d+:)?\d\d:\d\d", text):
        hours, minutes, seconds = [0, *map(int, text.split(":"))][-3:]
        return Decimal(hours * 3600 + minutes * 60 + seconds)
    words = re.fullmatch(r"(?:(\d+)m )?(\d+)s", text)
    if words is None:
        raise FaultyRowError(f"{column} is no duration")
    return Decimal(int(words[1] or 0) * 60 + int(words[2]))


def _flag(cells: Row, column: str) -> bool:
    value = str(_value(cells, column) or "n").lower()
    if value not in {"y", "yes", "true", "1", "n", "no", "false", "0"}:
        raise FaultyRowError(f"{column} is neither yes nor no")
    return value in {"y", "yes", "true", "1"}


def _call_segment(cells: Row) -> Row:
    number = str(_value(cells, "segment_no", required=True)).removesuffix(".0")
    if not number.isdigit() or int(number) < 1:
        raise FaultyRowError("segment_no is below 1")
    arrived = _instant(cells, "arrived_at", required=True)
    _order("called_back_at", arrived, _instant(cells, "called_back_at"))
    return {
        "call_id": _value(cells, "call_id", required=True),
        "segment_no": int(number),
        "line": _listed(cells, "line", {"999", "101", "switchboard", "other"}),
        "arrived_at": arrived,
        "queue_seconds": _seconds(cells, "queue_seconds", required=True),
        "disposition": _listed(
            cells, "disposition", {"answered", "abandoned", "transferred", "overflow", "disconnected"}
        ),
        "talk_seconds": _seconds(cells, "talk_seconds"),
    }


def _digital_contact(cells: Row) -> Row:
    return {
        "contact_id": _value(cells, "contact_id", required=True),
        "contact_type": _listed(cells, "contact_type", _CONTACT_TYPES),
        "received_at": _instant(cells, "received_at", required=True),
        "from_partner_force": _flag(cells, "from_partner_force"),
        "is_test": _flag(cells, "is_test"),
    }


def _online_crime_report(cells: Row) -> Row:
    submitted = _instant(cells, "submitted_at", required=True)
    _order("submitted_at", _instant(cells, "started_at"), submitted)
    return {
        "submission_id": _value(cells, "submission_id", required=True),
        "service": _listed(cells, "service", _SERVICES),
        "submitted_at": submitted,
    }


def _live_chat(cells: Row) -> Row:
    requested, accepted, ended = (
        _instant(cells, "requested_at", required=True),
        _instant(cells, "accepted_at"),
        _instant(cells, "ended_at", required=True),
    )
    _order("accepted_at", requested, accepted)
    _order("ended_at", accepted or requested, ended)
    _listed(cells, "topic", _TOPICS, required=False)
    _flag(cells, "created_incident")
    return {"chat_id": _value(cells, "chat_id", required=True), "requested_at": requested}


def _crime(cells: Row) -> Row:
    recorded = _instant(cells, "recorded_at", required=True)
    status = _listed(cells, "status", {"recorded", "cancelled"})
    cancelled = _instant(cells, "cancelled_at", required=status == "cancelled")
    _order("cancelled_at", recorded, cancelled)
    _value(cells, "offence_code", required=True)
    _listed(cells, "report_channel", _CHANNELS, required=False)
    _listed(cells, "cancel_code", {"C1", "C2", "C3", "C4", "C5"}, required=False)
    return {
        "crime_ref": _value(cells, "crime_ref", required=True),
        "updated_at": _instant(cells, "updated_at", required=True),
        "recorded_at": recorded,
        "status": status,
        "cancelled_at": cancelled,
    }


def _call_figures(segments: list[Row]) -> dict[tuple[str, str, str], str]:
    by_call: dict[str, list[Row]] = defaultdict(list)
    for segment in segments:
        by_call[segment["call_id"]].append(segment)
    received: Counter[tuple[str, str]] = Counter()
    answered: Counter[tuple[str, str]] = Counter()
    queue: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    talk: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for call in by_call.values():
        call.sort(key=lambda segment: segment["segment_no"])
        cell = (f"calls_{call[0]['line']}", _month(call[0]["arrived_at"]))
        received[cell] += 1
        first_answer = next((n for n, s in enumerate(call) if s["disposition"] == "answered"), None)
        if first_answer is not None:
            answered[cell] += 1
            queue[cell] += sum(segment["queue_seconds"] for segment in call[: first_answer + 1])
            talk[cell] += sum(segment["talk_seconds"] for segment in call)
    figures = {}
    for section, month in received:
        if section in ("calls_999", "calls_101"):
            cell = (section, month)
            lost = received[cell] - answered[cell]
            figures[section, "received", month] = f"{received[cell]:,}"
            figures[section, "answered", month] = f"{answered[cell]:,}"
            figures[section, "not_answered", month] = f"{lost:,}"
            figures[section, "pct_not_answered", month] = _percent(lost, received[cell], "0.01")
            figures[section, "avg_queue_time", month] = _duration(queue[cell] / answered[cell])
            figures[section, "avg_talk_time", month] = _duration(talk[cell] / answered[cell])
    return figures


def _contact_figures(contacts: list[Row]) -> dict[tuple[str, str, str], str]:
    counted = [c for c in contacts if not c["from_partner_force"] and not c["is_test"]]
    return _counts("digital", "digital_contacts", counted, "received_at")


def _report_figures(submissions: list[Row]) -> dict[tuple[str, str, str], str]:
    counted = [s for s in submissions if s["service"] == "report_a_crime"]
    return _counts("ocr", "report_a_crime_submissions", counted, "submitted_at")


def _chat_figures(chats: list[Row]) -> dict[tuple[str, str, str], str]:
    return _counts("live_chat", "live_chats", chats, "requested_at")


def _crime_figures(rows: list[Row]) -> dict[tuple[str, str, str], str]:
    state: dict[str, Row] = {}
    for row in sorted(rows, key=lambda row: row["updated_at"]):
        state[row["crime_ref"]] = row
    recorded = Counter(_month(crime["recorded_at"]) for crime in state.values())
    cancelled = Counter(_month(crime["cancelled_at"]) for crime in state.values() if crime["status"] == "cancelled")
    figures = {}
    for month, number in recorded.items():
        lost = cancelled[month]
        figures["crime", "recorded_crime", month] = f"{number:,}"
        figures["crime", "cancelled_crime", month] = f"{lost:,}"
        figures["crime", "pct_cancelled_of_recorded", month] = _percent(lost, number, "0.1")
        figures["crime", "pct_cancelled_of_initially_recorded", month] = _percent(lost, number + lost, "0.1")
    return figures


def _counts(section: str, measure: str, rows: list[Row], column: str) -> dict[tuple[str, str, str], str]:
    months = Counter(_month(row[column]) for row in rows)
    return {(section, measure, month): f"{count:,}" for month, count in months.items()}


def _percent(part: int, whole: int, step: str) -> str:
    return f"{(Decimal(100 * part) / whole).quantize(Decimal(step), ROUND_HALF_UP)}%"


def _duration(seconds: Decimal) -> str:
    minutes, rest = divmod(int(seconds.quantize(Decimal(1), ROUND_HALF_UP)), 60)
    return f"{minutes}m {rest}s" if minutes else f"{rest}s"


_ROWS: dict[str, Callable[[Row], Row]] = {
    "call_segments": _call_segment,
    "digital_contacts": _digital_contact,
    "online_crime_reports": _online_crime_report,
    "live_chats": _live_chat,
    "crimes": _crime,
}
_FIGURES: dict[str, Callable[[list[Row]], dict[tuple[str, str, str], str]]] = {
    "call_segments": _call_figures,
    "digital_contacts": _contact_figures,
    "online_crime_reports": _report_figures,
    "live_chats": _chat_figures,
    "crimes": _crime_figures,
}
