"""A second reading of cells, one text at a time by plain Python: what docs/reasons.md says, without pattern and SQL.

It shares no code and no expression with the product, so that the two can be held against each other.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from unicodedata import category

from dagster_project.contracts import CellType
from tests.reference.history import LONDON

DIGITS = "0123456789"
NULL_WORDS = {"", "null", "n/a", "-", "#n/a", "#div/0!", "-9999"}
TRUTHS = {"y": True, "yes": True, "true": True, "1": True, "n": False, "no": False, "false": False, "0": False}
AT, DOTS = "@\uff20\ufe6b", ".\u3002\uff0e\uff61"
# What stands between the digits of a telephone number: white space, brackets and marks that are not seen; dashes.
BLANKS = set("\t\n\f\r ()\u00a0\u00ad\u061c\u1680\u3000\ufeff") | {
    chr(code) for code in (*range(0x2000, 0x2010), *range(0x202A, 0x2030), *range(0x205F, 0x2070))
}
DASHES = set("-\u2043\u2212\ufe58\ufe63\uff0d") | {chr(code) for code in range(0x2010, 0x2016)}
WIDE = "\uff0b\uff10\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19"
# Those that a National Insurance number can begin with.
LETTERS = set(string.ascii_uppercase) - set("DFIQUV")
MICROSECOND = Decimal("0.000001")


@dataclass(frozen=True)
class Reading:
    """A value or the reason for none; for a time also whether its hour occurred twice."""

    value: object = None
    reason: str | None = None
    is_ambiguous: bool = False


class Refused(Exception):
    """A text in no accepted form; its argument is the reason code."""


class Scanner:
    """Goes through a text from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    @property
    def is_done(self) -> bool:
        return self.at == len(self.text)

    @property
    def next(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self, choices: str) -> str:
        """The next character if it is one of these, else nothing."""
        found = self.next
        if not found or found not in choices:
            return ""
        self.at += 1
        return found

    def digits(self, least: int, most: int) -> str | None:
        """As many digits as follow, if they are as many as allowed."""
        end = self.at
        while end < len(self.text) and self.text[end] in DIGITS:
            end += 1
        found = self.text[self.at : end]
        if not least <= len(found) <= most:
            return None
        self.at = end
        return found


def reading(
    kind: CellType, text: str, *, serial_days: int = 0, values: Sequence[str] = (), digits: tuple[int, int] = (0, 0)
) -> Reading:
    """What a cell means.

    Args:
        kind: type of its column.
        text: as the file has it, not trimmed.
        serial_days: days to add to serial numbers.
        values: the closed list of its column, if it has one.
        digits: of a decimal, how many it has before and after the point at most.

    Returns:
        The value: text, int, Decimal, Decimal seconds, naive UTC datetime, date (of a month its first day), bool; None
        for no value. Or the reason code.
    """
    cell = trimmed(text)
    if cell.lower() in NULL_WORDS:
        return Reading()
    try:
        if values:
            return Reading(listed(kind, cell, values))
        # Forms that a number of a person can have as well.
        if kind in (CellType.TEXT, CellType.INTEGER, CellType.DECIMAL, CellType.SECONDS) and is_personal(cell):
            raise Refused("looks_personal")
        if kind is CellType.TIMESTAMP:
            return timestamp(cell, serial_days)
        if kind is CellType.DECIMAL:
            return Reading(decimal(cell, *digits))
        value = PARSERS[kind](cell, serial_days)
        if isinstance(value, date):
            not_before_1900(value)
        return Reading(value)
    except Refused as refused:
        return Reading(reason="looks_personal" if is_personal(cell) else refused.args[0])


def is_personal(text: str) -> bool:
    """Whether a text contains an email address, or is a British telephone or National Insurance number."""
    if any(sign in text for sign in AT):
        return any(is_address(text, at) for at, character in enumerate(text) if character in AT)
    bare = text
    for mark in ("'", "tel:", "tel"):
        if bare.lower().startswith(mark):
            bare = bare[len(mark) :]
            break
    narrow = "".join(chr(ord(c) - 0xFEE0) if c in WIDE else c for c in bare)
    joined = "".join(c for c in narrow if c not in BLANKS | DASHES)
    return is_telephone(narrow, joined) or is_insurance_number(narrow, joined)


