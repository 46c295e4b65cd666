"""Draft the configuration that would load exports of a source system, from the files alone.

For a source with a contract, it is the options of `config/contracts/SOURCE.yaml`; for another one a whole contract.
What the files do not tell becomes a question. A draft has headings, formats, and values of closed lists that occur
more than once and look like no person; no other cell. `draft.yaml` has the words and formats that are tried.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from difflib import get_close_matches
from functools import cache, cached_property
from importlib.resources import files
from itertools import cycle, product
from pathlib import Path
from textwrap import fill
from typing import Any, NamedTuple

import duckdb
import pyarrow.compute as pc

from dagster_project.clock import utc_now
from dagster_project.contracts import FORCE_COLUMN, CellType, Column, Contract, Identifier, load_contract
from dagster_project.contracts.model import EPOCH_FORMATS, IDENTIFIER, IDENTIFIER_LENGTH, normalised
from dagster_project.contracts.odcs import LOAD_COLUMNS, SUFFIX
from dagster_project.contracts.options import Options, adapted
from dagster_project.extracts.cells import NULL_WORDS, is_of_form, local_time_of, value_of
from dagster_project.extracts.errors import UnreadableExtract
from dagster_project.extracts.jsonl import NESTED
from dagster_project.extracts.limits import stem_of
from dagster_project.extracts.personal import EMAIL, NUMBER, looks_personal
from dagster_project.extracts.reading import open_extract
from dagster_project.extracts.translation import forces_by_name
from dagster_project.settings import CONTRACTS
from dagster_project.sql import literal
from dagster_project.warehouse.connection import cursor
from dagster_project.words import counted, printable

# Rows of a file, and different cells of a column, that are looked at: formats show in far fewer.
_ROWS, _CELLS = 100_000, 500
# Shares of the cells of a column that fit its type, and of the values of a list that are known; likeness of a heading
# to a column, and to one whose list has none of its values.
_FITS, _KNOWN, _ALIKE, _NAMED = 0.9, 0.5, 0.6, 0.75
# A closed list has at most so many values, each so often on average.
_VALUES, _REPEATED = 30, 3
# Microseconds up to 9 September 2001: since then, seconds have 10 digits and milliseconds 13.
_EPOCHS_FROM = 10**15
# What workbooks add to a day.
_MIDNIGHT = re.compile(r"[T ]00:00(:00)?$")


@cache
def _tables() -> dict[str, Any]:
    """Return the tables of `draft.yaml`, with all formats of each type of time."""
    import yaml

    found = yaml.safe_load(files("dagster_project.config").joinpath("draft.yaml").read_text(encoding="utf-8"))
    times = [f"{day} {clock}" for day, clock in product((*found["days"], "%Y-%m-%d"), found["clocks"])]
    of_days = {CellType.TIMESTAMP: times + found["times"], CellType.DATE: found["days"]}
    return {
        **found,
        "formats": of_days | {CellType.MONTH: found["months"]},
        "same": [{*_words(s)} for s in found["same"]],
    }


class Draft(NamedTuple):
    """A file for `config/contracts/`: its name, its text with questions as comments, and the questions."""

    file_name: str
    text: str
    questions: tuple[str, ...]


def draft(source: str, paths: Sequence[Path], contract: Contract | None) -> Draft:
    """Draft the configuration that would load exports of a source.

    Args:
        source: its name.
        paths: some of its exports, in any format.
        contract: its contract; None for a source without one.

    Raises:
        UnreadableExtract: a file cannot be read.
    """
    with cursor() as connection:
        cells = _Cells(connection, *_read(paths))
        return _settings(contract, cells, paths) if contract else _whole(source, cells, paths)


@dataclass(frozen=True, eq=False)
class _Export:
    """A column of the exports: its heading, how often each cell occurs, and the number of rows."""

    heading: str
    cells: Counter[str]
    rows: int

    @cached_property
    def texts(self) -> list[str]:
        return [text for text, _ in self.cells.most_common(_CELLS)]

    @cached_property
    def personal(self) -> Identifier | None:
        """What the cells identify, if a tenth of them look personal or the heading is one of people."""
        looking = list(filter(_looks_personal, self.texts))
        if len(looking) > len(self.texts) * (1 - _FITS):
            return Identifier.EMAIL if "@" in looking[0] else Identifier.PHONE
        name = re.sub(_tables()["places"], "", " ".join(_words(self.heading)))
        found = (kind for kind, pattern in _tables()["personal"].items() if re.search(pattern, name))
        kind = next(map(Identifier, found), None)
        # When an operator answered is a time; that of a birth, or a number that looks like one, may lead to a person.
        is_time = all(re.fullmatch(_tables()["moments"], text) for text in self.texts)
        return None if is_time and kind in (Identifier.OPERATOR, Identifier.PHONE) else kind

    @cached_property
    def has_names(self) -> bool:
        """Whether most cells look like names of people."""
        return sum(re.fullmatch(_tables()["names"], text) is not None for text in self.texts) * 2 > len(self.texts)

    @cached_property
    def values(self) -> tuple[str, ...]:
        """Cells that may be shown: those of a closed list, without rare ones."""
        is_list = len(self.cells) <= _VALUES and self.cells.total() >= _REPEATED * len(self.cells) and not self.personal
        often = (text for text, count in self.cells.most_common() if count > 1 and not _looks_personal(text))
        return tuple(often) if is_list else ()

    @cached_property
    def epochs(self) -> tuple[str, ...]:
        """The format of cells that all are numbers of 10 or 13 digits up to a year from now, read as times."""
        latest = (utc_now() + timedelta(366)).timestamp() * 1_000_000
        return tuple(
            form
            for form, (digits, size) in EPOCH_FORMATS.items()
            if all(re.fullmatch(digits, text) and _EPOCHS_FROM <= int(text) * size <= latest for text in self.texts)
        )

    @property
    def is_numeric(self) -> bool:
        dated = self.epochs or {"date", "time"} & {*_words(self.heading)}
        return not dated and all(re.fullmatch(r"[0-9.,]+", text) for text in self.texts)


def _looks_personal(text: str) -> bool:
    return looks_personal(text) or re.search(f"{EMAIL}|{NUMBER}", text) is not None


def _words(text: str) -> list[str]:
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+", text)]


def _common(export: _Export, other: _Export) -> float:
    """Return which share of the words of two headings are those of both, besides words for days and times."""
    faint = {*_tables()["faint"].split(), *_tables()["fillers"].split()}
    words, others = ({*_words(heading)} - faint for heading in (export.heading, other.heading))
    return len(words & others) / len(words | others) if words | others else 1


def _any_header() -> Contract:
    """Return a contract that fits any row of headings, on all sheets."""
    return replace(load_contract(next(CONTRACTS.glob(f"*{SUFFIX}"))), columns=(), sheets=())


def _read(paths: Sequence[Path]) -> tuple[list[_Export], list[str]]:
    """Return the columns of exports, by the engine's readers under a contract of their headings as texts.

    Apart from them, the names of what is nested in JSON and could not be loaded.
    """
    any_header = _any_header()
    found: dict[str, tuple[str, Counter[str]]] = {}
    nested: dict[str, None] = {}
    rows = 0
    for path in paths:
        with open_extract(path, any_header) as extract:
            names = [name for name in extract.unknown_columns if not name.startswith("(")]
        headings = [name for name in names if not name.endswith(NESTED)]
        nested |= dict.fromkeys(name for name in names if name not in headings)
        columns = tuple(Column(heading, CellType.TEXT, "") for heading in headings)
        with open_extract(path, replace(any_header, columns=columns)) as extract:
            for batch in extract.batches(is_translated=False):
                rows += batch.num_rows
                for heading in headings:
                    cells = found.setdefault(normalised(heading), (heading, Counter()))[1]
                    for item in pc.value_counts(batch.column(heading)).to_pylist():
                        if item["values"] and item["values"].upper() not in NULL_WORDS:
                            cells[item["values"]] += item["counts"]
                if extract.rows_read > _ROWS:
                    break
    return [_Export(heading, cells, rows) for heading, cells in found.values() if cells], list(nested)


@dataclass
class _Cells:
    """Reads the cells of exports as a run would."""

    connection: duckdb.DuckDBPyConnection
    exports: Sequence[_Export]
    nested: Sequence[str]

    def __post_init__(self) -> None:
        # How times are written is asked for each column of the contract.
        self.times, self.is_day = cache(self._times), cache(self._is_day)

    def unread(self, column: Column, texts: Iterable[str]) -> list[str]:
        """Return the texts that are not of the type, list or form of a column."""
        if column.name == FORCE_COLUMN:
            return [text for text in texts if normalised(text) not in forces_by_name()]
        cell = replace(column, name="cell")
        value = local_time_of(cell, serial_days="0") if column.cell_type is CellType.TIMESTAMP else value_of(cell)
        value = f"case when {is_of_form(cell)} then 1 end" if cell.form else value
        sql = f"select cell from (select unnest($texts) as cell, 0 as serial_days) where ({value}) is null"  # noqa: S608
        rows = self.connection.execute(sql, {"texts": list(texts)}).fetchall()
        return [text for (text,) in rows]

    def share(self, column: Column, export: _Export) -> float:
        """Return which share of the cells a column would read, its closed list by the meaning of the texts."""
        if column.is_personal or column.cell_type in _tables()["formats"]:
            return float(column.is_personal or self.times(export, column.cell_type) is not None)
        unread = self.unread(column, export.texts)
        if column.name != FORCE_COLUMN:
            unread = [text for text in unread if len(_meanings(text, _known_values(column))) != 1]
        return 1 - len(unread) / len(export.texts)

    def may_be(self, column: Column, export: _Export) -> bool:
        """Return whether a column may be asked for: it would read the cells, also days if they are stated as such."""
        is_day = column.cell_type is CellType.TIMESTAMP and self.is_day(export)
        return is_day or self.share(column, export) >= _FITS

    def clocks(self, exports: Iterable[_Export]) -> list[_Export]:
        """Return the columns with the times of day of columns of days."""
        found = (self.times(export, CellType.TIMESTAMP) for export in exports)
        return [times[0] for times in found if times and times[0]]

    def _times(self, export: _Export, of: CellType) -> tuple[_Export | None, tuple[str, ...]] | None:
        """Return the column with the times of day, if it is another, and the formats; none if they are read anyway.

        None as a whole: the cells are no times of this type.
        """
        if of is CellType.TIMESTAMP and export.epochs:
            return None, export.epochs
        days = [_MIDNIGHT.sub("", text) for text in export.texts]
        if (formats := self._formats(export.texts, of)) is not None and not (
            of is CellType.TIMESTAMP and all(map(str.__ne__, days, export.texts))
        ):
            return None, formats
        if of is CellType.TIMESTAMP and self.is_day(export):
            at = self.exports.index(export)
            for other in (*self.exports[at + 1 :], *self.exports[:at]):
                # The time of a call is not that of the day of its call-back.
                if any(_common(day, other) > _common(export, other) and self.is_day(day) for day in self.exports):
                    continue
                clocks = [re.sub(r"^(\d:)", r"0\1", text) for text in other.texts]
                pairs = zip(cycle(days), cycle(clocks), range(max(len(days), len(clocks))), strict=False)
                joined = [f"{day} {clock}" for day, clock, _ in pairs] if "time" in _words(other.heading) else []
                if joined and (formats := self._formats(joined, of)) is not None:
                    return other, formats
        return (None, formats) if formats is not None else None

    def _is_day(self, export: _Export) -> bool:
        days = [_MIDNIGHT.sub("", text) for text in export.texts]
        return not export.is_numeric and self._formats(days, CellType.DATE) is not None

    def _formats(self, texts: Sequence[str], of: CellType) -> tuple[str, ...] | None:
        column, forms = Column("cell", of, ""), _tables()["formats"][of]
        reads = ", ".join(f"count(try_strptime(cell, {literal(form)}))" for form in forms)
        rest = self.unread(column, texts)
        while len(rest) > len(texts) * (1 - _FITS) / 2 and len(column.time_formats) < 3:
            [counts] = self.connection.execute(f"select {reads} from (select unnest($1) as cell)", [rest]).fetchall()  # noqa: S608
            if not any(counts):
                break
            column = replace(column, time_formats=(*column.time_formats, forms[counts.index(max(counts))]))
            rest = self.unread(column, texts)
        return column.time_formats if len(rest) <= len(texts) * (1 - _FITS) else None

    def state_times(self, options: dict[str, Any], column: Column, export: _Export) -> None:
        """State how the times of a column are written, if it has times that are not read anyway."""
        times = self.times(export, column.cell_type) if column.cell_type in _tables()["formats"] else None
        clock, formats = times or (None, ())
        if clock:
            options["timeOfDay"][column.name] = clock.heading
        if formats:
            options["timeFormats"][column.name] = formats[0] if len(formats) == 1 else list(formats)


def _known_values(column: Column) -> list[str]:
    """Return the values of a column with few: of a closed list, true and false, or the forces."""
    if column.name == FORCE_COLUMN:
        return sorted({*forces_by_name().values()})
    return ["true", "false"] if column.cell_type is CellType.BOOLEAN else list(column.values)


def _meanings(text: str, values: Iterable[str]) -> list[str]:
    """Return the values of a closed list that a text may stand for: those of the longest word of theirs in it."""
    words, whole = _words(text), "".join(_words(text))
    lengths: dict[str, int] = {}
    for value in values:
        for word in ("".join(_words(value)), *_tables()["meant"].get(value, "").split()):
            if word in (*words, whole) or (len(word) > 3 and re.search(f"(?<!un)(?<!not)(?<!non)(?<!no){word}", whole)):
                lengths[value] = max(lengths.get(value, 0), len(word))
    if not lengths:
        names = {value: "".join(_words(value)) for value in values}
        return [
            v for v, name in names.items() if name.startswith(whole) or get_close_matches(whole, [name], cutoff=0.85)
        ]
    return [value for value, length in lengths.items() if length == max(lengths.values())]


def _alike(heading: str, column: Column, source: str) -> float:
    """Return how alike a heading and the names of a column are: 2 for a name that the contract knows, else 0 to 1."""
    if normalised(heading) in column.names:
        return 2
    own = {*_words(source)} | {word.removesuffix("s") for word in _words(source)}
    faint = own.union(_tables()["faint"].split())
    words = [word for word in _words(heading) if word not in _tables()["fillers"].split()]
    words = [word for word in words if word not in own] or words

    def covered(these: Sequence[str], others: Sequence[str]) -> float:
        weights = {word: 0.3 if word in faint else 1.0 for word in these}
        groups = [{other} for other in others] + [group for group in _tables()["same"] if group & {*others}]
        met = sum(weight for word, weight in weights.items() if any(word in group for group in groups))
        return met / (sum(weights.values()) or 1)

    names = [_words(name) for name in (column.name, *column.aliases)]
    return max((covered(words, name) + covered(name, words)) / 2 for name in names)


def _matched(contract: Contract, cells: _Cells, questions: list[str]) -> dict[str, _Export]:
    """Return the export column of each contract column, by name and content; ask where two are equally alike."""
    scores: list[tuple[float, float, Column, _Export]] = []
    known = {name for column in contract.columns for name in column.names}
    # 10:05 beside a day of the same words is a time of day, and no duration.
    clocks = {clock for day in cells.exports for clock in cells.clocks([day]) if _common(day, clock)}
    exports = [item for item in cells.exports if item not in clocks or normalised(item.heading) in known]
    for column, export in product(contract.columns, exports):
        alike, share = _alike(export.heading, column, contract.source), cells.share(column, export)
        fits = share >= _FITS
        if _known_values(column) and export.values:
            is_own = share == 1 and len(export.cells) > 1 and column.cell_type is not CellType.BOOLEAN
            alike = max(alike, _ALIKE) if is_own else alike
            fits = share >= _KNOWN or (alike >= _NAMED and not export.has_names)
        # A name that the contract knows is that of its own column alone.
        fits = fits and normalised(export.heading) not in known and (column.is_personal or not export.personal)
        if alike == 2 or (alike >= _ALIKE and fits):
            # A word of the column itself, as the crime of a reference, tells more than one that means the same.
            same = len({*_words(export.heading)} & {*_words(column.name)}) if alike < 2 else 0
            scores.append((alike + same / 100, share, column, export))
    # Of two equal times, that of the key comes later: it has a default, another time.
    scores.sort(
        key=lambda score: (*score[:2], score[2].cell_type is not CellType.TIMESTAMP or not score[2].key_position),
        reverse=True,
    )
    found: dict[str, _Export] = {}
    for alike, _, column, export in scores:
        used = [*found.values(), *cells.clocks(found.values())]
        own = cells.clocks([export]) if column.cell_type is CellType.TIMESTAMP else []
        if column.name in found and alike == 2:
            headings = f'"{found[column.name].heading}" and "{export.heading}"'
            questions.append(f"{column.name}: both {headings} are names of it; leave one of them out of the export.")
        has_clock = any(clock in used or normalised(clock.heading) in known for clock in own)
        if column.name not in found and export not in used and not has_clock:
            found[column.name] = export
            equal = [item[3] for item in scores if item[2] is column and item[0] == alike < 2]
            names = " or ".join(f'"{item.heading}"' for item in equal if item not in used)
            if " or " in names:
                questions.append(f"{column.name}: is it {names}? {column.description}")
    return found


def _settings(contract: Contract, cells: _Cells, paths: Sequence[Path]) -> Draft:
    """Draft the options that load exports under a contract."""
    questions: list[str] = []
    matched = _matched(contract, cells, questions)
    options: dict[str, Any] = {name: {} for name in ("aliases", "timeOfDay", "timeFormats", "values", "defaults")}
    for column in contract.columns:
        if export := matched.get(column.name):
            if normalised(export.heading) not in column.names:
                options["aliases"][column.name] = export.heading
            cells.state_times(options, column, export)
            if "%m/%d" in str(options["timeFormats"].get(column.name)):
                questions.append(
                    f'{column.name}: "{export.heading}" is read with the month before the day; is that so?'
                )
            if words := _value_map(column, export, cells, questions):
                options["values"][column.name] = words
            questions += _below_minimum(column, export)
        elif column in contract.required or column.required_when:
            free = [item for item in cells.exports if item not in matched.values() and not item.personal]
            if (default := _default(contract, column, matched)) is not None:
                options["defaults"][column.name] = default
                is_time = default in matched
                others = " or ".join(f'"{item.heading}"' for item in free if is_time and cells.may_be(column, item))
                if others:
                    questions.append(
                        f"{column.name} is taken from {default}. {column.description} Is it {others}? State a heading "
                        "in aliases in place of the default."
                    )
            else:
                fits = " or ".join(f'"{item.heading}"' for item in free if cells.may_be(column, item))
                which = f" (of {', '.join(column.values)})" if column.values else ""
                where = " and ".join(f"{name} is {value}" for name, value in column.required_when.items())
                questions.append(
                    f"{column.name} is required{f' where {where}' if where else ''}; which heading is it? "
                    f"{column.description} {f'Is it {fits}? ' if fits else ''}State a heading in aliases, or a "
                    f"value{which} in defaults."
                )
    for name, default in options["defaults"].items():
        if formats := options["timeFormats"].get(default):
            options["timeFormats"][name] = formats
    if FORCE_COLUMN not in matched and (pattern := _force_part(paths)):
        options["fromFileName"] = {FORCE_COLUMN: pattern}
        questions.append("Will files in the landing folder have the force in their names? If not, delete fromFileName.")
    options = {name: stated for name, stated in options.items() if stated}
    laid_over = adapted(contract, Options.model_validate(options))
    # What is still asked for is missing on every sheet.
    columns = [column for column in laid_over.columns if column.name in matched or column not in laid_over.required]
    options |= _sheets(replace(laid_over, columns=tuple(columns)), paths)
    used = {*options.get("timeOfDay", {}).values(), *(export.heading for export in matched.values())}
    unused = [export.heading for export in cells.exports if export.heading not in used]
    stated = (matched, options.get("defaults", {}), options.get("fromFileName", {}))
    missing = [column for column in contract.columns if not any(column.name in of for of in stated)]
    quoted = ", ".join(f'"{heading}"' for heading in unused)
    if unused and (optional := [c.name for c in missing if c not in contract.required and not c.required_when]):
        questions.append(
            f"No heading is like the {counted(len(optional), 'optional column')} {', '.join(optional)}, which figures "
            f"may need: is one of them {quoted}? State it in aliases."
        )
    return _rendered(f"{contract.source}.yaml", [*unused, *cells.nested], questions, options)


def _value_map(column: Column, export: _Export, cells: _Cells, questions: list[str]) -> dict[str, str]:
    """Return the values that texts of a closed list stand for; ask for those that are not clear."""
    known = _known_values(column)
    unread = cells.unread(column, list(export.cells)) if known else []
    meant = {text: _meanings(text, known) for text in unread if text in export.values}
    for text, meanings in meant.items():
        if len(meanings) != 1:
            rows, which = counted(export.cells[text], "row"), ", ".join(meanings or known[:_VALUES])
            questions.append(
                f'{column.name}: "{text}" ({rows}) is which of {which}? State it in values; "" is no value.'
            )
    if hidden := len(unread) - len(meant):
        what = f"{'does' if hidden == 1 else 'do'} {counted(hidden, 'other value')}"
        questions.append(f"{column.name}: what {what} mean, rare or perhaps personal? fcir check names the rows.")
    return {text: meanings[0] for text, meanings in meant.items() if len(meanings) == 1}


def _below_minimum(column: Column, export: _Export) -> list[str]:
    """Return the question on numbers below the least of a column, such as parts that are counted from 0."""
    least = column.minimum
    if column.cell_type is not CellType.INTEGER or not isinstance(least, int):
        return []
    found = sorted({int(text) for text in export.cells if re.fullmatch(r"-?\d+", text)})
    low = [number for number in found if number < least]
    if not low:
        return []
    what = f'{column.name}: "{export.heading}" has {", ".join(map(str, low[:3]))}, and the least is {least}.'
    if column.key_position is None:
        return [f"{what} What does it mean? State it in values, or leave the rows to quarantine."]
    # Two numbers of one meaning would be one key, so all of them move.
    shift = ", ".join(f'"{number}": "{number - low[0] + least}"' for number in found[:_VALUES])
    return [f"{what} Map all of them in values, and those of other exports: {{{shift}}}."]


def _default(contract: Contract, column: Column, matched: Mapping[str, _Export]) -> str | None:
    """Return what stands for a column of the key that exports lack: another time, or the first number of a part."""
    if column.key_position is None:
        return None
    if column.cell_type is CellType.INTEGER:
        return None if column.minimum is None else str(column.minimum)
    times = (other.name for other in contract.required if other.cell_type is column.cell_type is CellType.TIMESTAMP)
    return next((name for name in times if name in matched), None)


def _force_part(paths: Sequence[Path]) -> str | None:
    """Return the pattern of the name of a force in the names of all files."""
    stems = [stem_of(path.name) for path in paths]
    for pattern in _tables()["force_parts"]:
        found = [re.search(pattern, stem) for stem in stems]
        if all(part and normalised(part[1]) in forces_by_name() for part in found):
            return str(pattern)
    return None


def _sheets(contract: Contract, paths: Sequence[Path]) -> dict[str, str]:
    """Return the option for all sheets, if several sheets of a workbook have the header of a contract."""
    for path in paths:
        try:
            with open_extract(path, contract):
                pass
        except UnreadableExtract as error:
            if error.code == "ambiguous_sheet":
                return {"sheets": "all"}
    return {}


def _rendered(file_name: str, unused: Sequence[str], questions: Sequence[str], document: Mapping[str, Any]) -> Draft:
    import yaml

    notes = [f"Not loaded: {', '.join(unused)}."] if unused else []
    about = f"Draft of config/contracts/{file_name}. Then: fcir check --source {file_name.split('.')[0]} FILE"
    lines = [about, *notes, *(f"Question: {question}" for question in questions)]
    comments = (fill(printable(line), 118, initial_indent="# ", subsequent_indent="#   ") for line in lines)
    body = yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True, width=118) if document else ""
    return Draft(file_name, "\n".join([*comments, body]), tuple(questions))


def _whole(source: str, cells: _Cells, paths: Sequence[Path]) -> Draft:
    """Draft the contract of a source that has none."""
    properties: list[dict[str, Any]] = []
    options: dict[str, Any] = {"timeOfDay": {}, "timeFormats": {}}
    asked: dict[str, list[str]] = {}
    clocks = cells.clocks(cells.exports)
    joined: set[_Export] = set()
    key = start = None
    for export in cells.exports:
        if export in clocks:
            continue
        kind, cell_type, stated = _typed(cells, export)
        if cell_type is CellType.TIMESTAMP and {*cells.clocks([export])} & joined:
            cell_type = CellType.DATE
        joined |= {*cells.clocks([export])}
        name = FORCE_COLUMN if kind == "force" else re.sub(r"^(?![a-z])", "c_", "_".join(_words(export.heading)))
        while name in (*LOAD_COLUMNS, *(item["name"] for item in properties)):
            name += "_2"
        asked.setdefault(kind, []).append(name)
        is_full = export.cells.total() == export.rows
        item = {"name": name, "logicalType": _LOGICAL.get(cell_type, cell_type.value), **stated, "required": is_full}
        item["description"] = f'Column "{export.heading}" of the export.'
        if normalised(name) != normalised(export.heading):
            item["synonyms"] = [{"synonym": export.heading}]
        if cell_type in (CellType.SECONDS, CellType.MONTH):
            item["customProperties"] = [{"property": "cellType", "value": cell_type.value}]
        if kind == "identifier" and len(export.cells) == export.rows and key is None:
            key = name
            item |= {"primaryKey": True, "primaryKeyPosition": 1}
        if cell_type is CellType.TIMESTAMP and is_full and start is None:
            start = name
        properties.append(item)
        cells.state_times(options, Column(name, cell_type, ""), export)
    told = f"{key} tells rows apart" if key else "Nothing tells rows apart, so that a correction replaces a whole day"
    questions = [f"{told}; is that so? What is a row, and what does each column say (description)?"]
    questions += [f"{', '.join(asked[kind])}: {text}" for kind, text in _tables()["asked"].items() if kind in asked]
    headings = [Column(export.heading, CellType.TEXT, "", is_required=True) for export in cells.exports]
    custom = {"cadence": "daily", "startColumn": start, "key": None if key else "row", **options}
    custom |= _sheets(replace(_any_header(), columns=tuple(headings), sheets=None), paths)
    table: dict[str, Any] = {"name": source, "physicalName": f"raw.{source}", "properties": properties}
    table["customProperties"] = [{"property": name, "value": value} for name, value in custom.items() if value]
    document = {"name": source, "id": f"fcir.{source}", **_tables()["contract"], "schema": [table]}
    return _rendered(f"{source}{SUFFIX}", cells.nested, questions, document)


_KINDS = dict.fromkeys((CellType.TIMESTAMP, CellType.DATE, CellType.MONTH), "time")
_KINDS |= {CellType.INTEGER: "number", CellType.BOOLEAN: "", CellType.SECONDS: "number"}
_LOGICAL = {
    CellType.TEXT: "string",
    **dict.fromkeys((CellType.DECIMAL, CellType.SECONDS), "number"),
    CellType.MONTH: "date",
}


def _typed(cells: _Cells, export: _Export) -> tuple[str, CellType, dict[str, Any]]:
    """Return what is asked of a column, its type as its cells suggest, and what else its contract states."""
    texts, text = list(export.cells), Column("cell", CellType.TEXT, "")
    if not cells.unread(replace(text, name=FORCE_COLUMN), texts):
        return "force", text.cell_type, {}
    if export.personal or export.has_names:
        stated = [{"property": "identifies", "value": (export.personal or Identifier.REFERENCE).value}]
        return "personal", text.cell_type, {"classification": "personal", "customProperties": stated}
    formed = replace(text, pattern=IDENTIFIER, pattern_description="identifier", max_length=IDENTIFIER_LENGTH)
    is_identifier = not export.values and not cells.unread(formed, texts)
    if is_identifier and {*_tables()["identifying"].split()} & {*_words(export.heading)}:
        return "identifier", text.cell_type, {}
    for of, kind in _KINDS.items():
        if not (export.is_numeric and kind == "time") and cells.share(replace(text, cell_type=of), export) == 1:
            if of is not CellType.SECONDS or not export.is_numeric:
                return kind, of, {}
            before, after = (max(len(cell.partition(".")[part]) for cell in texts) for part in (0, 2))
            return kind, CellType.DECIMAL, {"physicalType": f"decimal({before + after + 2}, {after})"}
    if export.values:
        return "list", text.cell_type, {"enum": [{"value": value, "description": value} for value in export.values]}
    if is_identifier:
        return "identifier", text.cell_type, {}
    return "text", text.cell_type, {"classification": "personal"}
