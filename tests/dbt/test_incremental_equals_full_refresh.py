"""What dbt builds equals what the compiled SQL builds at once, at first and after every step of incremental builds."""

import os
import shutil
from datetime import date
from pathlib import Path

import duckdb
import pytest
from dbt.contracts.graph.manifest import Manifest

from dagster_project.contracts import load_contracts
from dagster_project.publication.parquet_files import write_parquet
from dagster_project.settings import CONTRACTS, Settings
from dagster_project.transformation.project import invoke, marts_of, target_path
from dagster_project.warehouse.connection import loading_connection, open_read_only
from dagster_project.warehouse.tables import ensure_tables
from tests.compiled_project import CompiledProject, Node, build_node, warehouse
from tests.dbt.histories import DAYS, History

# HISTORIES=10 tries as many, each for 25 CPU seconds.
SEEDS = range(5, 5 + int(os.environ.get("HISTORIES", "1")))
STEPS = 3
EPOCHS = " union all ".join(
    f"select {epoch} from marts.{fact}"
    for fact, epoch in (
        ("fct_call", "call_epoch"),
        ("fct_live_chat", "chat_epoch"),
        ("fct_digital_contact", "contact_epoch"),
    )
)
TABLES = ["--resource-type", "model", "--resource-type", "seed"]


def parse(settings: Settings) -> Manifest:
    return invoke(settings, ["parse", "--no-write-json"])


def run_dbt(settings: Settings, parsed: Manifest, *command: str) -> None:
    """Run a command over the parsed project; all of its nodes have to succeed."""
    results = invoke(settings, [*command, "--no-write-json"], manifest=parsed).results
    assert {item.node.name: item.message for item in results if str(item.status) != "success"} == {}


def rows_of(connection: duckdb.DuckDBPyConnection, nodes: list[Node]) -> dict[str, list[tuple]]:
    tables = [node for node in nodes if node.kind == "table" and node.schema in ("measures", "marts")]
    return {node.name: connection.execute(f"from {node.schema}.{node.name} order by all").fetchall() for node in tables}


def first_changed_day(connection: duckdb.DuckDBPyConnection, table: str) -> date | None:
    """The first local day of a row in a table of changed rows."""
    columns = [name for name, *_ in connection.execute(f"describe {table}").fetchall() if name.endswith("_date")]
    days = " union all ".join(f"select {column} as day from {table}" for column in columns)
    return connection.execute(f"select min(day) from ({days})").fetchall()[0][0]


def built_at_once(file: Path, nodes: list[Node]) -> dict[str, list[tuple]]:
    """The same tables by one build from what was loaded."""
    with warehouse(loaded=file) as connection:
        for node in nodes:
            build_node(connection, node)
        return rows_of(connection, nodes)


def publish(settings: Settings, marts: list, folder: Path, before: Path | None) -> dict[str, Path]:
    """Write facts into a folder, from the files in another one where there is one; the files by name."""
    folder.mkdir()
    with loading_connection(settings.warehouse) as connection:
        write_parquet(connection, marts, folder, before=before)
    return {str(file.relative_to(folder)): file for file in sorted((folder / "parquet").rglob("*.parquet"))}


@pytest.mark.parametrize("seed", SEEDS)
def test_every_step_of_a_random_history_gives_what_a_full_build_gives(
    seed: int, settings: Settings, project: CompiledProject, tmp_path: Path
) -> None:
    incremental = [
        node.name for node in project.by_name.values() if node.entry["config"]["materialized"] == "incremental"
    ]
    select, nodes = ["--select", "+config.materialized:incremental"], project.with_ancestors(incremental)
    facts = [mart for mart in marts_of(project.manifest) if mart.changed_rows and mart.month_of]
    assert {mart.name for mart in facts} == {name for name in incremental if name.startswith("fct_")} != set()
    for file in (settings.warehouse, settings.marts):
        file.unlink(missing_ok=True)
    history = History(settings.warehouse, load_contracts(CONTRACTS), seed=seed)
    before: dict[str, list[tuple]] = {}
    published: dict[str, Path] = {}
    shrunk, spared, epochs, taken_over = set(), set(), set(), 0
    parsed = parse(settings)
    for step in range(STEPS):
        history.deliver()
        run_dbt(settings, parsed, "build", *select, *TABLES)
        with open_read_only(settings.warehouse) as connection:
            found = rows_of(connection, nodes)
            epochs |= set(connection.execute(EPOCHS).fetchall())
            changed = {mart.name: first_changed_day(connection, ".".join(mart.changed_rows)) for mart in facts}
        expected = built_at_once(settings.warehouse, nodes)
        assert [name for name in expected if found[name] != expected[name]] == [], f"step {step}"
        folder = tmp_path / str(step)
        earlier, published = published, publish(settings, facts, folder, tmp_path / str(step - 1) if step else None)
        whole = publish(settings, facts, tmp_path / f"{step} whole", None)
        assert {name: file.read_bytes() for name, file in published.items()} == {
            name: file.read_bytes() for name, file in whole.items()
        }
        taken_over += sum(name in earlier and file.samefile(earlier[name]) for name, file in published.items())
        shrunk |= {name for name in found if len(found[name]) < len(before.get(name, ()))}
        spared |= {name for name, day in changed.items() if step and day and day > DAYS[0]}
        before = found
        # As after a build that failed late: its tables exist, and its loads are still pending.
        if step != 1:
            history.complete_build()
    assert taken_over
    assert epochs > {(0,)}, "take another seed: no event has the identifier of another one"
    assert shrunk & {mart.name for mart in facts}, "take another seed: no fact lost a row"
    assert spared, "take another seed: each build changed all months"
    assert all(found[mart.name] for mart in facts)


def test_a_full_build_drops_what_an_earlier_version_left_and_nothing_else(tmp_path, parsed_project):
    settings = Settings(home=tmp_path, _env_file=None)
    shutil.copytree(parsed_project, target_path(settings))
    parsed = parse(settings)

    def build(*options: str) -> set[str]:
        run_dbt(settings, parsed, "build", *options, "--select", "+dim_force", *TABLES)
        with loading_connection(settings.warehouse) as connection:
            names = "select schema_name || '.' || {0}_name from duckdb_{0}s() where schema_name not in ('audit', 'raw')"
            rows = connection.execute(f"{names.format('table')} union all {names.format('view')}").fetchall()
        return {name for (name,) in rows if not name.startswith(("information_schema", "pg_catalog", "main"))}

    with loading_connection(settings.warehouse) as connection:
        ensure_tables(connection, load_contracts(CONTRACTS).values())
        connection.execute("create schema staging; create view staging.stg_crimes_touched as select 1 as id")
        # A table of the project that this build does not make.
        connection.execute("create schema measures; create table measures.int_part_daily (id bigint)")
    whole = {"reference.police_forces", "marts.dim_force", "measures.int_part_daily", "archive.part_load"}
    assert build() == whole | {"staging.stg_crimes_touched"}
    assert build("--full-refresh") == whole
