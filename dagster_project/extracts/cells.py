"""Interpret the text of a cell: SQL expressions for each cell type. Rows are in `rows.py`.

Readers of all file formats return cells as text, and DuckDB parses the text with these expressions. So all five formats
share one parser, and it works on columns instead of single cells: about 0.5 µs per cell. Patterns always come before
casts, because DuckDB's casts accept invalid text ('1.5' becomes the integer 2, '24:00:00' midnight of the next day).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from dagster_project.clock import LONDON_NAME
from dagster_project.contracts import CellType, Column
from dagster_project.contracts.model import EPOCH_FORMATS
from dagster_project.extracts.personal import DAY_BEFORE_NUMBER, EMAIL, NAME, NUMBER, PLAIN, UUID
from dagster_project.sql import literal, quoted

# Words that mean "no value", in upper or lower case; empty cells are already null.
NULL_WORDS = ("NULL", "N/A", "-", "#N/A", "#DIV/0!", "-9999")

# Excel serial numbers that are read as timestamps: 1954-10-03 to 2119-01-11.
SERIAL_FIRST, SERIAL_LAST = 20_000, 80_000

# The type of a decimal comes from its contract: see `sql_type_of`.
_SQL_TYPES = {
    CellType.TEXT: "varchar",
    CellType.INTEGER: "bigint",
    CellType.SECONDS: "decimal(18, 6)",
    CellType.TIMESTAMP: "timestamp",
    CellType.DATE: "date",
    CellType.MONTH: "date",
    CellType.BOOLEAN: "boolean",
}

_INTEGER = r"-?(\d{1,18}|\d{1,3}(,\d{3}){1,5})"
_DECIMAL = r"-?(\d{1,12}|\d{1,3}(,\d{3}){1,3})(\.\d+)?"
# As many digits as any type can have; the cast rejects numbers that do not fit the column's type.
_GROUPED = r"-?(\d{1,38}|\d{1,3}(,\d{3}){1,12})"
_PLAIN_SECONDS = r"\d{1,9}"
_CLOCK = r"\d{1,7}:[0-5]\d(\.\d+)?"
_CLOCK_WITH_HOURS = r"\d{1,7}:[0-5]\d:[0-5]\d(\.\d+)?"
_WORDS = r"(\d+ ?h ?)?(\d+ ?m ?)?(\d+(\.\d+)? ?s)?"
_TIME = r"([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d([.,]\d{1,9})?)?"
_ISO_DAY = r"[1-9]\d{3}-\d{2}-\d{2}"
_ISO = rf"{_ISO_DAY}[T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d([.,]\d{{1,9}})?)?"
_OFFSET = r" ?([zZ]|[+-](0\d|1[0-4])(:?[0-5]\d)?)"
_BRITISH_DAY = r"\d{1,2}/\d{1,2}/[1-9]\d{3}"
_BRITISH = rf"{_BRITISH_DAY}(T| +){_TIME}"
TIME_OF_DAY = rf"{_ISO}({_OFFSET})?|{_BRITISH}"
"""Regular expression for a day with a time of day; Excel serial numbers are left out, which look like counts."""
_MONTH = r"[1-9]\d{3}-(0[1-9]|1[0-2])"
_SERIAL = r"\d{5}(\.\d+)?"
_MIDNIGHT = r"[T ]00:00(:00(\.0+)?)?"
# How many characters of a cell a message shows, and which ones unescaped: no markup of HTML, Markdown or a terminal,
# and no quote that would end the value.
_SHOWN_CHARACTERS = 40
# Characters of a National Insurance number; no telephone number has fewer.
_SHORTEST_NUMBER = 9
_PLAIN = r"[\p{Latin}0-9 .,:;/+_#%()?!£€=-]"
_BOOLEANS = {True: ("y", "yes", "true", "1"), False: ("n", "no", "false", "0")}


@dataclass(frozen=True)
class Fault:
    """Why a cell or row is faulty: a stable code, and a sentence that explains it."""

    code: str
    sentence: str


NOT_OF_TYPE = {
    CellType.INTEGER: Fault("not_an_integer", "not a whole number in digits"),
    CellType.DECIMAL: Fault("not_a_decimal", "not a number in decimal digits"),
    CellType.SECONDS: Fault("not_seconds", "not a duration (seconds, MM:SS, H:MM:SS, 4m 56s)"),
    CellType.TIMESTAMP: Fault(
        "not_a_timestamp", "not a point in time (ISO 8601, DD/MM/YYYY HH:MM[:SS] or an Excel serial number)"
    ),
    CellType.DATE: Fault("not_a_date", "not a date (YYYY-MM-DD or DD/MM/YYYY)"),
    CellType.MONTH: Fault("not_a_month", "not a month (YYYY-MM)"),
    CellType.BOOLEAN: Fault("not_a_boolean", "not a yes or no (Y/N, Yes/No, True/False, 1/0)"),
}
TOO_MANY_DECIMALS = Fault("too_many_decimals", "more digits after the point than the contract allows")
NO_TIME_OF_DAY = Fault("no_time_of_day", "a date without a time of day where a point in time is expected")
NEVER_EXISTED = Fault("time_never_existed", "a local time that the clock change in spring skipped")
# Null dates of spreadsheets (30 December 1899, 1 January 1900) and databases (1 January 1900, year 1753 or 1000); the
# warehouse has a row for every day from the first one.
FIRST_DAY = date(1900, 1, 2)
BEFORE_1900 = Fault("before_1900", 'before 2 January 1900; many systems write 1 January 1900 or earlier for "no date"')
REQUIRED_EMPTY = Fault("required_empty", "no value in a required column")
NOT_IN_LIST = Fault("not_in_list", "a value outside the closed list")
BELOW_MINIMUM = Fault("below_minimum", "a value below the minimum")
ABOVE_MAXIMUM = Fault("above_maximum", "a value above the maximum")
NOT_OF_FORM = Fault("not_of_form", "not of the form that the contract states")
UNKNOWN_FORCE = Fault("unknown_force", "not a force of the list in dbt/seeds/police_forces.csv")
LOOKS_PERSONAL = Fault(
    "looks_personal",
    "an email address, a telephone number, a National Insurance number or a name with dots in a column that is not "
    "marked as personal; if good values look like that, its contract states resemblesPersonal",
)
OUT_OF_ORDER = Fault("out_of_order", "a time in an impossible order")
REQUIRED_WHEN = Fault("required_when", "no value, which another column requires")


def sql_type_of(column: Column) -> str:
    """Return the SQL type of a column's values; for personal columns see `warehouse/tables.py`."""
    if column.cell_type is CellType.DECIMAL:
        return f"decimal({column.precision}, {column.scale})"
    return _SQL_TYPES[column.cell_type]