def is_telephone(text: str, joined: str) -> bool:
    for prefix in ("+44", "0044"):
        national = joined.removeprefix(prefix)
        if national != joined and set(national) <= set(DIGITS):
            return len(national) in (9, 10) or (len(national) == 11 and national[0] == "0")
    if not (len(joined) in (10, 11) and set(joined) <= set(DIGITS) and joined[0] == "0" and joined[1] in "1237"):
        return False
    begun = text.lstrip("".join(BLANKS | DASHES))[:3]
    ended = text.rstrip("".join(BLANKS | DASHES))
    return set(begun) <= set(DIGITS) or not set(ended[ended.index("0") :]) & DASHES


def is_insurance_number(text: str, joined: str) -> bool:
    if len(joined) != 9 or not set(joined[2:8]) <= set(DIGITS):
        return False
    if set(joined[:2]) <= LETTERS and joined[8] in "ABCD":
        return True
    prefix, behind = text.lstrip("".join(BLANKS | DASHES))[:2], text.lstrip("".join(BLANKS | DASHES))[2:]
    blanks = behind[: len(behind) - len(behind.lstrip("".join(BLANKS)))]
    digits = behind[len(blanks) :]
    pairs = digits[:1] in set(DIGITS) and all(digits_in_pairs(digits))
    return set(prefix.upper()) <= LETTERS and len(prefix) == 2 and bool(blanks) and pairs and joined[8] in "ABCDabcd"


def digits_in_pairs(text: str) -> list[bool]:
    """Whether no blank or dash stands within the three pairs of six digits."""
    place, found = 0, []
    for _ in range(3):
        while text[place] in BLANKS | DASHES:
            place += 1
        pair = text[place : place + 2]
        found.append(len(pair) == 2 and set(pair) <= set(DIGITS))
        place += 2
    return found


def is_address(text: str, at: int) -> bool:
    """Whether the sign at a place of a text stands behind something and before a domain of two or more parts."""
    before = text[at - 1 : at]
    if not before or before in AT or before in "\t\n\f\r ":
        return False
    parts, end = [""], at + 1
    while end < len(text) and (text[end] in DOTS or text[end] in "_-" or category(text[end])[0] in "LMN"):
        if text[end] in DOTS:
            parts.append("")
        else:
            parts[-1] += text[end]
        end += 1
    return len(parts) > 1 and bool(parts[0]) and bool(parts[1])


def trimmed(text: str) -> str:
    def is_blank(character: str) -> bool:
        return character.isspace() or character == "\ufeff"

    start, end = 0, len(text)
    while start < end and is_blank(text[start]):
        start += 1
    while end > start and is_blank(text[end - 1]):
        end -= 1
    return text[start:end]


def listed(kind: CellType, text: str, values: Sequence[str]) -> object:
    if kind is CellType.INTEGER:
        joined = ungrouped(text.removeprefix("-"), 18)
        if joined is None or integer(text) not in {int(value) for value in values}:
            raise Refused("not_in_list")
        return integer(text)
    for value in values:
        if value.lower() == text.lower():
            return value
    raise Refused("not_in_list")


def ungrouped(text: str, most: int) -> str | None:
    """The digits of a number whose thousands may be set apart by commas."""
    head, *groups = text.split(",")
    if groups and (len(head) > 3 or any(len(group) != 3 for group in groups)):
        return None
    joined = head + "".join(groups)
    if not head or len(joined) > most or not set(joined) <= set(DIGITS):
        return None
    return joined


def integer(text: str, _serial_days: int = 0) -> int:
    joined = ungrouped(text.removeprefix("-"), 18)
    if joined is None:
        raise Refused("not_an_integer")
    return -int(joined) if text.startswith("-") else int(joined)


def number(text: str) -> Decimal | None:
    whole, point, fraction = text.removeprefix("-").partition(".")
    joined = ungrouped(whole, 12)
    if joined is None or (point and not fraction) or not set(fraction) <= set(DIGITS):
        return None
    value = Decimal(f"{joined}.{fraction or '0'}")
    return -value if text.startswith("-") else value


def decimal(text: str, before: int, after: int) -> Decimal:
    whole, point, fraction = text.removeprefix("-").partition(".")
    joined = ungrouped(whole, 38)
    if joined is None or (point and not fraction) or not set(fraction) <= set(DIGITS):
        raise Refused("not_a_decimal")
    if fraction[after:].strip("0"):
        raise Refused("too_many_decimals")
    if len(joined.lstrip("0")) > before:
        raise Refused("not_a_decimal")
    value = Decimal(f"{joined}.{fraction[:after] or '0'}")
    return -value if text.startswith("-") else value


