"""Sources are added as the documentation describes: by a contract and models, without Python."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

import pytest

from tests.end_to_end.command import PROJECT
from tests.end_to_end.worked_examples import (
    append,
    blocks_of,
    changed,
    copy_of_the_project,
    edit,
    edits_of,
    files_of,
    hashes,
    write_generated_files,
)

PAGE = PROJECT / "docs" / "adding_a_source.md"
SOURCE, KEYLESS = "front_counter_visits", "street_crimes"
MOST_FILES = 12
GENERATED = {"dbt/models/_contract_columns.md", "dbt/models/semantic/_semantic__metrics.yml"}
EDITED = ["dbt/macros/event_sources.sql", "dbt/macros/event_parts.sql"]
FILES = [
    f"expectations/{SOURCE}.odcs.yaml",
    f"dbt/models/staging/{SOURCE}/stg_{SOURCE}.sql",
    "dbt/models/marts/core/fct_front_counter_visit.sql",
    f"dbt/models/staging/{SOURCE}/_{SOURCE}__sources.yml",
    f"dbt/models/staging/{SOURCE}/_{SOURCE}__models.yml",
    "dbt/models/marts/core/_core__models.yml",
    f"dbt/models/changes/chg_{SOURCE}_rows.sql",
    "dbt/models/changes/_changes__models.yml",
    "dbt/seeds/measure_catalogue.csv",
    "dbt/seeds/measure_parts.csv",
    f"expectations/{KEYLESS}.odcs.yaml",
    f"dbt/models/staging/{KEYLESS}/stg_{KEYLESS}.sql",
    "dbt/models/marts/core/fct_street_crime.sql",
    f"dbt/models/staging/{KEYLESS}/_{KEYLESS}__sources.yml",
    f"dbt/models/staging/{KEYLESS}/_{KEYLESS}__models.yml",
    "dbt/models/marts/core/_core__models.yml",
]

# The fact of the source without a key a second time, updated by the rows of changed loads only.
CHANGED = '{{ changed_rows("street_crimes") }}\n'
RENEWED = """\
{{ config(pre_hook="{{ delete_changed_rows('chg_street_crimes_rows') }}") }}

with

crimes as (
    {{- latest_rows(ref("stg_street_crimes"), "chg_street_crimes_rows") }}
)

select crime_id, load_id, source_row
from crimes
"""
RENEWED_TEXTS = """\
models:
  - name: chg_street_crimes_rows
    description: Rows of pending loads. One row per extract row.
  - name: fct_street_crime_renewed
    description: Street-level crimes. One row per record of a month.
    config:
      meta:
        grain: [load_id, source_row]
        public: []
    columns:
      - {name: crime_id, data_type: varchar, description: Identifier.}
      - {name: load_id, data_type: bigint, description: Load.}
      - {name: source_row, data_type: bigint, description: Row.}