def without_null_words(cell: str, more: Sequence[str] = ()) -> str:
    """Return SQL for a text cell, null if its text is one of the null words, in any case.

    Args:
        cell: SQL of the trimmed text.
        more: null words of the column.
    """
    null_words = (*NULL_WORDS, *more)
    words = ", ".join(literal(word.upper()) for word in null_words)
    longest = max(map(len, null_words))
    return f"case when length({cell}) > {longest} then {cell} when upper({cell}) not in ({words}) then {cell} end"


def is_match(text: str, pattern: str) -> str:
    """Return SQL that is true if the whole text matches a regular expression of this module."""
    return f"regexp_full_match({text}, '{pattern}')"


def value_of(column: Column) -> str:
    """Return SQL for the typed value of a column, null if the text is not of the type.

    Args:
        column: any column except timestamps, which need `local_time_of` and the whole row.

    Returns:
        An expression over the column's text (nulls removed), of the type `sql_type_of`. Values of a closed list are
        compared without case and returned in the contract's spelling.
    """
    cell = quoted(column.name)
    if column.values:
        lowered = _texts(value.lower() for value in column.values)
        place = f"list_position({lowered}, lower({cell}))"
        if column.cell_type is CellType.INTEGER:
            # Numbers are compared by value: '060' is in a list with 60.
            digits = f"cast({_number(cell, _INTEGER, 'bigint')} as varchar)"
            place = f"coalesce({place}, list_position({lowered}, {digits}))"
        spelling = f"{_texts(column.values)}[{place}]"
        return f"try_cast({spelling} as {sql_type_of(column)})"
    return {
        CellType.TEXT: lambda: cell,
        CellType.INTEGER: lambda: _number(cell, _INTEGER, "bigint"),
        # Zeros beyond the scale are allowed: some programs write a fixed number of decimals.
        CellType.DECIMAL: lambda: _number(
            cell, _GROUPED + rf"(\.(\d{{1,{column.scale}}}|\d{{{column.scale}}}0+))?", sql_type_of(column)
        ),
        CellType.SECONDS: lambda: _seconds(cell),
        CellType.DATE: lambda: _in_formats(column, _date(cell), "cast({} as date)"),
        CellType.MONTH: lambda: _in_formats(
            column,
            f"case when {is_match(cell, _MONTH)} then try_cast({cell} || '-01' as date) end",
            "cast(date_trunc('month', {}) as date)",
        ),
        CellType.BOOLEAN: lambda: _boolean(cell),
    }[column.cell_type]()


