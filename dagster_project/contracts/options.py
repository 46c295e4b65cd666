"""What a source system writes differently: options of a contract, which a force may also lay over a shipped one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, time
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from dagster_project.contracts.model import EPOCH_FORMATS, CellType, Column, Contract, normalised
from dagster_project.words import printable

# Directives of `strptime` that DuckDB reads; an offset or a zone is left out, since ISO 8601 has it.
_DIRECTIVES = frozenset("aAbBdfHIjmMpSyY")
_TIMES = (CellType.TIMESTAMP, CellType.DATE, CellType.MONTH)


class OptionError(ValueError):
    """An option that does not fit its contract; `path` names it, the message says what was expected."""

    def __init__(self, path: tuple[str, ...], message: str) -> None:
        super().__init__(message)
        self.path = path


def parsed_day(stated: object) -> date:
    """Return the date that an option states; for validation."""
    try:
        # YAML already reads a plain date of a shipped contract as a date.
        return stated if isinstance(stated, date) else date.fromisoformat(stated if isinstance(stated, str) else "")
    except ValueError:
        raise ValueError("expected a date, as in 2024-02-01") from None


def _clock(stated: object) -> time:
    # YAML reads 10:00 without quotes as the number 600.
    if not isinstance(stated, str) or not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", stated):
        raise ValueError('expected London time in quotes, as in "09:00"')
    return time.fromisoformat(stated)


def _text(stated: object) -> object:
    """Return a number of YAML as text; true and false stay, as they may stand for a word such as Yes."""
    return str(stated) if isinstance(stated, int | float) and not isinstance(stated, bool) else stated


def _meaning(stated: object) -> object:
    return str(stated).lower() if isinstance(stated, bool) else _text(stated)


def _listed(stated: object) -> object:
    return stated if isinstance(stated, list) else [stated]


def _sheets(stated: object) -> object:
    return [] if stated == "all" else _listed(stated)


def _format(stated: str) -> str:
    directives = re.findall("%(.?)", stated.replace("%%", ""))
    if stated not in EPOCH_FORMATS and not (directives and set(directives) <= _DIRECTIVES):
        known = " ".join(f"%{letter}" for letter in sorted(_DIRECTIVES))
        raise ValueError(f"expected a format of these: {known}; or alone: {' '.join(EPOCH_FORMATS)}")
    return stated


def _one_group(stated: str) -> str:
    try:
        groups = re.compile(stated).groups
    except re.error:
        groups = 0
    if groups != 1:
        raise ValueError("expected a regular expression with one group, the value, as in _([a-z-]+)$")
    return stated


# Read from text, or `yes` of a contract would be the number 1.
_Share = Annotated[float, BeforeValidator(_meaning), Field(ge=0, le=1, allow_inf_nan=False)]
_Whole = Annotated[int, BeforeValidator(_meaning)]
_Day = Annotated[date, BeforeValidator(parsed_day)]
_Text = Annotated[str, BeforeValidator(_text), Field(min_length=1)]
_Texts = Annotated[tuple[_Text, ...], BeforeValidator(_listed), Field(min_length=1)]
_Format = Annotated[str, AfterValidator(_format)]


class Options(BaseModel):
    """What a contract may state of its source system, and a force of a shipped contract; None: not stated.

    Those of several columns have a value for each column.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)

    cadence: Literal["daily", "irregular"] | None = None
    faulty_share_limit: _Share | None = None
    faulty_rows_limit: Annotated[_Whole, Field(ge=0)] | None = None
    volume_floor: _Share | None = None
    delivered_by: Annotated[time, BeforeValidator(_clock)] | None = None
    first_delivery: _Day | None = None
    extract_date_offset: Annotated[_Whole, Field(ge=-1, le=0)] | None = None
    sheets: Annotated[tuple[_Text, ...], BeforeValidator(_sheets)] | None = None
    aliases: dict[str, _Texts] = {}
    values: dict[str, dict[_Text, Annotated[str, BeforeValidator(_meaning)]]] = {}
    time_formats: dict[str, Annotated[tuple[_Format, ...], BeforeValidator(_listed)]] = {}
    time_of_day: dict[str, _Texts] = {}
    defaults: dict[str, _Text] = {}
    from_file_name: dict[str, Annotated[str, AfterValidator(_one_group)]] = {}


