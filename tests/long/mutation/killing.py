"""Whether the tests of figures notice a mutant: the unit tests of its model, then the tables of the reference.

The tests of `tests/reference` hold the tables of `REFERENCE` against plain Python on histories like the one here. A
mutant that changes one of them on such a history is therefore noticed there, and one that changes none is not.
"""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import duckdb

from tests.long.mutation.folded_project import compile_folded, define
from tests.long.mutation.mutants import Mutant, sites
from tests.long.mutation.unit_tests import UnitTests
from tests.reference.compiled_project import CompiledProject, Node, build_nodes, fingerprint, warehouse
from tests.reference.raw_tables import build_world
from tests.reference.worlds import draw_world

REFERENCE = (
    "dim_date",
    "fct_call",
    "kpi_measure_monthly",
    "kpi_measure_period",
    "kpi_measure_spc",
    "kpi_measure_spc_as_of",
    "kpi_measure_weekly",
    "kpi_measure_spc_weekly",
    "kpi_calls_monthly",
    "kpi_calls_daily",
    "kpi_calls_hourly",
    "kpi_call_definitions",
    "kpi_staffing_hourly",
    "kpi_digital_monthly",
    "kpi_digital_by_type_monthly",
    "kpi_digital_ledger_monthly",
    "kpi_ocr_monthly",
    "kpi_live_chat_monthly",
    "kpi_chat_operator_monthly",
    "kpi_chat_concurrency_monthly",
    "kpi_displacement_monthly",
    "kpi_crime_monthly",
    "kpi_crime_by_district_monthly",
    "kpi_district_change_monthly",
    "kpi_cancellations_monthly",
    "kpi_crime_status_monthly",
    "kpi_cancellation_detail_monthly",
    "kpi_crime_net_monthly",
    "kpi_crime_maturity",
    "kpi_crime_expected_net",
)

# Two worlds of a few histories hold the cases that 2,000 do, in a tenth of a second a table: one in which hardly a day
# is whole, and one in which most are.
_FORCES = 25
_SEEDS = (9, 11)

# A hundred times what the slowest model takes over these histories.
_PATIENCE_SECONDS = 120

# Ten times what these histories need; a fault that multiplies rows ends here.
_MEMORY = "2GB"

# Written out from a list by a loop, where a fault in one of 300 lines is a fault of the list, or by a macro over
# another key or over weeks, where another model stands for all: chg_crimes_rows, fct_digital_contact, kpi_measure_spc
# and int_control_chart_limit.
_LEFT_OUT = re.compile(
    r"data_dictionary|int_hour_of_week|int_published_\w+_current|chg_(?!crimes_)\w+_rows|"
    r"kpi_measure_spc_(as_of|weekly)|int_control_chart_limit_weekly"
)


class Trial:
    """Built warehouses on which mutants are tried."""

    def __init__(
        self,
        project: CompiledProject,
        functions: dict[str, str],
        connections: Sequence[duckdb.DuckDBPyConnection],
    ) -> None:
        """Build a world in each without a fault, and keep the fingerprints of the reference tables."""
        self.project = project
        self.connections = connections
        self.unit_tests = UnitTests(project)
        self.right: list[dict[str, tuple[Any, ...]]] = []
        for seed, connection in zip(_SEEDS, connections, strict=True):
            define(connection, functions)
            build_world(connection, project, draw_world(seed, forces=_FORCES))
            self.right.append({name: fingerprint(connection, project.by_name[name]) for name in REFERENCE})

    def models(self) -> list[Node]:
        """Return the models with logic: all but staging, which renames, and what a loop or a macro writes out."""
        return [
            node
            for node in self.project.nodes.values()
            if node.kind != "seed" and node.folder != "staging" and not _LEFT_OUT.fullmatch(node.name)
        ]

    def draw(self, number: int, *, seed: int) -> list[Mutant]:
        """Draw mutants from those of all models."""
        every = [site for node in self.models() for site in sites(node.name, node.sql)]
        return [site.mutant() for site in random.Random(seed).sample(every, min(number, len(every)))]

    def killer(self, mutant: Mutant) -> str | None:
        """Return what notices the mutant: a unit test, a table of the reference or a DuckDB error; None: nothing."""
        # A fault may multiply rows without end, and no test of such a model would pass.
        alarm = threading.Timer(_PATIENCE_SECONDS, self._interrupt)
        alarm.start()
        try:
            failing = self.unit_tests.failing(self.connections[0], mutant.model, mutant.sql)
            changed = (self._changed_table(mutant, world) for world in range(len(self.connections)))
            return failing or next((table for table in changed if table), None)
        finally:
            alarm.cancel()

    def _interrupt(self) -> None:
        for connection in self.connections:
            connection.interrupt()

    def _changed_table(self, mutant: Mutant, world: int) -> str | None:
        connection, right = self.connections[world], self.right[world]
        affected = self.project.descendants(mutant.model)
        wanted = [node for node in affected if node.name in REFERENCE]
        needed = {node.unique_id for table in wanted for node in self.project.ancestors(table.name)}
        if not wanted:
            return None
        connection.execute("begin")
        try:
            # Stop at the first table that differs.
            for node in [node for node in affected if node.unique_id in needed]:
                build_nodes(connection, [node], replaced={mutant.model: mutant.sql})
                if node.name in right and fingerprint(connection, node) != right[node.name]:
                    return node.name
            return None
        except duckdb.Error as error:
            return type(error).__name__
        finally:
            connection.execute("rollback")


@contextmanager
def trial(folder: Path) -> Iterator[Trial]:
    """Yield a trial over the current project; `folder` is for dbt."""
    project, functions = compile_folded(folder)
    with ExitStack() as stack:
        yield Trial(project, functions, [stack.enter_context(warehouse(memory_limit=_MEMORY)) for _ in _SEEDS])