def has_too_many_decimals(column: Column) -> str:
    """Return SQL that is true if the text of a decimal column is a number with more decimals than its scale.

    Trailing zeros do not count.
    """
    cell = quoted(column.name)
    return is_match(cell, _GROUPED + rf"\.\d{{{column.scale}}}\d*[1-9]\d*")


def _texts(texts: Iterable[str]) -> str:
    """Return SQL for a list of texts."""
    return f"[{', '.join(map(literal, texts))}]"


def is_of_form(column: Column) -> str:
    """Return SQL that is true if the text of a column has the pattern and length that its contract states."""
    cell = quoted(column.name)
    length = [f"length({cell}) <= {column.max_length}"] if column.max_length else []
    pattern = [f"regexp_full_match({cell}, {literal(column.pattern)})"] if column.pattern else []
    return " and ".join([*length, *pattern])


def bound_of(bound: int | Decimal | date) -> str:
    """Return SQL for a minimum or maximum of a contract."""
    if isinstance(bound, Decimal):
        return format(bound, "f")
    return str(bound) if isinstance(bound, int) else f"date '{bound}'"


def looks_personal(column: Column) -> str:
    """Return SQL that is true if the text of a column has a personal value in it and no good value looks like that."""
    cell = quoted(column.name)
    ascii_of = f"translate({cell}, '{''.join(PLAIN)}', '{''.join(PLAIN.values())}')"
    # Each branch is computed only for the cells that reach it: most have only ASCII, no at sign and no number.
    return f"""case
        when strlen({cell}) > length({cell}) then {_has_personal_value(ascii_of, column)}
        else {_has_personal_value(cell, column)}
    end"""


def _has_personal_value(text: str, column: Column) -> str:
    number = f"""
        when length({text}) >= {_SHORTEST_NUMBER} and regexp_matches({text}, '{NUMBER}')
            then regexp_matches(regexp_replace({text}, '{DAY_BEFORE_NUMBER}', ' ', 'g'), '{NUMBER}')
                and not {is_match(text, UUID)}"""
    return f"""case
        when contains({text}, '@') and regexp_matches({text}, '{EMAIL}') then true
        when contains({text}, '.') and {is_match(text, NAME)} then true
        {"" if column.resembles_personal else number}
        else false
    end"""


def _in_formats(column: Column, otherwise: str, cast: str = "{}") -> str:
    """Return SQL for a time in one of the formats that a column states; another text is not read as British.

    Args:
        column: the column.
        otherwise: SQL of its value in the formats of all columns.
        cast: SQL of the value of a timestamp, in place of `{}`.
    """
    if not column.time_formats:
        return otherwise
    cell = quoted(column.name)
    known = [
        f"case when {is_match(cell, digits)} then make_timestamp(cast({cell} as bigint) * {microseconds}) end"
        for digits, microseconds in _epochs(column)
    ]
    dates = date_formats(column)
    if others := [form for form in column.time_formats if form not in (*EPOCH_FORMATS, *dates)]:
        known.append(f"try_strptime({cell}, {_texts(others)})")
    if dates:
        known.append(f"try_strptime({cell}, {_texts(dates)}) + {_time_of_dates(column)}")
    stated = f"coalesce({', '.join(known)})"
    return f"""case
        when {stated} is not null then {cast.format(stated)}
        when not regexp_matches({cell}, '^{_BRITISH_DAY}') then {otherwise}
    end"""


def _epochs(column: Column) -> list[tuple[str, int]]:
    return [EPOCH_FORMATS[form] for form in column.time_formats if form in EPOCH_FORMATS]


def date_formats(column: Column) -> list[str]:
    """Return the formats of a point in time that have no time of day."""
    formats = column.time_formats if column.cell_type is CellType.TIMESTAMP else ()
    return [form for form in formats if form not in EPOCH_FORMATS and not re.search("%[HI]", form)]


def _time_of_dates(column: Column) -> str:
    """Return SQL of the time of day of such dates: the end of the day where the time is not before another."""
    return f"interval {86_399 if column.not_before else 0} second"


