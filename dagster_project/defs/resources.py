"""Resources of the assets: the locked warehouse, the deliveries that a run is about, and dbt."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg
from pydantic import PrivateAttr

from dagster_project.contracts import Contract, load_contracts
from dagster_project.defs.dbt_events import events_of, selected_nodes
from dagster_project.defs.event_log import in_one_transaction
from dagster_project.defs.log_lines import failure_of_build, log_build
from dagster_project.loading.landing import scan_landing
from dagster_project.loading.plan import Range, RunPlan, plan_run
from dagster_project.publication.versions import settle
from dagster_project.settings import CONTRACTS, Settings, read_settings
from dagster_project.transformation.build import STEPS, Step, build_step
from dagster_project.transformation.project import parse
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.lock import note_step, writer_lock
from dagster_project.warehouse.state import reading_audit


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
    _plans: dict[Range, RunPlan] = PrivateAttr(default_factory=dict)

    @classmethod
    def planned(cls, plan: RunPlan) -> dg.ResourceDefinition:
        """The resource of a run that was planned before it began, as the command line does to see if one is needed."""
        deliveries = cls()
        deliveries._plans[plan.wanted] = plan
        # As it is: of a configured resource, Dagster makes another instance.
        return dg.ResourceDefinition.hardcoded_resource(deliveries)

    def plan(self, context: dg.AssetExecutionContext, warehouse: Warehouse) -> RunPlan:
        """What the run found in the landing folder; the first step that asks looks there, for all of them."""
        wanted = self.wanted(context)
        if wanted not in self._plans:
            landing = scan_landing(warehouse.settings, warehouse.contracts, wait_for=warehouse.contracts)
            with reading_audit(warehouse.settings.warehouse, warehouse.settings.lock_file) as connection:
                self._plans[wanted] = plan_run(connection, landing, warehouse.contracts, wanted=wanted)
        return self._plans[wanted]

    def wanted(self, context: dg.AssetExecutionContext) -> Range:
        """The range: the run's partitions where it has any, else the configured dates."""
        keys = partition_keys_of(context)
        if keys:
            return Range(date.fromisoformat(min(keys)), date.fromisoformat(max(keys)))
        return Range(
            date.fromisoformat(self.first) if self.first else None,
            date.fromisoformat(self.last) if self.last else None,
        )


class Dbt(dg.ConfigurableResource):
    """dbt in the process of the run, with the interface of dagster-dbt's `DbtCliResource`.

    That one starts the dbt command line for each invocation: a night of 28 models and 61 tests took 11.1 CPU seconds
    with it and 6.8 with dbt's own runner, and its `fetch_row_counts().fetch_column_metadata()`, which wait busily for
    DuckDB, made 31 to 33 of them. Here the project is parsed once for all steps of a run, and what they show is read
    when they have ended.
    """

    warehouse: Warehouse
    _parsed: Any = PrivateAttr(default=None)

    def build(self, context: dg.AssetExecutionContext) -> DbtBuild:
        """A `dbt build` of what a run has selected of a step, tests included.

        Args:
            context: of a definition by `dbt_assets` with the name of a step.
        """
        settings = self.warehouse.settings
        [step] = [step for step in STEPS if step.name == context.assets_def.node_def.name]
        self.warehouse.begin(f"building and testing the {step.name}")
        with loading_connection(settings.warehouse) as connection:
            # Models compare with the last publication, and one whose run was killed is none.
            settle(connection, settings.published)
        self._parsed = self._parsed or parse(settings)
        return DbtBuild(context, settings, step, self._parsed)


@dataclass(frozen=True)
class DbtBuild:
    """A `dbt build` that is yet to run; `stream` runs it."""

    context: dg.AssetExecutionContext
    settings: Settings
    step: Step
    parsed: Any

    def stream(self) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        """Build, and yield what came of it.

        Raises:
            Failure: a node failed; it comes after the results of those that did not.
            DbtError: dbt could not start.
            BuildOrderError: a step before this one has to be built first.
        """
        started = time.monotonic()
        context = self.context
        is_whole = set(context.selected_asset_keys) == {spec.key for spec in context.assets_def.specs}
        only = None if is_whole else selected_nodes(context)
        report = build_step(self.settings, self.step, run_id=context.run.run_id, parsed=self.parsed, only=only)
        log_build(self.step.name, report, time.monotonic() - started)
        events = list(events_of(context, self.settings, report))
        with in_one_transaction(context.instance):
            yield from events
        if report.failed:
            raise dg.Failure(failure_of_build(report), allow_retries=False)


def partition_keys_of(context: dg.AssetExecutionContext) -> list[str]:
    """Extract dates that a run was started for; none when it is about whatever is new.

    A run over a range has no partition key of its own, so both have to be asked for.
    """
    if context.has_partition_key or context.has_partition_key_range:
        return list(context.partition_keys)
    return []
