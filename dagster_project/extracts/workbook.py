"""Check that the container of an Excel workbook is safe to parse, and read facts about cells that the parser omits."""

import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from posixpath import join, normpath
from typing import Any
from xml.parsers import expat

from dagster_project.extracts.container import OpenFile
from dagster_project.extracts.errors import UnreadableExtract
from dagster_project.extracts.pieces import BLANKS
from dagster_project.extracts.sheet import SheetRows, SheetTooLarge, may_have_blank_strings, sheet_rows

# A sheet of 200,000 rows has about 20 members and 150 MiB; XML shrinks 10 to 30 times.
_MEMBERS, _BYTES, _RATIO = 1000, 512 << 20, 200
_RATIO_MATTERS = 1 << 20
# XML other than sheets and their texts describes the workbook: styles, names, relations.
_OTHER_XML = re.compile(r"(?!xl/worksheets/|xl/sharedstrings\.xml).*\.(?:xml|rels)")
_OTHER_BYTES = 32 << 20
# Bytes of the parser per cell of the grid that spans all filled cells, and per filled cell in a list that doubles when
# it is full. The measured total was 755 MB for 750,000 rows of 11 columns and 1,108 MB for 800,000. Python, Arrow and
# the texts add about 300 MB.
_GRID_CELL, _FILLED_CELL, _MEMORY = 32, 40, 640 << 20
# Above the number of filled cells that fit into the memory.
_STRINGS = 8_500_000
_CHUNK = 1 << 20

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


@dataclass(frozen=True)
class Percentage:
    """A number that is shown as a percentage, times 100."""

    value: Decimal
    decimals: int

    @property
    def shown(self) -> str:
        """The text that the cell shows."""
        return f"{self.number(0)}%"

    def number(self, scale: int) -> str:
        """Return the number without `%`, rounded half up to the decimals that the cell shows.

        Args:
            scale: more decimals that are kept.
        """
        decimals = max(self.decimals, min(scale, _MOST_DECIMALS))
        return f"{self.value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP):f}"


@dataclass
class CellFacts:
    """Facts by sheet row, from 1, and column, from 0."""

    without_value: dict[int, set[int]] = field(default_factory=dict)
    """Formulas without a stored value."""
    with_time: dict[int, set[int]] = field(default_factory=dict)
    """Numbers with a number format that shows date and time."""
    days: dict[int, dict[int, str]] = field(default_factory=dict)
    """Numbers with a number format that shows a date and no time; as dates, 59 and 60 would be the same."""
    misread: dict[int, dict[int, str]] = field(default_factory=dict)
    """Texts of cells that the parser misreads: errors such as #N/A as empty, negative days and times as zero."""
    percentages: dict[int, dict[int, Percentage]] = field(default_factory=dict)
    """Numbers with a number format that shows them as a percentage."""