def local_time_of(column: Column, *, serial_days: str) -> str:
    """Return SQL for the clock time in a text, as a timestamp without zone and before any offset is applied.

    Args:
        column: a column of timestamps.
        serial_days: SQL of the days to add to an Excel serial number (1462 in a workbook of the 1904 date system).

    Returns:
        An expression that is null if the text is not a date with a time of day.
    """
    cell = quoted(column.name)
    wall = rf"regexp_replace({cell}, '{_OFFSET}$', '')"
    # The most common spelling is read without patterns: it is valid if the cast, written back, gives the same text.
    # This halves the cost of a column.
    plain = f"try_cast({cell} as timestamp)"
    is_plain = f"length({cell}) = 19 and cast({plain} as varchar) = replace({cell}, 'T', ' ')"
    serial = f"try_cast({cell} as double)"
    text = rf"""case
        when {is_plain} and {plain} >= timestamp '1000-01-01' then {plain}
        when {is_match(cell, _ISO + "(" + _OFFSET + ")?")} then try_cast(replace({wall}, ',', '.') as timestamp)
        when {is_match(cell, _BRITISH)} then try_cast(replace(regexp_replace(
            {cell}, '^(\d{{1,2}})/(\d{{1,2}})/(\d{{4}})[T ]+(.*)$', '\3-\2-\1 \4'
        ), ',', '.') as timestamp)
        when {is_match(cell, _SERIAL)} and {serial} between {SERIAL_FIRST} and {SERIAL_LAST}
            and {serial} <> floor({serial})
            then timestamp '1899-12-30'
                + to_milliseconds(cast(round(({serial} + {serial_days}) * 86400000) as bigint))
    end"""
    if date_formats(column):
        text = f"coalesce({text}, cast({_date(cell)} as timestamp) + {_time_of_dates(column)})"
    return _in_formats(column, text)


def utc_offset_of(column: Column) -> str:
    """Return SQL for the UTC offset in minutes that the text of a timestamp states; null if it states none."""
    cell = quoted(column.name)
    epochs = [f"when {is_match(cell, digits)} then 0" for digits, _ in _epochs(column)]
    text = rf"regexp_extract({cell}, '{_ISO_DAY}[T ].*?(' || '{_OFFSET}' || ')$', 1)"
    digits = f"regexp_replace({text}, '[^0-9]', '', 'g')"
    return rf"""case
        {" ".join(epochs)}
        when length({cell}) = 19 and substr({cell}, 17, 1) = ':' then null
        when {text} = '' then null
        when upper(trim({text})) = 'Z' then 0
        else (case when contains({text}, '-') then -1 else 1 end) * (
            cast(left({digits}, 2) as bigint) * 60 + coalesce(try_cast(substr({digits}, 3, 2) as bigint), 0)
        )
    end"""


def has_no_time_of_day(cell: str) -> str:
    """Return SQL that is true if a text is a plain date: the usual reason why a timestamp does not parse."""
    # Only whole serial numbers do not parse; a spreadsheet may write them as 44864.0.
    is_serial = f"{is_match(cell, _SERIAL)} and try_cast({cell} as double) between {SERIAL_FIRST} and {SERIAL_LAST}"
    return f"(length({cell}) <= {len('2022-10-30')} and {_date(cell)} is not null or {is_serial})"


def london_time_of(utc: str) -> str:
    """Return SQL for the local time in London of a UTC timestamp without zone; the session's time zone is UTC."""
    return f"timezone('{LONDON_NAME}', cast({utc} as timestamptz))"


WHOLE_SERIAL, SERIAL_WITH_FRACTION = r"^([2-7]\d{4}|80000)(\.0+)?$", r"^[2-7]\d{4}\.\d*[1-9]\d*$"
"""Regular expressions for an Excel serial number without and with a time of day."""


def midnight_of(text: str | None, serial_days: int) -> str | None:
    """Return the midnight that a whole Excel serial number stands for, as text; any other text unchanged.

    Args:
        text: a cell.
        serial_days: days to add to it (1462 in a workbook of the 1904 date system).
    """
    if text is None or not re.fullmatch(WHOLE_SERIAL, text):
        return text
    return f"{date(1899, 12, 30) + timedelta(int(float(text)) + serial_days)} 00:00"


def is_summer_reading(local: str) -> str:
    """Return SQL that is true if a local time can be read as British Summer Time (one hour ahead of UTC)."""
    return f"{london_time_of(f'{local} - interval 1 hour')} = {local}"