NAMES = frozenset(str(field.alias) for field in Options.model_fields.values())
JUDGING = {
    *("faulty_share_limit", "faulty_rows_limit", "volume_floor"),
    *("cadence", "delivered_by", "first_delivery"),
}
"""Options that change what is expected of a delivery, and not how its files are read."""


# Characters of a value in a message; a whole list or file may be in the place of one.
_SHOWN = 120
_EXPECTED = {
    **dict.fromkeys(("tuple_type", "list_type"), "a list, as in [a, b]"),
    **dict.fromkeys(("dict_type", "model_type"), "options below it, as in name: value"),
    **dict.fromkeys(("float_type", "float_parsing", "finite_number"), "a number"),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "a whole number"),
    **dict.fromkeys(("too_short", "string_too_short"), "a text that is not empty"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    "string_type": "a text",
    "string_too_long": "at most {max_length} characters",
    "greater_than_equal": "{ge} or more",
    "less_than_equal": "{le} or less",
}
"""What was expected, by the types of pydantic's errors; their own texts speak of Python."""


def problems(error: ValidationError, model: type[BaseModel]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield what is wrong with stated options: where each stands, items by number from 0, and what was expected."""
    known = [field.alias or name for name, field in model.model_fields.items()]
    for item in error.errors():
        path = tuple(str(part) for part in item["loc"] if part != "[key]")
        # Of a list of values, the value that is shown tells which it is.
        names = path[: -1 if path and isinstance(item["loc"][-1], int) else None]
        option = printable(re.sub(r"\.(\d+)(?=\.)", lambda found: f"[{int(found[1]) + 1}]", ".".join(names)))
        if item["type"] == "extra_forbidden":
            yield path, f"{option} is not an option; known: {', '.join(known)}{near(path[0], known)}"
        elif item["type"] == "missing":
            yield path[:-1], f"{option} is missing"
        else:
            expected = _EXPECTED.get(item["type"], "").format(**item.get("ctx", {}))
            text = f"expected {expected}" if expected else item["msg"].removeprefix("Value error, ")
            found = f"{option} is" if option else "found"
            found += f" {printable(repr(item['input'])[:_SHOWN])}"
            yield path, f"{found}; {text.replace('Input should be', 'expected')}"


def near(stated: str, known: Iterable[str]) -> str:
    """Return the question after the known name that was probably meant; empty if none is similar."""
    found = get_close_matches(stated, list(known), n=1)
    return f". Did you mean {found[0]}?" if found else ""


def adapted(contract: Contract, options: Options) -> Contract:
    """Return a contract with options laid over it.

    Raises:
        OptionError: an option does not fit the contract.
    """
    contract = replace(contract, cadence=options.cadence or contract.cadence)
    if options.delivered_by and not contract.is_daily:
        raise OptionError(("deliveredBy",), "deliveredBy is stated, but the cadence is irregular: no day is owed")
    if options.extract_date_offset and not (contract.is_daily and contract.key):
        raise OptionError(("extractDateOffset",), "extractDateOffset is for daily sources with a key")
    columns = {column.name: column for column in contract.columns}
    for name, change in _CHANGES.items():
        option = to_camel(name)
        for of, stated in getattr(options, name).items():
            if of not in columns:
                known = f"{option}: {printable(of)} is no column of {contract.source}; known: {', '.join(columns)}"
                raise OptionError((option, of), known + near(of, columns))
            try:
                columns[of] = replace(columns[of], **change(columns, columns[of], stated))
            except ValueError as error:
                within = error.path if isinstance(error, OptionError) else ()
                raise OptionError((option, of, *within), f"{option}.{of}: {error}") from None
    changes = {name: stated for name, stated in options if name not in _CHANGES and stated is not None}
    contract = replace(contract, columns=tuple(columns.values()), **changes)
    seen: dict[str, str] = {}
    for column in contract.cells:
        for header in column.names:
            if seen.setdefault(header, column.name) != column.name:
                text = f"{seen[header]} and {column.name} share the header {header!r}"
                raise OptionError(_place_of(header, options), text)
    return contract


def _place_of(header: str, options: Options) -> tuple[str, ...]:
    """Return the last option that states a header text."""
    places = [
        (option, of, str(i))
        for option, by_column in (("aliases", options.aliases), ("timeOfDay", options.time_of_day))
        for of, texts in by_column.items()
        for i, text in enumerate(texts)
        if normalised(text) == header
    ]
    return places[-1] if places else ("aliases",)


def _aliases(_: Mapping[str, Column], column: Column, stated: tuple[str, ...]) -> dict[str, Any]:
    return {"aliases": (*column.aliases, *stated)}


def _spellings(_: Mapping[str, Column], column: Column, stated: Mapping[str, str]) -> dict[str, Any]:
    if column.is_personal:
        raise ValueError("a personal column has no map of values: its rows hold surrogates")
    spelled = {value.lower() for value in column.values}
    for text, value in stated.items():
        if spelled and value and value.lower() not in spelled:
            known = ", ".join(column.values)
            raise OptionError((text,), f"{printable(text)} is mapped to {printable(value)}; known: {known}")
    return {"spellings": {**column.spellings, **{text.lower(): value for text, value in stated.items()}}}


def _time_formats(_: Mapping[str, Column], column: Column, stated: tuple[str, ...]) -> dict[str, Any]:
    if column.cell_type not in _TIMES:
        raise ValueError(f"a {column.cell_type} has no format; only a timestamp, date or month has one")
    for form in stated:
        if form in EPOCH_FORMATS:
            if column.cell_type is not CellType.TIMESTAMP:
                raise ValueError(f"{form} is a point in time; only a timestamp is one")
            continue
        letters = {*re.findall("%(.)", form.replace("%%", ""))}
        has_day = letters & {*"yY"} and letters & {*"mbB"} and (letters & {*"d"} or column.cell_type is CellType.MONTH)
        has_time = letters & {"M"} and (letters & {"H"} or {"I", "p"} <= letters)
        is_date = not letters & {*"HIMSfp"}
        if not (has_day or "j" in letters) or not (has_time or is_date or column.cell_type is not CellType.TIMESTAMP):
            raise ValueError(f"{form} has no {'day, month and year' if not has_day else 'time of day'}")
    return {"time_formats": stated}


def _time_of_day(_: Mapping[str, Column], column: Column, stated: tuple[str, ...]) -> dict[str, Any]:
    if column.cell_type is not CellType.TIMESTAMP:
        raise ValueError(f"a {column.cell_type} has no time of day; only a timestamp has one")
    return {"time_of_day": stated}


def _default(columns: Mapping[str, Column], column: Column, stated: str) -> dict[str, Any]:
    if column.is_personal:
        raise ValueError("a personal column has no default: its rows hold surrogates")
    other = columns.get(stated)
    if other is None:
        if column.values and stated.lower() not in map(str.lower, column.values):
            raise ValueError(f"{printable(stated)} is none of its values; known: {', '.join(column.values)}")
        return {"default": stated, "default_column": None}
    if other.is_personal or other.cell_type is not column.cell_type or other.default_column or other is column:
        raise ValueError(f"{stated} is not another column of the same type that is not personal and stands for itself")
    return {"default": None, "default_column": stated}


def _file_name_part(_: Mapping[str, Column], column: Column, stated: str) -> dict[str, Any]:
    if column.is_personal:
        raise ValueError("a personal column is not taken from the name of a file, which is published")
    return {"file_name_part": stated}


_CHANGES: dict[str, Callable[[Mapping[str, Column], Column, Any], dict[str, Any]]] = {
    "aliases": _aliases,
    "values": _spellings,
    "time_formats": _time_formats,
    "time_of_day": _time_of_day,
    "defaults": _default,
    "from_file_name": _file_name_part,
}
"""What an option of columns changes of one: from all columns, the column, and what is stated of it."""