def seconds(text: str, _serial_days: int = 0) -> Decimal:
    for form in (number, clock, words):
        value = form(text)
        # The table keeps twelve digits before the point, also after rounding.
        if value is None or abs(value) >= 10**12:
            continue
        rounded = value.quantize(MICROSECOND, ROUND_HALF_UP)
        if abs(rounded) < 10**12:
            return rounded
    raise Refused("not_seconds")


def fraction_of(scan: Scanner) -> str | None:
    """What follows a point; empty without one, None where the point has no digit behind it."""
    if not scan.take("."):
        return ""
    return scan.digits(1, 10_000)


def clock(text: str) -> Decimal | None:
    scan = Scanner(text)
    parts = [scan.digits(1, 7)]
    while scan.take(":"):
        part = scan.digits(2, 2)
        parts.append(part if part and int(part) < 60 else None)
    fraction = fraction_of(scan)
    if None in (*parts, fraction) or len(parts) not in (2, 3) or not scan.is_done:
        return None
    total = 0
    for part in parts:
        total = total * 60 + int(part or 0)
    return total + Decimal(f"0.{fraction or 0}")


def words(text: str) -> Decimal | None:
    scan = Scanner(text)
    left = {"h": 3600, "m": 60, "s": 1}
    total = Decimal(0)
    while True:
        figures = scan.digits(1, 10_000)
        fraction = fraction_of(scan)
        scan.take(" ")
        unit = scan.take("hmsHMS").lower()
        if figures is None or fraction is None or unit not in left or (fraction and unit != "s"):
            return None
        total += left[unit] * Decimal(f"{figures}.{fraction or 0}")
        # Larger units stand before smaller ones, each once.
        left = {name: size for name, size in left.items() if size < left[unit]}
        if scan.is_done:
            return total
        scan.take(" ")


def iso_day(scan: Scanner) -> tuple[int, int, int] | None:
    year = scan.digits(4, 4)
    if year is None or not scan.take("-"):
        return None
    month = scan.digits(2, 2)
    if month is None or not scan.take("-"):
        return None
    day = scan.digits(2, 2)
    return None if day is None else (int(year), int(month), int(day))


def british_day(scan: Scanner) -> tuple[int, int, int] | None:
    day = scan.digits(1, 2)
    if day is None or not scan.take("/"):
        return None
    month = scan.digits(1, 2)
    if month is None or not scan.take("/"):
        return None
    year = scan.digits(4, 4)
    return None if year is None else (int(year), int(month), int(day))


def calendar(parts: tuple[int, int, int] | None) -> date | None:
    """The day, if the calendar has it and its year has four digits."""
    if parts is None or parts[0] < 1000:
        return None
    try:
        return date(*parts)
    except ValueError:
        return None


def serial(text: str, serial_days: int) -> datetime | None:
    """A number of days as the local time it stands for, to the millisecond, which is as near as it is meant.

    Spreadsheets keep it as a double, in which a day has some eleven decimals.
    """
    scan = Scanner(text)
    whole, fraction = scan.digits(5, 5), fraction_of(scan)
    if whole is None or fraction is None or not scan.is_done:
        return None
    days = float(text)
    if not 20_000 <= days <= 80_000:
        return None
    milliseconds = int((Decimal(days) * 86_400_000).quantize(Decimal(1), ROUND_HALF_UP))
    return datetime(1899, 12, 30) + timedelta(days=serial_days, milliseconds=milliseconds)  # noqa: DTZ001 (local)


def day(text: str, serial_days: int) -> date:
    scan = Scanner(text)
    if found := calendar(iso_day(scan)):
        if scan.is_done or is_midnight(text[scan.at :]):
            return found
        raise Refused("not_a_date")
    scan = Scanner(text)
    if (found := calendar(british_day(scan))) and scan.is_done:
        return found
    if (moment := serial(text, serial_days)) and "." not in text:
        return moment.date()
    raise Refused("not_a_date")


def is_midnight(tail: str) -> bool:
    """How a writer of timestamps shows a day."""
    clock, point, fraction = tail[1:].partition(".")
    is_whole = not point or (clock == "00:00:00" and fraction and not fraction.strip("0"))
    return tail[:1] in ("T", " ") and clock in ("00:00", "00:00:00") and bool(is_whole)


