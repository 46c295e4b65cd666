"""A source is added as the documentation tells it, by a contract and a staging model: no Python is touched."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from command import PROJECT, Command

PAGE = PROJECT / "docs" / "adding_a_source.md"
SOURCE = "front_counter_visits"
COPIED = ("dagster_project", "dbt", "expectations", "deploy", "pyproject.toml")
WITHOUT = shutil.ignore_patterns("__pycache__", "target", "logs", "*.duckdb*")


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".pyc"
    }


def blocks_of_the_page() -> list[tuple[str, str, str]]:
    """Each block of the page: the text before it, its language and what is in it."""
    return re.findall(r"(.*?)^```(\w*)\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)


def files_of_the_page() -> list[tuple[str, str]]:
    """Each file that the page shows: the last path that the text names before a block, and the block."""
    found, named = [], ""
    for text, language, block in blocks_of_the_page():
        paths = re.findall(r"`((?:expectations|dbt)/[\w/.]+\.(?:ya?ml|sql))`", text)
        named = paths[-1] if paths else named
        if language in ("yaml", "sql"):
            found.append((named, block))
    return found


@pytest.fixture(scope="module")
def added(tmp_path_factory, parsed_project):
    """A copy of the project with the source of the page, its extract, and what `check` and `run` said."""
    root = tmp_path_factory.mktemp("added")
    project = root / "project"
    for name in COPIED:
        if (PROJECT / name).is_dir():
            shutil.copytree(PROJECT / name, project / name, ignore=WITHOUT)
        else:
            shutil.copy(PROJECT / name, project / name)
    command = Command(root / "home", project=project)
    command.know_the_project(parsed_project)
    before = hashes(project)
    for path, block in files_of_the_page():
        file = project / path
        file.write_text((file.read_text() if file.exists() else "") + block)
    subprocess.run([sys.executable, "-m", "dagster_project.reference"], cwd=project, check=True, capture_output=True)
    landed = re.search(rf"({SOURCE}_\d{{4}}-\d\d-\d\d\.csv) <<'END'\n(.*?)END\n", PAGE.read_text(), re.DOTALL)
    path = command.land(landed[1], *landed[2].splitlines())
    checked = command.run("check", str(path))
    done = command.run("run")
    return command, before, checked, done


def test_the_page_shows_a_contract_an_entry_a_model_and_its_texts():
    assert [path for path, _ in files_of_the_page()] == [
        f"expectations/{SOURCE}.odcs.yaml",
        "dbt/models/staging/_raw__sources.yml",
        f"dbt/models/staging/stg_{SOURCE}.sql",
        f"dbt/models/staging/_stg_{SOURCE}__models.yml",
    ]


def test_no_python_and_nothing_that_was_there_is_touched_but_the_lists_of_sources_and_texts(added):
    command, before, _, _ = added
    after = hashes(command.project)
    assert {path for path in after if after[path] != before.get(path)} == {
        f"expectations/{SOURCE}.odcs.yaml",
        f"dbt/models/staging/stg_{SOURCE}.sql",
        f"dbt/models/staging/_stg_{SOURCE}__models.yml",
        "dbt/models/staging/_raw__sources.yml",
        "dbt/models/_contract_columns.md",
    }
    assert before.keys() <= after.keys()


def test_the_run_loads_and_builds_the_source_and_its_staging_view_has_the_rows(added):
    command, _, _, done = added
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(rf"^sources +{SOURCE} +1 delivery, 2 rows loaded, 1 quarantined", done.stdout, re.MULTILINE)
    rows = command.warehouse(
        f"select visit_id, cast(arrived_at as varchar), cast(arrived_date as varchar), reason "  # noqa: S608 (own name)
        f"from staging.stg_{SOURCE} order by visit_id"
    )
    assert rows == [
        ("A1", "2024-03-04 09:02:00", "2024-03-04", "report_a_crime"),
        ("A2", "2024-03-04 09:05:00", "2024-03-04", "lost_property"),
    ]


def test_its_name_is_kept_as_a_pseudonym_only(added):
    command, _, _, _ = added
    names = command.warehouse(f"select visitor_name from raw.{SOURCE}")  # noqa: S608 (own name)
    assert all(len(name) == 32 and int(name, 16) for (name,) in names)
    assert b"Example One" not in (command.home / "warehouse.duckdb").read_bytes()


def test_its_expectations_ran_those_of_its_columns_and_the_one_that_it_states(added):
    command, _, _, _ = added
    results = dict(
        command.published(f"select expectation, success from marts.expectation_results where source = '{SOURCE}'")  # noqa: S608
    )
    assert results["waits_end_within_a_day"] is True
    assert len(results) > 5
    assert all(results.values())
    audited = command.published(f"select status, rows_loaded from marts.load_audit where source = '{SOURCE}'")  # noqa: S608
    assert audited == [("loaded", 2)]


def test_what_the_page_says_of_check_and_run_is_what_they_say(added):
    _, _, checked, done = added
    assert checked.returncode == 0
    shown = [block for _, _, block in blocks_of_the_page()]
    assert checked.stdout in shown
    (build,) = re.findall(r"^build +staging +\d+ of \d+ good", done.stdout, re.MULTILINE)
    assert any(build in block for block in shown)
