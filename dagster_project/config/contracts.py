"""Lay the settings of a force over the shipped contracts: `contracts/SOURCE.yaml` in its configuration folder."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from dagster_project.contracts import Contract, ContractError, load_contract, load_contracts
from dagster_project.contracts.odcs import SUFFIX
from dagster_project.contracts.options import OptionError, Options, adapted, problems
from dagster_project.errors import OperatorError
from dagster_project.settings import CONTRACTS, Settings
from dagster_project.words import printable

_FOLDER, _SUFFIX = "contracts", ".yaml"
# Parts of the configuration; another name is a mistyped one, whose content would be ignored.
_KNOWN = (_FOLDER, "seeds", "publication.yaml")


class ConfigError(OperatorError, ValueError):
    """A file of the configuration that cannot be used; the message names file, line, and what was expected."""


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
            if path.name.endswith(SUFFIX):
                contracts |= _own(contracts, path, _shown(path, folder))
        for path in _entries(folder / _FOLDER):
            source = path.name.removesuffix(_SUFFIX)
            if path.name.endswith(SUFFIX):
                continue
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


def _own(contracts: Mapping[str, Contract], path: Path, shown: str) -> dict[str, Contract]:
    """Return the whole contract of a source of the force."""
    source = path.name.removesuffix(SUFFIX)
    if source in contracts:
        raise ConfigError(f"{shown}: {source} is shipped; state only what differs, in {source}{_SUFFIX}")
    try:
        return {source: load_contract(path)}
    except ContractError as error:
        raise ConfigError(f"{shown}: {error}") from None


def _laid_over(contract: Contract, path: Path, shown: str) -> Contract:
    """Return a contract with the settings of a file laid over it."""
    stated, lines = read_options(path, shown)
    try:
        options = Options.model_validate(stated)
        found = adapted(contract, options)
    except ValidationError as error:
        raise ConfigError(described(error, Options, lines, shown)) from None
    except OptionError as error:
        raise ConfigError(f"{shown}, line {line_of(error.path, lines)}: {error}") from None
    if found == contract:
        return contract
    # Another version, so that days of a range that is asked for are loaded again.
    changes = options.model_dump(mode="json", exclude_defaults=True)
    digest = sha256(json.dumps(changes, sort_keys=True).encode()).hexdigest()[:8]
    return replace(found, version=f"{contract.version}+{digest}")


Lines = dict[tuple[str, ...], int]


def read_options(path: Path, shown: str) -> tuple[dict[str, Any], Lines]:
    """Return the options of a YAML file, and the line of each, also of those within another.

    What stands within an option is text as it is written, so that No is a word and 0101 no number.

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
        content = yaml.load(text, Loader) or {}  # noqa: S506 (a safe one)
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
    lines: Lines = {}

    def text_of(node: yaml.Node, path: tuple[str, ...]) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return node.value
        if isinstance(node, yaml.SequenceNode):
            return [text_of(item, path) for item in node.value]
        found: dict[str, Any] = {}
        for key, value in node.value:
            here, line = (*path, str(key.value)), key.start_mark.line + 1
            option = ".".join(here)
            if here in lines:
                raise ConfigError(f"{shown}, line {line}: {option} is stated twice, first in line {lines[here]}")
            lines[here] = line
            if value.tag.endswith(":null"):
                raise ConfigError(f"{shown}, line {line}: {option} has no value; leave the option out")
            found[here[-1]] = (
                text_of(value, here) if path or isinstance(value, yaml.MappingNode) else content[key.value]
            )
        return found

    return text_of(node, ()), lines


def line_of(path: tuple[str, ...], lines: Lines) -> int:
    """Return the line of an option, or of the one that it stands within."""
    return next((lines[path[:length]] for length in range(len(path), 0, -1) if path[:length] in lines), 1)


def described(error: ValidationError, model: type[BaseModel], lines: Lines, shown: str) -> str:
    """Return what is wrong with the options of a file: where, the option, and what was expected."""
    return "; ".join(
        f"{shown}, line {line_of(path, lines)}: {text}" if path else f"{shown}: {text}"
        for path, text in problems(error, model)
    )