def month(text: str, _serial_days: int) -> date:
    found = calendar(iso_day(Scanner(f"{text}-01"))) if len(text) == 7 else None
    if found is None:
        raise Refused("not_a_month")
    return found


def truth(text: str, _serial_days: int) -> bool:
    if text.lower() not in TRUTHS:
        raise Refused("not_a_boolean")
    return TRUTHS[text.lower()]


def timestamp(text: str, serial_days: int) -> Reading:
    if (moment := serial(text, serial_days)) is not None:
        if float(text).is_integer():
            raise Refused("no_time_of_day")
        return in_london(moment)
    for form, is_iso in ((iso_day, True), (british_day, False)):
        scan = Scanner(text)
        found = calendar(form(scan))
        if found is None:
            continue
        if scan.is_done:
            raise Refused("no_time_of_day")
        gap = scan.take("T ")
        if not gap:
            raise Refused("not_a_timestamp")
        # Exports that set hours flush right leave two blanks before a single digit.
        while not is_iso and gap == " " and scan.take(" "):
            pass
        span = time_of_day(scan, hour_digits=2 if is_iso else 1)
        local = datetime(found.year, found.month, found.day) + span  # noqa: DTZ001 (local)
        if is_iso and not scan.is_done:
            ahead = utc_offset(scan)
            if scan.is_done:
                not_before_1900(local)
                not_before_1900(local - ahead)
                return Reading(local - ahead)
        if not scan.is_done:
            raise Refused("not_a_timestamp")
        return in_london(local)
    raise Refused("not_a_timestamp")


def time_of_day(scan: Scanner, *, hour_digits: int) -> timedelta:
    hours = scan.digits(hour_digits, 2)
    minutes = scan.digits(2, 2) if scan.take(":") else None
    passed, micros = "00", "000000"
    if minutes is not None and scan.take(":"):
        passed = scan.digits(2, 2) or "60"
        if scan.take(".,"):
            # Digits behind the sixth are cut off.
            micros = ((scan.digits(1, 9) or "") + "000000")[:6]
            if scan.text[scan.at - 1] in ".,":
                raise Refused("not_a_timestamp")
    if hours is None or minutes is None or int(hours) > 23 or int(minutes) > 59 or int(passed) > 59:
        raise Refused("not_a_timestamp")
    return timedelta(hours=int(hours), minutes=int(minutes), seconds=int(passed), microseconds=int(micros))


def utc_offset(scan: Scanner) -> timedelta:
    """How far local time is ahead of UTC: Z, or hours with or without minutes and colon, behind one space at most."""
    scan.take(" ")
    if scan.take("zZ"):
        return timedelta()
    sign = scan.take("+-")
    start = scan.at
    hours, minutes = scan.text[start : start + 2], "00"
    scan.at = start + 2
    if scan.at < len(scan.text):
        colon = scan.take(":")
        minutes = scan.digits(2, 2) or ""
        if colon and not minutes:
            raise Refused("not_a_timestamp")
    figures = hours + minutes
    if not sign or len(figures) != 4 or not set(figures) <= set(DIGITS) or int(hours) > 14 or int(minutes) > 59:
        raise Refused("not_a_timestamp")
    ahead = timedelta(hours=int(hours), minutes=int(minutes))
    return -ahead if sign == "-" else ahead


def not_before_1900(day: date) -> None:
    # 1 January 1900 is day 1 of Excel and the date 0 of SQL Server.
    if day.isoformat()[:10] <= "1900-01-01":
        raise Refused("before_1900")


def in_london(local: datetime) -> Reading:
    """The first instant at which a London clock on winter or summer time shows this time."""
    not_before_1900(local)
    found = {local.replace(tzinfo=UTC) - ahead for ahead in (timedelta(), timedelta(hours=1))}
    shown = sorted(instant for instant in found if instant.astimezone(LONDON).replace(tzinfo=None) == local)
    if not shown:
        raise Refused("time_never_existed")
    return Reading(shown[0].replace(tzinfo=None), is_ambiguous=len(shown) == 2)


PARSERS: dict[CellType, Callable[[str, int], object]] = {
    CellType.TEXT: lambda text, _serial_days: text,
    CellType.INTEGER: integer,
    CellType.SECONDS: seconds,
    CellType.DATE: day,
    CellType.MONTH: month,
    CellType.BOOLEAN: truth,
}
