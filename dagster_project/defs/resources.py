"""Resources of the assets: the locked warehouse, and the deliveries of a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date

import dagster as dg
from pydantic import PrivateAttr

from dagster_project.config import contracts_of
from dagster_project.contracts import Contract
from dagster_project.defs.run_record import record_run
from dagster_project.loading.landing import scan_landing
from dagster_project.loading.people import People
from dagster_project.loading.pipeline import prepare_warehouse
from dagster_project.loading.plan import Range, RunPlan, plan_run
from dagster_project.publication.space import NotEnoughSpace, require_space
from dagster_project.settings import Settings, read_settings
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.history import require_sound_warehouse
from dagster_project.warehouse.lock import note_step, writer_lock
from dagster_project.warehouse.state import reading_audit


class Warehouse(dg.ConfigurableResource):
    """The warehouse, locked by this run from its first asset to its last."""

    _settings: Settings = PrivateAttr()
    _contracts: Mapping[str, Contract] = PrivateAttr()
    _people: People | None = PrivateAttr()

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Warehouse]:
        """Take the writer lock for the run, and enter the run into the record of actions when it has ended.

        Raises:
            WarehouseLocked: another run holds it.
            DatabaseUnreadable: it is damaged, or missing although there is a copy of its audit.
            SettingsError: a setting cannot be used.
            ContractError: a contract cannot be used.
        """
        self._settings = read_settings()
        self._contracts = contracts_of(self._settings)
        self._people = None
        # The command line has already taken the lock for its run, under its own name.
        run = context.run
        with writer_lock(self._settings.lock_file, command=f"Dagster run {run.run_id[:8]}" if run else ""):
            require_sound_warehouse(self._settings)
            try:
                yield self
            finally:
                if run and context.instance:
                    failures = context.instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
                    record_run(self._settings, run, failures)

    def begin(self, step: str) -> None:
        """Record the current step of the run, such as `loading crimes`, for commands that show its state."""
        note_step(self._settings.lock_file, step)

    @property
    def settings(self) -> Settings:
        """Settings of the installation."""
        return self._settings

    @property
    def contracts(self) -> Mapping[str, Contract]:
        """Contracts by source."""
        return self._contracts

    @property
    def people(self) -> People:
        """The vault that rows are loaded with. The first step that asks creates tables of the warehouse if needed.

        Raises:
            PeopleError: the vault or its keys are missing, of another data root, or older than the warehouse.
            TableMismatch: a raw table does not fit its contract.
        """
        if self._people is None:
            with loading_connection(self._settings.warehouse) as connection:
                self._people = prepare_warehouse(connection, self._settings, self._contracts)
        return self._people


class Deliveries(dg.ConfigurableResource):
    """Extract dates of a run; without dates, every delivery that is new, changed or was never accepted."""

    first: str = ""
    last: str = ""
    _plans: dict[Range, RunPlan] = PrivateAttr(default_factory=dict)

    @staticmethod
    def config_of(wanted: Range) -> dict[str, str]:
        """Return the configuration for a range."""
        return {name: day.isoformat() if day else "" for name, day in (("first", wanted.first), ("last", wanted.last))}

    def plan(self, context: dg.AssetExecutionContext, warehouse: Warehouse) -> RunPlan:
        """Return what the run found in the landing folder. The first step that asks scans it for all steps.

        Raises:
            Failure: the disk has less free space than the run needs.
        """
        wanted = self.wanted(context)
        if wanted not in self._plans:
            settings = warehouse.settings
            landing = scan_landing(settings, warehouse.contracts, wait_for=warehouse.contracts)
            with reading_audit(settings.warehouse, settings.lock_file) as connection:
                planned = plan_run(connection, landing, warehouse.contracts, wanted=wanted)
            try:
                require_space(settings, "fcir run", settings.published)
            except NotEnoughSpace as refused:
                raise dg.Failure(str(refused), allow_retries=False) from None
            self._plans[wanted] = planned
        return self._plans[wanted]

    def wanted(self, context: dg.AssetExecutionContext) -> Range:
        """Return the range: the run's partitions if it has any, otherwise the configured dates."""
        keys = partition_keys_of(context)
        if keys:
            return Range(date.fromisoformat(min(keys)), date.fromisoformat(max(keys)))
        return Range(
            date.fromisoformat(self.first) if self.first else None,
            date.fromisoformat(self.last) if self.last else None,
        )


def partition_keys_of(context: dg.AssetExecutionContext) -> list[str]:
    """Return the extract dates that a run was started for; empty if it loads everything new.

    A run over a range has no single partition key, so both must be checked.
    """
    if context.has_partition_key or context.has_partition_key_range:
        return list(context.partition_keys)
    return []