"""


def extracts_of_the_page() -> dict[str, list[str]]:
    """Name and lines of each extract that the page writes."""
    found = re.findall(r"/([a-z_]+_\d{4}-\d\d-\d\d\.csv) <<'END'\n(.*?)END\n", PAGE.read_text(), re.DOTALL)
    return {name: text.splitlines() for name, text in found}


@pytest.fixture(scope="module")
def added(tmp_path_factory, parsed_project):
    """A copy of the project with the sources of the page, the changed files, and the results of `check` and `run`.

    It has the fact of the second source twice: as on the page, and updated by changed rows.
    """
    command = copy_of_the_project(tmp_path_factory.mktemp("added"), parsed_project)
    before = hashes(command.project)
    for path, block in files_of(PAGE):
        append(command.project, path, block)
    for path, diff in edits_of(PAGE):
        edit(command.project, path, diff)
    write_generated_files(command.project)
    after = hashes(command.project)
    append(command.project, f"dbt/models/changes/chg_{KEYLESS}_rows.sql", CHANGED)
    append(command.project, "dbt/models/marts/core/fct_street_crime_renewed.sql", RENEWED)
    append(command.project, "dbt/models/marts/core/_renewed__models.yml", RENEWED_TEXTS)
    checked = [command.run("check", str(command.land(name, *lines))) for name, lines in extracts_of_the_page().items()]
    return command, changed(before, after), checked, command.run("run")


def test_page_shows_all_files_of_a_source():
    assert [path for path, _ in files_of(PAGE)] == FILES
    assert [path for path, _ in edits_of(PAGE)] == EDITED


def test_page_names_every_changed_file_and_no_python(added):
    _, files, _, _ = added
    assert files == {*FILES, *EDITED, *GENERATED}
    assert [path for path in files if path.endswith(".py")] == []


def test_new_source_needs_at_most_twelve_files(added):
    _, files, _, _ = added
    by_hand = {path for path in files - GENERATED if KEYLESS not in path and "street_crime" not in path}
    assert f"expectations/{SOURCE}.odcs.yaml" in by_hand
    assert len(by_hand) <= MOST_FILES, sorted(by_hand)


def test_figure_of_new_source_is_printed(added):
    command, _, _, done = added
    assert done.returncode == 0, done.stdout + done.stderr
    assert command.published(
        "select display_value from marts.board_paper where section = 'demand' and measure = 'front_counter_visits' "
        "and month_start = '2023-01-01'"
    ) == [("2",)]


def test_new_fact_is_published(added):
    command, _, _, done = added
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(rf"^sources +{SOURCE} +1 delivery, 2 rows loaded, 1 quarantined", done.stdout, re.MULTILINE)
    rows = command.published(
        "select visit_id, cast(arrived_at as varchar), cast(arrived_date as varchar), reason, is_seen, wait_seconds "
        "from marts.fct_front_counter_visit order by visit_id"
    )
    assert rows == [
        ("A1", "2023-01-31 09:02:00", "2023-01-31", "report_a_crime", True, Decimal(1080)),
        ("A2", "2023-01-31 09:05:00", "2023-01-31", "lost_property", False, None),
    ]
    described = command.published(
        "select column_name from marts.data_dictionary where table_name = 'fct_front_counter_visit'"
    )
    assert ("wait_seconds",) in described


def test_documented_queries_return_rows(added):
    command, _, _, _ = added
    queries = re.findall(r'^fcir query "(.+)"$', PAGE.read_text(), re.MULTILINE)
    assert len(queries) == 3
    for query in queries:
        done = command.run("query", query, "--csv")
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) >= 2, query


def test_visitor_name_is_stored_as_pseudonym(added):
    command, _, _, _ = added
    names = command.warehouse(f"select visitor_name from raw.{SOURCE}")  # noqa: S608 (own name)
    assert all(len(name) == 32 and int(name, 16) for (name,) in names)
    assert b"Example One" not in (command.home / "warehouse.duckdb").read_bytes()


def test_expectations_of_new_source_ran(added):
    command, _, _, _ = added
    results = dict(
        command.published(f"select expectation, success from marts.expectation_results where source = '{SOURCE}'")  # noqa: S608
    )
    assert results["waits_end_within_a_day"] is True
    assert len(results) > 5
    # One of three rows is quarantined.
    assert [name for name, success in results.items() if not success] == ["few_rows_are_quarantined"]
    audited = command.published(f"select status, rows_loaded from marts.load_audit where source = '{SOURCE}'")  # noqa: S608
    assert audited == [("loaded", 2)]


def test_documented_output_of_check_is_exact(added):
    _, _, checked, _ = added
    assert [done.returncode for done in checked] == [0, 0]
    assert checked[0].stdout in [block.text for block in blocks_of(PAGE)]
    assert "[too_many_decimals]" in checked[1].stdout
    assert "row 4, column longitude" in checked[1].stdout


def test_equal_rows_without_a_key_load(added):
    command, _, _, _ = added
    rows = command.published(
        "select crime_id, month_start, longitude, latitude, crime_type, source_row "
        "from marts.fct_street_crime order by source_row"
    )
    place = (Decimal("0.522030"), Decimal("51.275460"))
    month = date(2023, 1, 1)
    assert rows == [
        (None, month, *place, "Anti-social behaviour", 2),
        (None, month, *place, "Anti-social behaviour", 3),
        ("a1b3", month, None, None, "Robbery", 5),
    ]
    codes = command.published(f"select reason_code from marts.quarantine where source = '{KEYLESS}'")  # noqa: S608
    assert codes == [("too_many_decimals",)]


def test_correction_without_a_key_replaces_the_day(added):
    """Last, since it changes the deliveries of the page."""
    command, _, _, _ = added
    name = f"{KEYLESS}_2023-01-31.csv"
    header, first, *_ = extracts_of_the_page()[name]
    command.land(name, header, first, first, first)
    command.land(f"{KEYLESS}_2023-02-28.csv", header, first.replace("2023-01", "2023-02"))
    done = command.run("run")
    assert done.returncode == 0, done.stdout + done.stderr
    whole, renewed = (
        command.published(f"select crime_id, load_id, source_row from marts.{table} order by all")  # noqa: S608
        for table in ("fct_street_crime", "fct_street_crime_renewed")
    )
    assert whole == renewed
    assert len(whole) == 4
    assert command.published("select rows_before, rows_after, rows_added, rows_removed from marts.corrections") == [
        (3, 3, 1, 1)
    ]
