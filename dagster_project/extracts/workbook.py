"""Read the parts of an Excel workbook: check that its container is safe to parse, and parse the cells of its sheets."""

import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from math import isfinite
from posixpath import join, normpath
from string import digits
from typing import Any, NamedTuple
from xml.parsers import expat

from dagster_project.extracts.container import OpenFile
from dagster_project.extracts.errors import UnreadableExtract
from dagster_project.extracts.pieces import BLANKS
from dagster_project.extracts.sheet import SheetTooLarge, rows_with_value

# A sheet of 200,000 rows has about 20 members and 150 MiB; XML shrinks 10 to 30 times.
_MEMBERS, _BYTES, _RATIO = 1000, 512 << 20, 200
_RATIO_MATTERS = 1 << 20
# XML other than sheets and their texts describes the workbook: styles, names, relations.
_OTHER_XML = re.compile(r"(?!xl/worksheets/|xl/sharedstrings\.xml).*\.(?:xml|rels)")
_OTHER_BYTES = 32 << 20
# So many texts take half the memory of the process.
_STRINGS = 8_500_000
# The maximum of Excel.
_ROWS, _COLUMNS = 1_048_576, 16_384
_CHUNK = 1 << 20
# Elements with the text of a value or string.
_TEXTS = ("v", "t")

_DATE_ONLY = frozenset(range(14, 18))
_TIME_ONLY = frozenset((*range(18, 22), *range(45, 48)))
_DATE_AND_TIME = frozenset((22,))
_PERCENT = {9: "0%", 10: "0.00%"}
_DECIMALS = re.compile(r"\.([0#?]+)")
# With more decimals, or a larger number, its digits would be noise.
_MOST_DECIMALS, _LARGEST_SHARE = 15, 1e9
# The maximum of Excel; in a longer one, brackets that do not close would be searched for hours.
_FORMAT_LIMIT = 255
_LITERALS = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)

_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    expat.ExpatError,
    EOFError,
    OSError,
    LookupError,
    ValueError,
    NotImplementedError,
    RuntimeError,
)


class Style(NamedTuple):
    """What a number format shows."""

    has_date: bool = False
    has_time: bool = False
    """Whether it shows a time of day or a duration."""
    decimals: int | None = None
    """Decimals of a percentage; None if it shows none."""


class Number(NamedTuple):
    """The number of a cell."""

    value: float
    style: Style

    @property
    def is_percentage(self) -> bool:
        """Whether the cell shows a percentage whose digits are not noise."""
        return self.style.decimals is not None and abs(self.value) < _LARGEST_SHARE

    def percentage(self, scale: int) -> str:
        """Return the number times 100 and without `%`, rounded half up to the decimals that the cell shows.

        Args:
            scale: more decimals that are kept.
        """
        decimals = max(self.style.decimals or 0, min(scale, _MOST_DECIMALS))
        # Excel stores 17 digits and computes with 15; 1-0.0843 is stored as 0.91569999999999996.
        share = Decimal(f"{self.value:.15g}") * 100
        return f"{share.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP):f}"


Cell = str | Number | None
"""A text, a number, or None for a formula whose value is not stored. Errors such as #N/A are texts, and true, false."""


