"""Resources of the assets: the locked warehouse, and which deliveries a run is about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date

import dagster as dg
from pydantic import PrivateAttr

from dagster_project.contracts import Contract, load_contracts
from dagster_project.loading.plan import Range
from dagster_project.settings import CONTRACTS, Settings, read_settings
from dagster_project.warehouse.lock import note_step, writer_lock


class Warehouse(dg.ConfigurableResource):
    """The warehouse, held by this run alone from its first asset to its last."""

    _settings: Settings = PrivateAttr()
    _contracts: Mapping[str, Contract] = PrivateAttr()

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Warehouse]:
        """Take the writer lock for the run.

        Raises:
            WarehouseLocked: another run holds it.
            SettingsError: a setting cannot be used.
            ContractError: a contract cannot be used.
        """
        self._settings = read_settings()
        self._contracts = load_contracts(CONTRACTS)
        # A run of the command line has taken it already, under its own name.
        run = context.run
        with writer_lock(self._settings.lock_file, command=f"Dagster run {run.run_id[:8]}" if run else ""):
            yield self

    def begin(self, step: str) -> None:
        """Say what the run does from here on, for those who ask for the state meanwhile.

        Args:
            step: in words, for example `loading crimes`.
        """
        note_step(self._settings.lock_file, step)

    @property
    def settings(self) -> Settings:
        """Settings of the installation."""
        return self._settings

    @property
    def contracts(self) -> Mapping[str, Contract]:
        """Contracts by source."""
        return self._contracts


class Deliveries(dg.ConfigurableResource):
    """Extract dates that a run is about; without dates every delivery that is new, changed or never accepted."""

    first: str = ""
    last: str = ""

    def wanted(self, context: dg.AssetExecutionContext) -> Range:
        """The range: the run's partitions where it has any, else the configured dates."""
        keys = partition_keys_of(context)
        if keys:
            return Range(date.fromisoformat(min(keys)), date.fromisoformat(max(keys)))
        return Range(
            date.fromisoformat(self.first) if self.first else None,
            date.fromisoformat(self.last) if self.last else None,
        )


def partition_keys_of(context: dg.AssetExecutionContext) -> list[str]:
    """Extract dates that a run was started for; none when it is about whatever is new.

    A run over a range has no partition key of its own, so both have to be asked for.
    """
    if context.has_partition_key or context.has_partition_key_range:
        return list(context.partition_keys)
    return []
