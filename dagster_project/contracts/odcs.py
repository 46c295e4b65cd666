"""Read contracts from Open Data Contract Standard 3 files. `model.py` defines the contract."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from dagster_project.contracts.model import (
    FORCE_COLUMN,
    IDENTIFIER,
    IDENTIFIER_DESCRIPTION,
    IDENTIFIER_LENGTH,
    CellType,
    Column,
    Contract,
    Identifier,
    Rule,
    Severity,
)
from dagster_project.contracts.options import NAMES, OptionError, Options, adapted, problems
from dagster_project.errors import OperatorError

if TYPE_CHECKING:
    from open_data_contract_standard.model import CustomProperty, DataQuality, SchemaObject, SchemaProperty

SUFFIX = ".odcs.yaml"

_DAYS = (CellType.DATE, CellType.MONTH)

# Reserved names: columns that loading adds to every raw table.
LOAD_COLUMNS = ("is_dst_ambiguous", "extract_date", "load_id", "source_row")

_DECIMAL = re.compile(r"decimal\((\d+), ?(\d+)\)", re.IGNORECASE)
# Digits of the widest decimal in DuckDB and Spark.
_GREATEST_PRECISION = 38

_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")

# A pattern that one of these fits is wider than that of identifiers.
_NAMES = ["Jane Smith", "JANE SMITH", "Janesmith", "janesmith", "janesmith.1980"]

_CELL_TYPES = {
    "string": CellType.TEXT,
    "integer": CellType.INTEGER,
    "number": CellType.DECIMAL,
    "timestamp": CellType.TIMESTAMP,
    "date": CellType.DATE,
    "boolean": CellType.BOOLEAN,
}

_FORCE = Column(
    name=FORCE_COLUMN,
    cell_type=CellType.TEXT,
    description="Force of the row, by its police.uk identifier; without it the configured force.",
)

# A delivery with more faulty rows than both 5% and 20 rows is a broken extract, not an untidy one.
_FAULTY_SHARE, _FAULTY_ROWS = 0.05, 20
# 65% of the same weekday: an extract of half a day has 40 to 60% of the rows, a quiet day of a season above 75%.
_VOLUME_FLOOR = 0.65


class ContractError(OperatorError, ValueError):
    """A contract file that cannot be used; the message names the file, the place and what was expected."""


def load_contracts(folder: Path) -> dict[str, Contract]:
    """Read every contract in a folder.

    Args:
        folder: directory with one `SOURCE.odcs.yaml` for each source.

    Returns:
        Contracts by source name, in order of name.

    Raises:
        ContractError: no contract in the folder, or one that cannot be used.
    """
    paths = sorted(folder.glob(f"*{SUFFIX}"))
    if not paths:
        raise ContractError(f"{folder}: no contract found; expected files named SOURCE{SUFFIX}")
    return {contract.source: contract for contract in map(load_contract, paths)}


def load_contract(path: Path) -> Contract:
    """Read one contract.

    Args:
        path: a `SOURCE.odcs.yaml` file.

    Returns:
        The contract; a `force_code` column is added if the file does not list one.

    Raises:
        ContractError: the file is not YAML, not ODCS 3, or states something that is not supported.
    """
    # Imported here, because both imports take a tenth of a second and many commands read no contract.
    import yaml
    from open_data_contract_standard.model import OpenDataContractStandard

    # libyaml, if PyYAML was built with it, takes a tenth of the 20 ms per contract.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), loader)  # noqa: S506 (both are safe)
        document = OpenDataContractStandard.model_validate(content)
    except ValidationError as error:
        found = "; ".join(text for _, text in problems(error, OpenDataContractStandard))
        raise ContractError(f"{path.name}: not an Open Data Contract Standard 3 file: {found}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ContractError(f"{path.name}: not an Open Data Contract Standard 3 file: {error}") from error
    source = path.name.removesuffix(SUFFIX)
    if document.name != source:
        raise ContractError(f"{path.name}: name is {document.name!r}, the file name says {source!r}")
    if len(document.schema_ or []) != 1:
        raise ContractError(f"{path.name}: expected one schema object, found {len(document.schema_ or [])}")
    table = document.schema_[0]  # type: ignore[index]
    custom = _custom(table.customProperties, path, "schema")
    columns = tuple(_column(item, path) for item in table.properties or [])
    if all(column.name != FORCE_COLUMN for column in columns):
        columns = (_FORCE, *columns)
    key = custom.pop("key", None)
    if key not in (None, "row"):
        raise ContractError(f"{path.name}: key is {key!r}; known: row")
    if (key == "row") == any(column.key_position is not None for column in columns):
        raise ContractError(
            f"{path.name}: mark the columns of the key with primaryKey, or state the custom property key: row where "
            "nothing tells two rows apart; expected one of the two"
        )
    start = custom.pop("startColumn", None)
    options = _options({name: custom.pop(name) for name in NAMES & custom.keys()}, path)
    identity_days = custom.pop("identityDays", None)
    if identity_days is not None and (type(identity_days) is not int or identity_days < 1):
        raise ContractError(f"{path.name}: identityDays is {identity_days!r}; expected whole days, 1 or more")
    contract = Contract(
        source=source,
        version=document.version or "",
        domain=document.domain or "",
        owner=(document.team.name if document.team and not isinstance(document.team, list) else "") or "",
        tags=tuple(document.tags or ()),
        description=(document.description.purpose if document.description else "") or "",
        grain=table.dataGranularityDescription or "",
        columns=columns,
        rules=_rules(table, path),
        cadence="daily",
        start_column=start,
        event_column=custom.pop("eventColumn", start),
        delivery_measures=custom.pop("deliveryMeasures", {}),
        faulty_share_limit=_FAULTY_SHARE,
        faulty_rows_limit=_FAULTY_ROWS,
        volume_floor=_VOLUME_FLOOR,
        sheets=None,
        needs_marker=_is_stated(custom, path, "completionMarker", "required", "optional"),
        allows_events_outside_day=_is_stated(custom, path, "eventsOutsideDay", "allowed", "rejected"),
        identity_column=custom.pop("identityColumn", None),
        identity_days=identity_days,
        main_list=custom.pop("mainList", None),
        describes_forces=_is_stated(custom, path, "forces", "described", "delivering"),
    )
    if custom:
        raise ContractError(f"{path.name}: unknown custom properties of the schema: {', '.join(custom)}")
    try:
        contract = adapted(contract, options)
    except OptionError as error:
        raise ContractError(f"{path.name}: {error}") from None
    _check(contract, path)
    return contract


def _options(stated: dict[str, Any], path: Path) -> Options:
    try:
        return Options.model_validate(stated)
    except ValidationError as error:
        raise ContractError(f"{path.name}: {'; '.join(text for _, text in problems(error, Options))}") from None


def _is_stated(custom: dict[str, Any], path: Path, name: str, true: str, false: str) -> bool:
    """Return whether a custom property has the value that means true; without it, the other one applies."""
    stated = custom.pop(name, false)
    if stated not in (true, false):
        raise ContractError(f"{path.name}: {name} is {stated!r}; known: {', '.join(sorted((true, false)))}")
    return bool(stated == true)


def _custom(properties: list[CustomProperty] | None, path: Path, where: str) -> dict[str, Any]:
    custom: dict[str, Any] = {}
    for item in properties or []:
        if not item.property or item.property in custom:
            raise ContractError(f"{path.name}: {where}: custom property {item.property!r} is empty or stated twice")
        custom[item.property] = item.value
    return custom


def _column(item: SchemaProperty, path: Path) -> Column:
    name = item.name or ""
    if not _IDENTIFIER.fullmatch(name) or name in LOAD_COLUMNS:
        raise ContractError(f"{path.name}: column name {name!r} is reserved or not lower-case snake case")
    custom = _custom(item.customProperties, path, name)
    stated = custom.pop("cellType", None)
    if stated is not None and stated not in list(CellType):
        raise ContractError(f"{path.name}: {name}: cellType {stated!r}; known: {', '.join(CellType)}")
    cell_type = CellType(stated) if stated else _CELL_TYPES.get(item.logicalType or "")
    if cell_type is None:
        known = ", ".join(_CELL_TYPES)
        raise ContractError(f"{path.name}: {name}: logicalType {item.logicalType!r} needs a cellType; known: {known}")
    options = dict(item.logicalTypeOptions or {})
    minimum, maximum, pattern, max_length = (
        options.pop(option, None) for option in ("minimum", "maximum", "pattern", "maxLength")
    )
    if options:
        raise ContractError(f"{path.name}: {name}: logicalTypeOptions {', '.join(options)} are not carried out")
    precision = scale = None
    if cell_type is CellType.DECIMAL:
        precision, scale = _precision_and_scale(item.physicalType, f"{path.name}: {name}")
    minimum, maximum = (
        _bound(stated, cell_type, (precision, scale), f"{path.name}: {name}: {which}")
        for which, stated in (("minimum", minimum), ("maximum", maximum))
    )
    pattern_description = custom.pop("patternDescription", "")
    is_personal = item.classification == "personal"
    is_listed = bool(item.enum) or name == FORCE_COLUMN
    if cell_type is CellType.TEXT and pattern is None and not (is_listed or is_personal):
        pattern, pattern_description = IDENTIFIER, IDENTIFIER_DESCRIPTION
        max_length = IDENTIFIER_LENGTH if max_length is None else max_length
    column = Column(
        name=name,
        cell_type=cell_type,
        description=item.description or "",
        is_required=bool(item.required),
        identifies=_identifier(custom, f"{path.name}: {name}", is_personal=is_personal),
        null_words=_names(custom.pop("nullWords", ())) if is_personal else (),
        key_position=item.primaryKeyPosition if item.primaryKey else None,
        aliases=tuple(synonym.synonym for synonym in item.synonyms or [] if synonym.synonym),
        values={str(entry.value): entry.description or "" for entry in item.enum or []},
        precision=precision,
        scale=scale,
        minimum=minimum,
        maximum=maximum,
        maximum_reason=custom.pop("maximumReason", ""),
        pattern=pattern,
        pattern_description=pattern_description,
        pattern_reason=custom.pop("patternReason", ""),
        max_length=max_length,
        resembles_personal=custom.pop("resemblesPersonal", ""),
        default=custom.pop("default", None),
        not_before=_names(custom.pop("notBefore", ())),
        not_after=_names(custom.pop("notAfter", ())),
        required_when={key: str(value) for key, value in dict(custom.pop("requiredWhen", {})).items()},
        utc_offset_from=custom.pop("utcOffsetFrom", None),
    )
    if custom:
        raise ContractError(f"{path.name}: {name}: unknown custom properties: {', '.join(custom)}")
    return column


def _precision_and_scale(stated: str | None, where: str) -> tuple[int, int]:
    found = _DECIMAL.fullmatch(stated or "")
    precision, scale = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 0 < scale < precision <= _GREATEST_PRECISION:
        raise ContractError(
            f"{where}: physicalType {stated!r}; a number needs decimal(PRECISION, SCALE), as in decimal(9, 6): all its "
            f"digits (at most {_GREATEST_PRECISION}), and those after the point (at least 1, fewer than all)"
        )
    return precision, scale


def _bound(
    stated: Any, cell_type: CellType, size: tuple[int | None, int | None], where: str
) -> int | Decimal | date | None:
    """Return the least or greatest value of a type, as a contract states it."""
    is_whole = isinstance(stated, int) and not isinstance(stated, bool)
    # YAML already reads a plain date as a date.
    if stated is None or (cell_type in _DAYS and isinstance(stated, date)):
        return stated
    if cell_type in _DAYS:
        with suppress(ValueError):
            return date.fromisoformat(str(stated))
        raise ContractError(f"{where} {stated!r}; expected a date, as in 2022-08-01")
    if cell_type is CellType.DECIMAL:
        precision, scale = size[0] or 0, size[1] or 0
        bound = Decimal(str(stated)) if is_whole or isinstance(stated, float) else Decimal("nan")
        if bound.is_finite() and abs(bound) < 10 ** (precision - scale) and bound == round(bound, scale):
            return bound
        raise ContractError(f"{where} {stated}; expected a number that decimal({precision}, {scale}) can hold")
    if is_whole and cell_type in (CellType.INTEGER, CellType.SECONDS):
        return int(stated)
    raise ContractError(f"{where} {stated!r}; expected a whole number, for a number or seconds")


def _identifier(custom: dict[str, Any], where: str, *, is_personal: bool) -> Identifier | None:
    """Return what a column identifies: by default a reference; None for a column that is not personal."""
    if not is_personal:
        return None
    stated = custom.pop("identifies", Identifier.REFERENCE)
    if stated not in list(Identifier):
        raise ContractError(f"{where}: identifies is {stated!r}, expected {', '.join(Identifier)}")
    return Identifier(stated)


def _names(value: str | list[str] | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _rules(table: SchemaObject, path: Path) -> tuple[Rule, ...]:
    stated: list[DataQuality] = list(table.quality or [])
    for item in table.properties or []:
        stated.extend(item.quality or [])
    return tuple(_rule(quality, path) for quality in stated)


def _rule(quality: DataQuality, path: Path) -> Rule:
    where = f"{path.name}: quality {quality.name!r}"
    body = quality.implementation
    if quality.engine != "greatExpectations" or not isinstance(body, dict) or "type" not in body:
        raise ContractError(f"{where}: expected engine greatExpectations and an implementation with type and kwargs")
    if quality.severity not in list(Severity):
        raise ContractError(f"{where}: severity {quality.severity!r}; known: {', '.join(Severity)}")
    if body.get("table", "rows") not in ("rows", "deliveries"):
        raise ContractError(f"{where}: table {body['table']!r}; known: rows, deliveries")
    if not quality.name or not _IDENTIFIER.fullmatch(quality.name) or not quality.description:
        raise ContractError(f"{where}: needs a snake-case name and a description that gives the reason")
    return Rule(
        name=quality.name,
        description=quality.description,
        dimension=quality.dimension or "",
        severity=Severity(quality.severity),
        on_deliveries=body.get("table") == "deliveries",
        expectation=body["type"],
        arguments=dict(body.get("kwargs") or {}),
    )


def _check_shape(column: Column, where: str) -> None:
    """Reject bounds and patterns that have no effect or lack the words that a message needs."""
    bounds = [bound for bound in (column.minimum, column.maximum) if bound is not None]
    if bounds != sorted(bounds):
        raise ContractError(f"{where}: maximum {column.maximum} is below minimum {column.minimum}")
    if bool(column.maximum_reason) != (column.maximum is not None):
        raise ContractError(f"{where}: maximum and maximumReason go together: say why no value can be greater")
    if bool(column.pattern_description) != bool(column.pattern):
        raise ContractError(f"{where}: pattern and patternDescription go together: say the pattern in words")
    if column.max_length is not None and (not isinstance(column.max_length, int) or column.max_length < 1):
        raise ContractError(f"{where}: maxLength {column.max_length!r}; expected a whole number from 1")
    if column.form and (column.cell_type is not CellType.TEXT or column.values or column.is_personal):
        raise ContractError(f"{where}: pattern and maxLength are for text that is neither personal nor a closed list")
    if column.pattern:
        # DuckDB must compile the pattern, because Python accepts others.
        import duckdb

        from dagster_project.warehouse.connection import cursor

        try:
            with cursor() as connection:
                fitting = "select name from (select unnest(?) as name) where regexp_full_match(name, ?)"
                names = connection.execute(fitting, [_NAMES, column.pattern]).fetchall()
        except duckdb.Error as error:
            raise ContractError(f"{where}: pattern {column.pattern!r} is not a regular expression: {error}") from None
        if names and not column.pattern_reason:
            raise ContractError(
                f"{where}: a name like {names[0][0]!r} fits the pattern and would be published; expected a narrower "
                "pattern, or patternReason: say why such a text may be published"
            )


def _check(contract: Contract, path: Path) -> None:
    """Reject errors that would otherwise appear only at the first load."""
    known = {column.name: column for column in contract.columns}
    for column in contract.columns:
        related = (*column.not_before, *column.not_after, *column.required_when)
        related += (column.utc_offset_from,) if column.utc_offset_from else ()
        for name in related:
            if name not in known:
                raise ContractError(f"{path.name}: {column.name} refers to {name!r}, which is not a column")
        if column.is_personal and column.cell_type is not CellType.TEXT:
            raise ContractError(f"{path.name}: {column.name}: a personal column is text: its values become surrogates")
        if column.is_personal and (column.values or column.default is not None):
            raise ContractError(
                f"{path.name}: {column.name}: a personal column has no closed list and no default; the surrogates of a "
                "few known values can be told apart"
            )
        if column.values and column.cell_type is CellType.DECIMAL:
            raise ContractError(f"{path.name}: {column.name}: a closed list is for texts and whole numbers")
        if column.key_position is not None and not column.is_required:
            raise ContractError(f"{path.name}: {column.name}: a key column is required")
        _check_shape(column, f"{path.name}: {column.name}")
    for role, stated in (
        ("startColumn", contract.start_column),
        ("eventColumn", contract.event_column),
        ("identityColumn", contract.identity_column),
    ):
        if stated is not None and (stated not in known or known[stated].cell_type is not CellType.TIMESTAMP):
            raise ContractError(f"{path.name}: {role} {stated!r} is not a timestamp column")
    if contract.identity_days is not None and not (
        contract.key and contract.identity_time and known[contract.identity_time].is_required
    ):
        raise ContractError(f"{path.name}: identityDays: events need a key, and a time (eventColumn) that is required")
    if contract.main_list is not None and not (contract.main_list in known and known[contract.main_list].values):
        raise ContractError(f"{path.name}: mainList {contract.main_list!r} is not a column with an enum")
    if contract.describes_forces and not known[FORCE_COLUMN].is_required:
        raise ContractError(
            f"{path.name}: forces is described, so the configured force cannot stand in for a missing one: list the "
            f"column {FORCE_COLUMN} with required: true"
        )
    for rule in contract.rules:
        named = rule.arguments.get("column")
        if named in known and known[named].is_personal:
            raise ContractError(f"{path.name}: {rule.name}: no expectation may look at personal column {named}")
