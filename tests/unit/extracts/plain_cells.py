"""A second reading of cells, one text at a time by plain Python: what docs/reasons.md says, without patterns and SQL.

It shares no code with the product, so that the two can be held against each other. Personal values are not looked for.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from dagster_project.contracts import CellType, Column

LONDON = ZoneInfo("Europe/London")
NULL_WORDS = {"", "null", "n/a", "-", "#n/a", "#div/0!", "-9999"}
TRUTHS = {"y": True, "yes": True, "true": True, "1": True, "n": False, "no": False, "false": False, "0": False}


class Refused(Exception):
    """A text in no accepted form; its argument is the reason code."""


def reading(column: Column, text: str, serial_days: int = 0) -> tuple[object, bool]:
    """The value of a cell, or the code of its fault; and whether its hour occurred twice."""
    cell = text.strip().strip("\ufeff").strip()
    if cell.lower() in NULL_WORDS:
        return None, False
    try:
        if column.values:
            return listed(column, cell), False
        if column.cell_type is CellType.TIMESTAMP:
            return timestamp(cell, serial_days)
        if column.cell_type is CellType.DECIMAL:
            return decimal(cell, column.precision - column.scale, column.scale), False
        value = PARSERS[column.cell_type](cell, serial_days)
        if isinstance(value, date):
            not_before_1900(value)
        return value, False
    except Refused as refused:
        return refused.args[0], False


def listed(column: Column, text: str) -> object:
    if column.cell_type is CellType.INTEGER:
        digits = ungrouped(text.removeprefix("-"), 18)
        if digits is None or integer(text, 0) not in map(int, column.values):
            raise Refused("not_in_list")
        return integer(text, 0)
    for value in column.values:
        if value.lower() == text.lower():
            return value
    raise Refused("not_in_list")


def is_digits(text: str, least: int = 1, most: int = 10_000) -> bool:
    return least <= len(text) <= most and set(text) <= set("0123456789")


def ungrouped(text: str, most: int) -> str | None:
    """The digits of a number whose thousands may be set apart by commas."""
    head, *groups = text.split(",")
    if groups and (len(head) > 3 or any(len(group) != 3 for group in groups)):
        return None
    joined = head + "".join(groups)
    return joined if head and is_digits(joined, 1, most) else None


def split_number(text: str, most: int) -> tuple[str, str] | None:
    """The digits before and after the point."""
    whole, point, fraction = text.removeprefix("-").partition(".")
    digits = ungrouped(whole, most)
    return None if digits is None or (point and not is_digits(fraction)) else (digits, fraction)


def signed(text: str, value: Decimal) -> Decimal:
    return -value if text.startswith("-") else value


def integer(text: str, _: int) -> int:
    digits = ungrouped(text.removeprefix("-"), 18)
    if digits is None:
        raise Refused("not_an_integer")
    return -int(digits) if text.startswith("-") else int(digits)


def decimal(text: str, before: int, after: int) -> Decimal:
    parts = split_number(text, 38)
    if parts is None:
        raise Refused("not_a_decimal")
    if parts[1][after:].strip("0"):
        raise Refused("too_many_decimals")
    if len(parts[0].lstrip("0")) > before:
        raise Refused("not_a_decimal")
    return signed(text, Decimal(f"{parts[0]}.{parts[1] or 0}"))


def seconds(text: str, _: int) -> Decimal:
    parts = split_number(text, 12)
    found = (signed(text, Decimal(f"{parts[0]}.{parts[1] or 0}")) if parts else None), clock(text), words(text)
    for value in found:
        # Twelve digits before the point, also after rounding.
        if value is not None and abs(rounded := value.quantize(Decimal("0.000001"), ROUND_HALF_UP)) < 10**12:
            return rounded
    raise Refused("not_seconds")


def clock(text: str) -> Decimal | None:
    head, *parts = text.split(":")
    last, point, fraction = parts.pop().partition(".") if parts else ("", "", "")
    numbers = [*parts, last]
    is_one = is_digits(head, 1, 7) and len(numbers) <= 2 and all(is_digits(n, 2, 2) and n < "60" for n in numbers)
    if not is_one or (point and not is_digits(fraction)):
        return None
    total = int(head)
    for number in numbers:
        total = total * 60 + int(number)
    return total + Decimal(f"0.{fraction or 0}")


def words(text: str) -> Decimal | None:
    total, rest = Decimal(0), text.lower()
    for unit, size in (("h", 3600), ("m", 60), ("s", 1)):
        figures, found, behind = rest.partition(unit)
        if not found:
            continue
        whole, point, fraction = figures.removesuffix(" ").partition(".")
        if not is_digits(whole) or (point and (unit != "s" or not is_digits(fraction))):
            return None
        total += size * Decimal(f"{whole}.{fraction or 0}")
        rest = behind if unit == "s" else behind.removeprefix(" ")
    return total if not rest else None


def calendar_day(text: str, *, is_iso: bool) -> date | None:
    """The day, if the calendar has it and its year has four digits."""
    parts = text.split("-" if is_iso else "/")
    if not is_iso:
        parts.reverse()
    least = 2 if is_iso else 1
    if len(parts) != 3 or not is_digits(parts[0], 4, 4) or not all(is_digits(p, least, 2) for p in parts[1:]):
        return None
    try:
        return date(*map(int, parts)) if parts[0] >= "1000" else None
    except ValueError:
        return None


def serial(text: str, serial_days: int) -> datetime | None:
    """A number of days as the local time it stands for, to the millisecond: a double has some eleven decimals."""
    whole, point, fraction = text.partition(".")
    if not is_digits(whole, 5, 5) or (point and not is_digits(fraction)) or not 20_000 <= float(text) <= 80_000:
        return None
    milliseconds = int((Decimal(float(text)) * 86_400_000).quantize(Decimal(1), ROUND_HALF_UP))
    return datetime(1899, 12, 30) + timedelta(days=serial_days, milliseconds=milliseconds)  # noqa: DTZ001 (local)


def day(text: str, serial_days: int) -> date:
    midnight = text[11:] if text[10:11] in ("T", " ") else "?"
    clock, point, fraction = midnight.partition(".")
    is_midnight = clock in ("00:00", "00:00:00") and (not point or (clock == "00:00:00" and set(fraction) == {"0"}))
    if found := calendar_day(text[:10] if is_midnight else text, is_iso=True) or calendar_day(text, is_iso=False):
        return found
    if "." not in text and (moment := serial(text, serial_days)):
        return moment.date()
    raise Refused("not_a_date")


def month(text: str, _: int) -> date:
    found = calendar_day(f"{text}-01", is_iso=True)
    if found is None:
        raise Refused("not_a_month")
    return found


def truth(text: str, _: int) -> bool:
    if text.lower() not in TRUTHS:
        raise Refused("not_a_boolean")
    return TRUTHS[text.lower()]


def timestamp(text: str, serial_days: int) -> tuple[datetime, bool]:
    if (moment := serial(text, serial_days)) is not None:
        if float(text).is_integer():
            raise Refused("no_time_of_day")
        return in_london(moment)
    found, gap, rest = text.partition("T" if "T" in text else " ")
    iso, british = calendar_day(found, is_iso=True), calendar_day(found, is_iso=False)
    if (iso or british) and not gap:
        raise Refused("no_time_of_day")
    if british:
        # Exports that set hours flush right leave two blanks before a single digit.
        return in_london(at(british, rest.lstrip(" ") if gap == " " else rest, hour_digits=1))
    if iso is None:
        raise Refused("not_a_timestamp")
    place = next((place for place, sign in enumerate(rest) if sign in "zZ+-"), None)
    if place is None:
        return in_london(at(iso, rest, hour_digits=2))
    local = at(iso, rest[:place].removesuffix(" "), hour_digits=2)
    ahead = utc_offset(rest[place:])
    not_before_1900(local)
    not_before_1900(local - ahead)
    return local - ahead, False


def at(day: date, text: str, *, hour_digits: int) -> datetime:
    hours, *others = text.split(":")
    fraction = "0"
    if len(others) == 2:
        others[1], point, fraction = others[1].replace(",", ".").partition(".")
        if others[1] and not point:
            fraction = "0"
    numbers = [hours, *others]
    is_one = len(numbers) in (2, 3) and is_digits(hours, hour_digits, 2) and int(hours) < 24
    if not is_one or not all(is_digits(n, 2, 2) and n < "60" for n in others) or not is_digits(fraction, 1, 9):
        raise Refused("not_a_timestamp")
    hour, minute, second = [*map(int, numbers), 0][:3]
    # Digits behind the sixth are cut off.
    return datetime(day.year, day.month, day.day, hour, minute, second, int(f"{fraction:0<6}"[:6]))  # noqa: DTZ001


def utc_offset(text: str) -> timedelta:
    """How far local time is ahead of UTC: Z, or hours with or without minutes and colon."""
    if text in ("z", "Z"):
        return timedelta()
    digits = text[1:3] + (text[4:] if text[3:4] == ":" else text[3:])
    is_whole = len(digits) == 4 or (len(text) == 3 and len(digits) == 2)
    if text[0] not in "+-" or not is_whole or not is_digits(digits) or digits[:2] > "14" or digits[2:] > "59":
        raise Refused("not_a_timestamp")
    ahead = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
    return -ahead if text[0] == "-" else ahead


def not_before_1900(day: date) -> None:
    # 1 January 1900 is day 1 of Excel and the date 0 of SQL Server.
    if day.isoformat()[:10] <= "1900-01-01":
        raise Refused("before_1900")


def instants(local: datetime) -> list[datetime]:
    """The times in UTC at which a London clock shows a time: none, one, or two."""
    found = {local.replace(tzinfo=UTC) - ahead for ahead in (timedelta(), timedelta(hours=1))}
    shown = [instant for instant in found if instant.astimezone(LONDON).replace(tzinfo=None) == local]
    return sorted(instant.replace(tzinfo=None) for instant in shown)


def in_london(local: datetime) -> tuple[datetime, bool]:
    not_before_1900(local)
    found = instants(local)
    if not found:
        raise Refused("time_never_existed")
    return found[0], len(found) == 2


PARSERS: dict[CellType, Callable[[str, int], object]] = {
    CellType.INTEGER: integer,
    CellType.SECONDS: seconds,
    CellType.DATE: day,
    CellType.MONTH: month,
    CellType.BOOLEAN: truth,
}
