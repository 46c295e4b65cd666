"""Lay the settings of a force over the shipped contracts: `contracts/SOURCE.yaml` in its configuration folder."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Strict, ValidationError
from pydantic.alias_generators import to_camel

from dagster_project.contracts import Contract, load_contracts
from dagster_project.errors import OperatorError
from dagster_project.settings import CONTRACTS, Settings
from dagster_project.words import printable

_FOLDER, _SUFFIX = "contracts", ".yaml"
# Parts of the configuration; another name is a mistyped one, whose content would be ignored.
_KNOWN = (_FOLDER, "seeds", "publication.yaml")


class ConfigError(OperatorError, ValueError):
    """A file of the configuration that cannot be used; the message names file, line, and what was expected."""


def _ascending(days: tuple[date, ...]) -> tuple[date, ...]:
    if list(days) != sorted(set(days)):
        raise ValueError("expected different dates, oldest first")
    return days


def parsed_day(stated: object) -> date:
    """Return the date that an option states; for validation."""
    try:
        return date.fromisoformat(stated if isinstance(stated, str) else "")
    except ValueError:
        raise ValueError("expected dates, as in 2024-02-01") from None


# Strict, or `yes` would be the number 1.
_Share = Annotated[float, Strict(), Field(ge=0, le=1, allow_inf_nan=False)]
_Day = Annotated[date, BeforeValidator(parsed_day)]


class ContractSettings(BaseModel):
    """What a force may state of a shipped contract; None: as shipped."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)

    faulty_share_limit: _Share | None = None
    faulty_rows_limit: Annotated[int, Strict(), Field(ge=0)] | None = None
    volume_floor: _Share | None = None
    keys_begin_again: Annotated[tuple[_Day, ...], AfterValidator(_ascending)] | None = None
    extract_date_offset: Annotated[int, Strict(), Field(ge=-1, le=0)] | None = None


def contracts_of(settings: Settings) -> dict[str, Contract]:
    """Return the contracts of all sources as this data root has them: the shipped ones and its settings.

    Raises:
        ContractError: a shipped contract cannot be used.
        ConfigError: a file of the configuration cannot be used.
    """
    contracts = load_contracts(CONTRACTS)
    folder = settings.config_folder
    if not folder.is_dir():
        if settings.config is not None:
            raise ConfigError(f"FCIR_CONFIG: {printable(str(folder))} is not a folder")
        return contracts
    for path in _entries(folder):
        if path.name not in _KNOWN:
            known = ", ".join(name if "." in name else f"{name}/" for name in _KNOWN)
            raise ConfigError(f"{_shown(path, folder)}: not part of the configuration; known: {known}")
    if (folder / _FOLDER).is_dir():
        for path in _entries(folder / _FOLDER):
            source = path.name.removesuffix(_SUFFIX)
            if not path.name.endswith(_SUFFIX) or source not in contracts:
                near = get_close_matches(source, contracts, n=1)
                hint = f". Did you mean {near[0]}{_SUFFIX}?" if near else ""
                raise ConfigError(
                    f"{_shown(path, folder)}: not named SOURCE{_SUFFIX} after a source ({', '.join(contracts)}){hint}"
                )
            contracts[source] = _laid_over(contracts[source], path, _shown(path, folder))
    return contracts


def _entries(folder: Path) -> Iterator[Path]:
    """Yield the entries of a folder, without the temporary files of editors."""
    yield from (path for path in sorted(folder.iterdir()) if not path.name.startswith(".") and path.name[-1:] != "~")


def _shown(path: Path, folder: Path) -> str:
    return printable(str(Path(folder.name) / path.relative_to(folder)))


def _laid_over(contract: Contract, path: Path, shown: str) -> Contract:
    """Return a contract with the settings of a file laid over it."""
    stated, lines = read_options(path, shown)
    try:
        settings = ContractSettings.model_validate(stated)
    except ValidationError as error:
        raise ConfigError("; ".join(problems(error, ContractSettings, lines, shown))) from None
    changes = settings.model_dump(exclude_none=True)
    if not changes:
        return contract
    for name, option in (("keys_begin_again", "keysBeginAgain"), ("extract_date_offset", "extractDateOffset")):
        if changes.get(name) and not (contract.is_daily and contract.key):
            raise ConfigError(f"{shown}, line {lines[option]}: {option} is for daily sources with a key")
    # Another version, so that days of a range that is asked for are loaded again.
    digest = sha256(json.dumps(changes, default=str, sort_keys=True).encode()).hexdigest()[:8]
    return replace(contract, **changes, version=f"{contract.version}+{digest}")


def read_options(path: Path, shown: str) -> tuple[dict[str, Any], dict[str, int]]:
    """Return the options of a YAML file, and the line of each.

    Raises:
        ConfigError: it cannot be read, or is not a list of options.
    """
    # Imported here, because it takes a while and many commands read no contract.
    import yaml

    class Loader(yaml.SafeLoader):
        """Leaves dates as they are written: of 2024-02-30 YAML would say neither file nor line."""

        yaml_implicit_resolvers = {  # noqa: RUF012 (as in the base class)
            first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
            for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    try:
        text = path.read_text(encoding="utf-8-sig")
        node = yaml.compose(text, Loader)
        content = yaml.load(text, Loader)  # noqa: S506 (a safe one)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{shown}: cannot be read: {error}") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{shown}, line {line}: not YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{shown}: not YAML: {error}") from None
    if node is None:
        return {}, {}
    if not isinstance(node, yaml.MappingNode) or not isinstance(content, dict):
        raise ConfigError(f"{shown}, line 1: expected options, as in volumeFloor: 0.5")
    lines: dict[str, int] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if key.value in lines:
            raise ConfigError(f"{shown}, line {line}: {key.value} is stated twice, first in line {lines[key.value]}")
        lines[key.value] = line
        if value.tag.endswith(":null"):
            raise ConfigError(f"{shown}, line {line}: {key.value} has no value; leave the option out")
    return {str(name): value for name, value in content.items()}, lines


def problems(error: ValidationError, model: type[BaseModel], lines: Mapping[str, int], shown: str) -> Iterator[str]:
    """Yield what is wrong with the options of a file: where, the option, and what was expected."""
    known = [field.alias or name for name, field in model.model_fields.items()]
    for item in error.errors():
        option = str(item["loc"][0])
        where = f"{shown}, line {lines.get(option, 1)}"
        if item["type"] == "extra_forbidden":
            near = get_close_matches(option, known, n=1)
            hint = f". Did you mean {near[0]}?" if near else ""
            yield f"{where}: {printable(option)} is not an option; known: {', '.join(known)}{hint}"
        elif item["type"] == "missing":
            yield f"{shown}: {option} is missing"
        else:
            yield f"{where}: {option} is {printable(repr(item['input']))}; {item['msg'].removeprefix('Value error, ')}"
