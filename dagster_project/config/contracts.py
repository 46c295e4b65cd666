"""Lay the settings of a force over the shipped contracts: `contracts/SOURCE.yaml` in its configuration folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path

from pydantic import ValidationError

from dagster_project.config.files import ConfigError, described, entries, line_of, read_options, require_known, shown
from dagster_project.contracts import Contract, ContractError, load_contract, load_contracts
from dagster_project.contracts.odcs import SUFFIX
from dagster_project.contracts.options import JUDGING, OptionError, Options, adapted
from dagster_project.settings import CONTRACTS, Settings

FOLDER, _SUFFIX = "contracts", ".yaml"


def contracts_of(settings: Settings) -> dict[str, Contract]:
    """Return the contracts of all sources as this data root has them: the shipped ones and its settings.

    Raises:
        ContractError: a shipped contract cannot be used.
        ConfigError: a file of the configuration cannot be used.
    """
    contracts = load_contracts(CONTRACTS)
    require_known(settings)
    files = list(entries(settings.config_folder / FOLDER))
    for path in files:
        if path.name.endswith(SUFFIX):
            contracts |= _own(contracts, path, shown(settings, path))
    for path in files:
        source = path.name.removesuffix(_SUFFIX)
        if path.name.endswith(SUFFIX):
            continue
        if not path.name.endswith(_SUFFIX) or source not in contracts:
            near = get_close_matches(source, contracts, n=1)
            hint = f". Did you mean {near[0]}{_SUFFIX}?" if near else ""
            raise ConfigError(
                f"{shown(settings, path)}: not named SOURCE{_SUFFIX} after a source ({', '.join(contracts)}){hint}"
            )
        contracts[source] = _laid_over(contracts[source], path, shown(settings, path))
    return contracts


def _own(contracts: Mapping[str, Contract], path: Path, place: str) -> dict[str, Contract]:
    """Return the whole contract of a source of the force."""
    source = path.name.removesuffix(SUFFIX)
    if source in contracts:
        raise ConfigError(f"{place}: {source} is shipped; state only what differs, in {source}{_SUFFIX}")
    try:
        return {source: load_contract(path)}
    except ContractError as error:
        raise ConfigError(f"{place}: {error}") from None


def _laid_over(contract: Contract, path: Path, place: str) -> Contract:
    """Return a contract with the settings of a file laid over it."""
    stated, lines = read_options(path, place)
    try:
        options = Options.model_validate(stated)
        found = adapted(contract, options)
    except ValidationError as error:
        raise ConfigError(described(error, Options, lines, place)) from None
    except OptionError as error:
        raise ConfigError(f"{place}, line {line_of(error.path, lines)}: {error}") from None
    if found == contract:
        return contract
    # Another version, so that a range that is asked for is loaded again. Its first part says how files are read.
    parts = [
        sha256(json.dumps(changes, sort_keys=True).encode()).hexdigest()[:8] if changes else ""
        for changes in (
            options.model_dump(mode="json", exclude_defaults=True, exclude=JUDGING),
            options.model_dump(mode="json", exclude_defaults=True, include=JUDGING),
        )
    ]
    return replace(found, version=f"{contract.version}+{'.'.join(parts)}")