class Workbook:
    """The checked zip container of a workbook.

    Attributes:
        sheets: member of the container for each sheet name.
        counts_from_1904: whether day 0 is 1 January 1904.

    Args:
        file: the workbook.

    Raises:
        UnreadableExtract: on construction, if the workbook is damaged, encrypted, has macros, or is built to exhaust
            the reader.
    """

    def __init__(self, file: OpenFile) -> None:
        self._file = file
        with self._damage_is("the container"):
            self._zip = zipfile.ZipFile(file.file)
            self._check_members()
            self.counts_from_1904, self.sheets = self._read_workbook()
            self._styles = self._read_styles()
            self._strings = self._read_strings()

    @contextmanager
    def _damage_is(self, of: str) -> Iterator[None]:
        """Reject the workbook for an error of the libraries that read it."""
        try:
            yield
        except SheetTooLarge as error:
            raise self._refused("too_large", str(error)) from None
        except _ERRORS:
            raise self._refused("corrupt", f"{of} is damaged") from None

    def rows_of(self, sheet: str) -> Iterator[tuple[int, dict[int, Cell]]]:
        """Yield the rows of a sheet with cells that are not empty: number from 1, and these cells by column from 0.

        Raises:
            UnreadableExtract: the sheet is damaged.
        """
        with self._damage_is("a sheet"):
            yield from _rows(self._chunks(self.sheets[sheet]), self._styles, self._strings)

    def rows_with_value(self, sheet: str, after: int) -> int:
        """Count the rows with a value below a row, without parsing the cells.

        Raises:
            UnreadableExtract: the sheet is damaged.
        """
        blank = frozenset(i for i, text in enumerate(self._strings) if not text.strip(BLANKS))
        with self._damage_is("a sheet"):
            return rows_with_value(self._chunks(self.sheets[sheet]), after, blank)

    def _refused(self, code: str, found: str) -> UnreadableExtract:
        return UnreadableExtract(code, f"{self._file.name}: {found}; expected a plain xlsx workbook")

    def _check_members(self) -> None:
        members = self._zip.infolist()
        if len(members) > _MEMBERS:
            raise self._refused("unsafe", f"the container has {len(members)} members")
        names = [member.filename.casefold() for member in members]
        if len(set(names)) < len(names):
            raise self._refused("unsafe", "two members of the container have the same name")
        if any(member.flag_bits & 1 for member in members):
            raise self._refused("encrypted", "the container is encrypted")
        if any(name.endswith("vbaproject.bin") for name in names):
            raise self._refused("unsafe", "the workbook has macros")
        size, packed = sum(m.file_size for m in members), sum(m.compress_size for m in members)
        if size > _BYTES:
            raise self._refused("unsafe", f"the container unpacks to {size >> 20} MiB")
        if any(m.file_size > _RATIO_MATTERS and m.file_size > _RATIO * m.compress_size for m in members):
            raise self._refused("unsafe", f"a member of {packed} packed bytes unpacks to more than {_RATIO} times")
        if any(m.file_size > _OTHER_BYTES and _OTHER_XML.fullmatch(m.filename.casefold()) for m in members):
            raise self._refused(
                "unsafe", f"a description in the container unpacks to more than {_OTHER_BYTES >> 20} MiB"
            )
        if "xl/workbook.xml" not in names:
            raise UnreadableExtract(
                "wrong_extension",
                f"{self._file.name}: the container holds no workbook; "
                "the extension .xlsx means an Excel workbook (xlsx)",
            )
        for member in members:
            if member.filename.casefold().endswith((".xml", ".rels")):
                with self._zip.open(member) as part:
                    self._check_head(part.read(4096))

    def _check_head(self, head: bytes) -> None:
        # The byte patterns below would not find text in other encodings; Excel writes UTF-8 only.
        if head.startswith((b"\xfe\xff", b"\xff\xfe")) or b"\x00" in head:
            raise self._refused("unsafe", "an XML member is not UTF-8")
        if b"<!DOCTYPE" in head or b"<!ENTITY" in head:
            raise self._refused("unsafe", "an XML member declares a document type")

    def _chunks(self, part: str) -> Iterator[bytes]:
        with self._zip.open(part) as stream:
            while data := stream.read(_CHUNK):
                yield data

    def _member(self, wanted: str) -> str:
        """Return the name of a member as the container spells it; empty without the member."""
        return next((name for name in self._zip.namelist() if name.casefold() == wanted.casefold()), "")

    def _read_workbook(self) -> tuple[bool, dict[str, str]]:
        """Return whether days count from 1904, and the member of each sheet."""
        from_1904 = False
        sheets: list[tuple[str, str]] = []
        targets: dict[str, str] = {}

        def on_start(name: str, attributes: dict[str, str]) -> None:
            nonlocal from_1904
            if name == "workbookPr":
                from_1904 = attributes.get("date1904", "0").casefold() in ("1", "true", "on")
            elif name == "sheet":
                link = next((v for k, v in attributes.items() if k.rpartition(":")[2] == "id" and ":" in k), "")
                sheets.append((attributes.get("name", ""), link))
            elif name == "Relationship":
                targets[attributes.get("Id", "")] = attributes.get("Target", "")

        for part in filter(None, map(self._member, ("xl/workbook.xml", "xl/_rels/workbook.xml.rels"))):
            _parse(self._chunks(part), on_start)
        found: dict[str, str] = {}
        for name, link in sheets:
            target = targets.get(link, "")
            path = target.lstrip("/") if target.startswith("/") else normpath(join("xl", target))
            if part := self._member(path):
                found[name] = part
        if len(set(found.values())) < len(found):
            # A sheet that a thousand names stand for would be read a thousand times.
            raise self._refused("unsafe", "two sheets are one member of the container")
        return from_1904, found

    def _read_styles(self) -> list[Style]:
        """Return what each style of cells shows."""
        formats: dict[int, str] = {}
        styles: list[int] = []
        inside = False

        def on_start(name: str, attributes: dict[str, str]) -> None:
            nonlocal inside
            if name == "numFmt":
                formats[int(attributes.get("numFmtId", "0"))] = attributes.get("formatCode", "")
            elif name == "cellXfs":
                inside = True
            elif name == "cellStyles":
                inside = False
            elif name == "xf" and inside:
                styles.append(int(attributes.get("numFmtId", "0")))

        if part := self._member("xl/styles.xml"):
            _parse(self._chunks(part), on_start)
        return [Style(*_shows(number, formats), _decimals_of_percentage(number, formats)) for number in styles]

    def _read_strings(self) -> list[str]:
        """Return the texts that cells refer to."""
        strings: list[str] = []
        texts: list[str] = []

        def on_end(name: str) -> None:
            if name == "si":
                strings.append("".join(texts))
                texts.clear()
                if len(strings) > _STRINGS:
                    raise SheetTooLarge(f"the workbook has more than {_STRINGS} texts")

        if part := self._member("xl/sharedStrings.xml"):
            _parse(self._chunks(part), lambda *_: None, on_end, texts)
        return strings