class Workbook:
    """The checked zip container of a workbook.

    Attributes:
        sheets: member of the container for each sheet name.
        counts_from_1904: whether day 0 is 1 January 1904.
        dates_have_time: whether all date formats show a time of day; None if only some do.
        has_percentages: whether a number format shows a percentage.
        rows: content of the rows for each sheet name.

    Args:
        file: the workbook.

    Raises:
        UnreadableExtract: on construction, if the workbook is damaged, encrypted, has macros, or is built to exhaust
            the reader.
    """

    def __init__(self, file: OpenFile) -> None:
        self._file = file
        try:
            self._zip = zipfile.ZipFile(file.file)
            self._check_members()
            self.counts_from_1904, self.sheets = self._read_workbook()
            self._styles, self.dates_have_time, self._percentages = self._read_styles()
            self.has_percentages = bool(self._percentages)
            blank = self._blank_strings()
            self.rows = {name: self._check_sheet(part, blank) for name, part in self.sheets.items()}
        except SheetTooLarge as error:
            raise self._refused("too_large", str(error)) from None
        except _ERRORS:
            raise self._refused("corrupt", "the container is damaged") from None
        self._facts: dict[str, CellFacts] = {}

    def is_suspect(self, sheet: str) -> bool:
        """Return whether the sheet has formulas, errors or negative numbers, so that its facts are needed."""
        return self.rows[sheet].is_suspect

    def facts(self, sheet: str) -> CellFacts:
        """Return facts about the cells of a sheet; they are read on first use."""
        if sheet not in self._facts:
            try:
                self._facts[sheet] = _cell_facts(self._chunks(self.sheets[sheet]), self._styles, self._percentages)
            except _ERRORS:
                raise self._refused("corrupt", "a sheet is damaged") from None
        return self._facts[sheet]

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

    def _read_workbook(self) -> tuple[bool, dict[str, str]]:
        """Return whether days count from 1904, and the member of each sheet."""
        workbook = next(n for n in self._zip.namelist() if n.casefold() == "xl/workbook.xml")
        from_1904 = False
        sheets: list[tuple[str, str]] = []
        targets: dict[str, str] = {}

        def on_workbook(name: str, attributes: dict[str, str]) -> None:
            nonlocal from_1904
            if name == "workbookPr":
                from_1904 = attributes.get("date1904", "0").casefold() in ("1", "true", "on")
            elif name == "sheet":
                link = next((v for k, v in attributes.items() if k.rpartition(":")[2] == "id" and ":" in k), "")
                sheets.append((attributes.get("name", ""), link))

        def on_relations(name: str, attributes: dict[str, str]) -> None:
            if name == "Relationship":
                targets[attributes.get("Id", "")] = attributes.get("Target", "")

        _parse(self._chunks(workbook), on_workbook)
        relations = next((n for n in self._zip.namelist() if n.casefold() == "xl/_rels/workbook.xml.rels"), None)
        if relations:
            _parse(self._chunks(relations), on_relations)
        members = {name.casefold(): name for name in self._zip.namelist()}
        found: dict[str, str] = {}
        for name, link in sheets:
            target = targets.get(link, "")
            path = target.lstrip("/") if target.startswith("/") else normpath(join("xl", target))
            if path.casefold() in members:
                found[name] = members[path.casefold()]
        if len(set(found.values())) < len(found):
            # A sheet that a thousand names stand for would be read a thousand times.
            raise self._refused("unsafe", "two sheets are one member of the container")
        return from_1904, found

    def _read_styles(self) -> tuple[list[tuple[bool, bool]], bool | None, dict[int, int]]:
        """Return what the styles of cells show.

        Returns:
            Whether each style shows a date and a time, whether all or none of the date styles show a time, and the
            decimals of each style that shows a percentage.
        """
        part = next((n for n in self._zip.namelist() if n.casefold() == "xl/styles.xml"), None)
        if part is None:
            return [], False, {}
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

        _parse(self._chunks(part), on_start)
        shown = [_shows(number, formats) for number in styles]
        has_timed = (True, True) in shown
        decimals = ((style, _decimals_of_percentage(number, formats)) for style, number in enumerate(styles))
        percentages = {style: count for style, count in decimals if count is not None}
        return shown, None if has_timed and (True, False) in shown else has_timed, percentages

    def _blank_strings(self) -> frozenset[int]:
        """Return the indices of shared strings without text; the whole member is read, which checks its size."""
        part = next((n for n in self._zip.namelist() if n.casefold() == "xl/sharedstrings.xml"), None)
        if part is None:
            return frozenset()
        # Read all chunks even after the first match, because reading checks the size that the container states.
        may_have_blank = [may_have_blank_strings(chunk) for chunk in self._chunks(part)]
        if not any(may_have_blank):
            return frozenset()
        blank: list[int] = []
        count = 0
        in_text = in_reading = has_text = False

        def on_start(name: str, _: dict[str, str]) -> None:
            nonlocal in_text, in_reading, has_text
            if name == "si":
                has_text = False
            elif name == "rPh":
                in_reading = True
            in_text = name == "t" and not in_reading

        def on_text(data: str) -> None:
            nonlocal has_text
            has_text = has_text or (in_text and bool(data.strip(BLANKS)))

        def on_end(name: str) -> None:
            nonlocal in_text, in_reading, count
            in_text = False
            if name == "rPh":
                in_reading = False
            elif name == "si":
                if not has_text:
                    blank.append(count)
                count += 1
                if count > _STRINGS:
                    raise SheetTooLarge(f"the workbook has more than {_STRINGS} texts")

        _parse(self._chunks(part), on_start, on_end, on_text)
        return frozenset(blank)

    def _check_sheet(self, part: str, blank_strings: frozenset[int]) -> SheetRows:
        """Return the content of the rows of a sheet; reject a sheet with too many cells for the memory."""
        rows = sheet_rows(self._chunks(part), blank_strings)
        listed = 1 << max(0, rows.values - 1).bit_length()
        if rows.span * rows.last_column * _GRID_CELL + listed * _FILLED_CELL > _MEMORY:
            raise UnreadableExtract(
                "too_large",
                f"{self._file.name}: a sheet spans {rows.span} rows and {rows.last_column} columns, "
                f"{rows.values} cells of them filled, more than fit into memory; deliver it as CSV",
            )
        return rows


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