def is_winter_reading(local: str) -> str:
    """Return SQL that is true if a local time can be read as Greenwich Mean Time."""
    return f"{london_time_of(local)} = {local}"


def london_offset_of(utc: str) -> str:
    """Return SQL for the minutes that London is ahead of UTC at a UTC timestamp without zone."""
    return f"date_diff('minute', {utc}, {london_time_of(utc)})"


def shape_of(cell: str) -> str:
    """Return SQL for the shape of a text: what a message says of it where its readers may not see the text."""
    digits, letters = f"regexp_replace({cell}, '[^0-9]', '', 'g')", r"\pL+"
    characters = f"length({cell})"
    return f"""case
        when {is_match(cell, "[0-9]+")} then {characters} || case when {characters} = 1 then ' digit' else ' digits' end
        when {is_match(cell, letters)}
            then 'text of ' || {characters} || case when {characters} = 1 then ' letter' else ' letters' end
        else 'text of ' || {characters} || case when {characters} = 1 then ' character' else ' characters' end
            || case when length({digits}) > 0 then ', ' || length({digits}) || ' of them digits' else '' end
    end"""


def shown_text(cell: str) -> str:
    """Return SQL for the text of a cell as `fcir check` shows it: shortened, with possible markup escaped.

    Letters of other scripts are escaped too, so that look-alikes are visible.

    Args:
        cell: SQL of the trimmed text of a column that is not personal.
    """
    cut = f"left({cell}, {_SHOWN_CHARACTERS})"
    escaped = rf"""array_to_string([
        case when {is_match("c", _PLAIN)} then c else format('\u{{:04x}}', unicode(c)) end
        for c in string_split({cut}, '')
    ], '')"""
    # A terminal may turn a URL into a link.
    plain = rf"case when {is_match(cut, _PLAIN + '*')} then replace({cut}, '://', '\u003a//') else {escaped} end"
    return f"""'"' || {plain} || case when length({cell}) > {_SHOWN_CHARACTERS} then '…"' else '"' end"""


def _number(cell: str, pattern: str, sql_type: str) -> str:
    return f"case when {is_match(cell, pattern)} then try_cast(replace({cell}, ',', '') as {sql_type}) end"


def _seconds(cell: str) -> str:
    def part(unit: str) -> str:
        # Null if there are too many digits; the text is then not a duration. The type is wide enough for the
        # multiplication, because an overflow in a product of decimals ends the query.
        digits = rf"nullif(regexp_extract(lower({cell}), '([\d.]+) ?{unit}', 1), '')"
        return f"try_cast(coalesce({digits}, '0') as decimal(28, 6))"

    def clock(position: int) -> str:
        return f"try_cast(split_part({cell}, ':', {position}) as decimal(18, 6))"

    return f"""case
        when {is_match(cell, _PLAIN_SECONDS)} then cast({cell} as decimal(18, 6))
        when {is_match(cell, _DECIMAL)} then try_cast(replace({cell}, ',', '') as decimal(18, 6))
        when {is_match(cell, _CLOCK_WITH_HOURS)} then try_cast(
            {clock(1)} * 3600 + {clock(2)} * 60 + {clock(3)} as decimal(18, 6))
        when {is_match(cell, _CLOCK)} then try_cast({clock(1)} * 60 + {clock(2)} as decimal(18, 6))
        when {cell} <> '' and {is_match(f"lower({cell})", _WORDS)} then try_cast(
            {part("h")} * 3600 + {part("m")} * 60 + {part("s")} as decimal(18, 6))
    end"""


def _date(cell: str) -> str:
    serial = f"try_cast({cell} as bigint)"
    return rf"""case
        when {is_match(cell, f"{_ISO_DAY}({_MIDNIGHT})?")} then try_cast(left({cell}, 10) as date)
        when {is_match(cell, _BRITISH_DAY)} then try_cast(regexp_replace(
            {cell}, '^(\d{{1,2}})/(\d{{1,2}})/(\d{{4}})$', '\3-\2-\1'
        ) as date)
        when {is_match(cell, chr(92) + "d{5}")} and {serial} between {SERIAL_FIRST} and {SERIAL_LAST}
            then date '1899-12-30' + cast({serial} + serial_days as integer)
    end"""


def _boolean(cell: str) -> str:
    yes, no = (", ".join(f"'{word}'" for word in _BOOLEANS[truth]) for truth in (True, False))
    return f"case when lower({cell}) in ({yes}) then true when lower({cell}) in ({no}) then false end"