def _shows(number: int, formats: dict[int, str]) -> tuple[bool, bool]:
    """Return whether a number format shows a date, and whether it shows a time of day."""
    code = formats.get(number)
    if code is None:
        has_date = number in _DATE_ONLY or number in _DATE_AND_TIME
        return has_date, number in _TIME_ONLY or number in _DATE_AND_TIME
    letters = _first_section(code).casefold()
    return any(c in letters for c in "dy"), any(c in letters for c in "hs")


def _decimals_of_percentage(number: int, formats: dict[int, str]) -> int | None:
    """Return how many decimals of a percentage a number format shows; None if it shows none."""
    code = _first_section(formats.get(number) or _PERCENT.get(number, ""))
    decimals = _DECIMALS.search(code)
    return None if "%" not in code else min(len(decimals[1]), _MOST_DECIMALS) if decimals else 0


def _first_section(code: str) -> str:
    """Return the part of a number format for positive numbers, without its literal characters."""
    return _LITERALS.sub("", code[:_FORMAT_LIMIT]).split(";")[0]


def _rows(chunks: Iterator[bytes], styles: list[Style], strings: list[str]) -> Iterator[tuple[int, dict[int, Cell]]]:
    """Yield the rows of a sheet as `Workbook.rows_of`; without a position, a row or cell follows the one before."""
    found: list[tuple[int, dict[int, Cell]]] = []
    cells: dict[int, Cell] = {}
    texts: list[str] = []
    row, column, kind, style = 0, -1, "n", 0
    has_formula = False

    def on_start(name: str, attributes: dict[str, str]) -> None:
        nonlocal row, column, kind, style, has_formula
        if name == "c":
            place = attributes.get("r")
            column = _column(place.rstrip(digits)) if place else column + 1
            kind, style = attributes.get("t", "n"), int(attributes.get("s", 0))
            has_formula = False
            texts.clear()
        elif name == "f":
            has_formula = True
        elif name == "row":
            before, row, column = row, int(attributes.get("r", row + 1)), -1
            if not before < row <= _ROWS:
                raise ValueError("rows that do not ascend")

    def on_end(name: str) -> None:
        nonlocal cells
        if name == "c" and (texts or has_formula):
            text = "".join(texts)
            # An empty value counts as stored only if the result of the formula is text.
            if has_formula and not (text.strip() or (texts and kind == "str")):
                cells[column] = None
            elif kind == "s":
                cells[column] = strings[int(text)]
            elif kind == "b":
                cells[column] = "true" if text.strip() == "1" else "false"
            elif kind != "n":
                cells[column] = text
            elif text.strip():
                if not isfinite(value := float(text)):
                    raise ValueError("a number that is none")
                cells[column] = Number(value, styles[style] if style < len(styles) else Style())
        elif name == "row" and cells:
            found.append((row, cells))
            cells = {}

    parser = _parser(on_start, on_end, texts)
    for data in chunks:
        parser.Parse(data, False)
        yield from found
        found.clear()
    parser.Parse(b"", True)
    yield from found


@lru_cache(_COLUMNS)
def _column(letters: str) -> int:
    """Return the number of a column, from 0."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    if not 0 < number <= _COLUMNS:
        raise ValueError("no column of a sheet")
    return number - 1


def _parse(
    chunks: Iterator[bytes],
    on_start: Callable[[str, dict[str, str]], None],
    on_end: Callable[[str], None] = lambda _: None,
    texts: list[str] | None = None,
) -> None:
    """Parse XML to its end, with handlers as for `_parser`."""
    parser = _parser(on_start, on_end, [] if texts is None else texts)
    for data in chunks:
        parser.Parse(data, False)
    parser.Parse(b"", True)


def _parser(
    on_start: Callable[[str, dict[str, str]], None], on_end: Callable[[str], None], texts: list[str]
) -> expat.XMLParserType:
    """Return a parser of XML that rejects a document type.

    Args:
        on_start: called with the name of an element, without its prefix, and its attributes; not for those of texts.
        on_end: called with the name of an element.
        texts: gets an empty text for each value or string, and its parts, without reading aids.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True
    local, add = _LocalNames(), texts.append
    in_reading = False

    def refuse(*_: Any) -> None:
        raise ValueError("document type")

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal in_reading
        name = local[name]
        if name in _TEXTS:
            if not in_reading:
                add("")
                parser.CharacterDataHandler = add
        elif name == "rPh":
            in_reading = True
        else:
            on_start(name, attributes)

    def end(name: str) -> None:
        nonlocal in_reading
        name = local[name]
        if name in _TEXTS:
            parser.CharacterDataHandler = None
        elif name == "rPh":
            in_reading = False
        else:
            on_end(name)

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler = start, end
    return parser


class _LocalNames(dict[str, str]):
    """Names of elements without their prefix."""

    def __missing__(self, name: str) -> str:
        self[name] = local = name.rpartition(":")[2]
        return local