def _parse(
    chunks: Iterator[bytes],
    on_start: Callable[[str, dict[str, str]], None],
    on_end: Callable[[str], None] | None = None,
    on_text: Callable[[str], None] | None = None,
) -> None:
    """Parse XML, with element names without prefix; a document type is an error."""
    parser = expat.ParserCreate()

    def refuse(*_: Any) -> None:
        raise ValueError("document type")

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = lambda name, attributes: on_start(name.rpartition(":")[2], attributes)
    if on_end:
        parser.EndElementHandler = lambda name: on_end(name.rpartition(":")[2])
    if on_text:
        parser.CharacterDataHandler = on_text
    for data in chunks:
        parser.Parse(data, False)
    parser.Parse(b"", True)


class _Place:
    """Row and column of the current cell; cells and rows without a reference follow the ones before."""

    def __init__(self) -> None:
        self.row = 0
        self.column = -1

    def move(self, name: str, attributes: dict[str, str]) -> None:
        reference = attributes.get("r")
        if name == "row":
            self.row = int(reference) if reference else self.row + 1
            self.column = -1
        elif reference:
            letters = reference.rstrip("0123456789")
            self.row = int(reference[len(letters) :])
            column = 0
            for letter in letters.upper():
                column = column * 26 + ord(letter) - 64
            self.column = column - 1
        else:
            self.column += 1


def _cell_facts(
    chunks: Iterator[bytes], styles: Sequence[tuple[bool, bool]], percentages: Mapping[int, int]
) -> CellFacts:
    facts = CellFacts()
    place = _Place()
    style = 0
    is_text = is_error = is_number = has_formula = has_value = in_value = False
    value = io.StringIO()

    def on_start(name: str, attributes: dict[str, str]) -> None:
        nonlocal style, is_text, is_error, is_number, has_formula, has_value, in_value, value
        if name == "row":
            place.move(name, attributes)
        elif name == "c":
            place.move(name, attributes)
            is_text, is_error, is_number = (attributes.get("t", "n") == kind for kind in ("str", "e", "n"))
            style = int(attributes.get("s", "0"))
            has_formula = has_value = False
            value = io.StringIO()
        elif name == "f":
            has_formula = True
        elif name in ("v", "is"):
            has_value = in_value = True

    def on_text(data: str) -> None:
        if in_value:
            value.write(data)

    def on_end(name: str) -> None:
        nonlocal in_value
        if name in ("v", "is"):
            in_value = False
        elif name == "c":
            text = value.getvalue().strip()
            # An empty value counts as stored only if the result of the formula is text.
            if has_formula and not (has_value and (text or is_text)):
                facts.without_value.setdefault(place.row, set()).add(place.column)
            shows = styles[style] if style < len(styles) else (False, False)
            if (is_error and text) or (any(shows) and text.startswith("-")):
                facts.misread.setdefault(place.row, {})[place.column] = text
            if all(shows) and text:
                facts.with_time.setdefault(place.row, set()).add(place.column)
            if shows == (True, False) and text:
                facts.days.setdefault(place.row, {})[place.column] = text
            if style in percentages and is_number and text and abs(float(text)) < _LARGEST_SHARE:
                # Excel stores 17 digits and computes with 15; 1-0.0843 is stored as 0.91569999999999996.
                share = Percentage(Decimal(f"{float(text):.15g}") * 100, percentages[style])
                facts.percentages.setdefault(place.row, {})[place.column] = share

    _parse(chunks, on_start, on_end, on_text)
    return facts
