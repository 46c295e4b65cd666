"""Tells whether the tests of figures notice a mutant: the unit tests of its model, then the oracle's tables.

The oracle's tests hold the tables of `ORACLE` against plain Python on histories like the one here. A mutant that
changes one of them on such a history is therefore noticed there, and one that changes none is not.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from compiled_project import CompiledProject, Node, build_nodes, contents, warehouse
from folded_project import compile_folded, define
from mutants import Mutant, mutants
from raw_tables import load_definitions, load_history
from small_histories import draw_world
from unit_tests import UnitTests

ORACLE = (
    "kpi_measure_monthly",
    "kpi_calls_daily",
    "kpi_calls_hourly",
    "kpi_call_definitions",
    "kpi_staffing_hourly",
    "kpi_displacement_monthly",
    "kpi_chat_operator_monthly",
    "kpi_chat_concurrency_monthly",
    "kpi_digital_ledger_monthly",
    "kpi_measure_spc",
    "kpi_cancellations_monthly",
    "kpi_crime_status_monthly",
    "kpi_cancellation_detail_monthly",
    "kpi_crime_net_monthly",
    "kpi_crime_maturity",
    "kpi_crime_expected_net",
)

# A few dozen histories of more than a year hold every case that the oracle's 2,000 do, in a tenth of a second a table.
_FORCES = 40
_SEED = 3

# A hundred times what the slowest model takes over these histories.
_PATIENCE_SECONDS = 120

# Written out from a list by a loop, row by row; a fault in one of 300 lines is a fault of the list.
_LISTS = {"data_dictionary", "int_hour_of_week"}


class Trial:
    """A built warehouse on which mutants are tried."""

    def __init__(
        self, project: CompiledProject, functions: dict[str, str], connection: duckdb.DuckDBPyConnection
    ) -> None:
        """Build everything as it should be, and keep what the oracle's tables hold."""
        self.project = project
        self.functions = functions
        self.connection = connection
        self.unit_tests = UnitTests(project)
        world = draw_world(_SEED, forces=_FORCES)
        load_history(connection, world.history)
        define(connection, functions)
        nodes = list(project.nodes.values())
        build_nodes(connection, [node for node in nodes if node.kind == "seed"])
        load_definitions(connection, world.definitions)
        build_nodes(connection, [node for node in nodes if node.kind != "seed"])
        self.right = {name: contents(connection, project.by_name[name]) for name in ORACLE}

    def models(self) -> list[Node]:
        """Models with logic: all but staging, which renames, and lists that are written out."""
        return [
            node
            for node in self.project.nodes.values()
            if node.kind != "seed" and node.folder != "staging" and node.name not in _LISTS
        ]

    def draw(self, number: int, *, seed: int) -> list[Mutant]:
        """So many mutants, drawn from those of all models."""
        every = [mutant for node in self.models() for mutant in mutants(node.name, node.sql)]
        return random.Random(seed).sample(every, min(number, len(every)))

    def killer(self, mutant: Mutant) -> str | None:
        """What notices the mutant: a unit test, a table of the oracle, or DuckDB; None when nothing does."""
        # A fault may multiply rows without end; no test of such a model would ever end well.
        alarm = threading.Timer(_PATIENCE_SECONDS, self.connection.interrupt)
        alarm.start()
        try:
            failing = self.unit_tests.failing(self.connection, mutant.model, mutant.sql)
            return failing or self._changed_table(mutant)
        finally:
            alarm.cancel()

    def _changed_table(self, mutant: Mutant) -> str | None:
        affected = self.project.descendants(mutant.model)
        wanted = [node for node in affected if node.name in ORACLE]
        needed = {node.unique_id for table in wanted for node in self.project.ancestors(table.name)}
        if not wanted:
            return None
        self.connection.execute("begin")
        try:
            build_nodes(
                self.connection,
                [node for node in affected if node.unique_id in needed],
                replaced={mutant.model: mutant.sql},
            )
            changed = (node.name for node in wanted if contents(self.connection, node) != self.right[node.name])
            return next(changed, None)
        except duckdb.Error as error:
            return type(error).__name__
        finally:
            self.connection.execute("rollback")


@contextmanager
def trial(folder: Path) -> Iterator[Trial]:
    """A trial over the project as it stands; `folder` is for dbt."""
    project, functions = compile_folded(folder)
    with warehouse() as connection:
        yield Trial(project, functions, connection)


def macro_mutants(functions: dict[str, str]) -> list[Mutant]:
    """All mutants of the folded macros."""
    return [mutant for head, sql in functions.items() for mutant in mutants(head, sql)]
