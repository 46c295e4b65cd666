"""A measure and a section are added as docs/measures.md describes, without other changes to the project."""

from __future__ import annotations

import base64
import csv
import gzip
import re
from pathlib import Path

import pytest

from tests.end_to_end.command import CALLS, PROJECT, Command, call
from tests.end_to_end.worked_examples import (
    append,
    changed,
    copy_of_the_project,
    edit,
    edits_of,
    files_of,
    hashes,
    write_generated_files,
)

PAGE = PROJECT / "docs" / "measures.md"
MEASURE, OF_A_NEW_PART = "calls_101.pct_called_back", "digital.linked_contacts"
CATALOGUE, PARTS = "dbt/seeds/measure_catalogue.csv", "dbt/seeds/measure_parts.csv"
SECTIONS, METRICS = "dbt/seeds/measure_sections.csv", "dbt/models/semantic/_semantic__metrics.yml"

EVENT_PARTS = "dbt/macros/event_parts.sql"
MOST_FILES = {"a measure from existing parts": 4, "a measure with a new part": 8, "a section": 1}

# Before all others.
NEW_SECTION = "call_backs,Called back & lost,0\n"

# One of two unanswered calls to 101 was called back, on the next day: half, although none on the same day.
EXTRACT = [
    f"{CALLS},called_back_at",
    f"{call(1, '2022-10-29', disposition='abandoned')},2022-10-30 09:00",
    f"{call(3, '2022-10-29', disposition='abandoned')},",
    f"{call(5, '2022-10-29')},",
]

# Of two contacts one names a caller.
CONTACTS = [
    "contact_id,contact_type,received_at,linked_reference",
    "1,email,2022-10-29 10:00,C1",
    "2,email,2022-10-29 11:00,",
]


def files_to_touch() -> dict[str, set[str]]:
    """The files that the page names for each task; a row that begins with "also" has those of the row before."""
    found: dict[str, set[str]] = {}
    before: set[str] = set()
    for task, files in re.findall(r"^\| (an? [^|]+) \| ([^|]+) \|$", PAGE.read_text(), re.MULTILINE):
        named = set(re.findall(r"`([\w/.]+\.\w+)`", files))
        before = found[task] = named | (before if files.startswith("also ") else set())
    return found


def printed(command: Command, measure: str) -> list[tuple]:
    section, _, name = measure.partition(".")
    return command.published(
        f"select display_value from marts.board_paper where section = '{section}' and measure = '{name}'"  # noqa: S608
    )


@pytest.fixture(scope="module")
def added(tmp_path_factory: pytest.TempPathFactory, parsed_project: Path):
    """The project with the measure of the page, the changed files, and the result of a run.

    A copy of the measure is in a section of its own.
    """
    command = copy_of_the_project(tmp_path_factory.mktemp("measure"), parsed_project)
    before = hashes(command.project)
    (_, catalogue), (_, parts), *of_a_new_part = files_of(PAGE)
    append(command.project, CATALOGUE, catalogue)
    append(command.project, PARTS, parts)
    write_generated_files(command.project)
    of_the_page = changed(before, hashes(command.project))
    for path, diff in edits_of(PAGE):
        edit(command.project, path, diff)
    for path, block in of_a_new_part:
        append(command.project, path, block)
    append(command.project, CATALOGUE, catalogue.replace("calls_101", "call_backs").replace(",19,", ",20,"))
    append(command.project, PARTS, parts.replace(f"{MEASURE},", "call_backs.pct_called_back,"))
    append(command.project, SECTIONS, NEW_SECTION)
    write_generated_files(command.project)
    command.land("call_segments_2022-10-29.csv", *EXTRACT)
    command.land("digital_contacts_2022-10-29.csv", *CONTACTS)
    return command, of_the_page, command.run("run")


def test_documented_rows_fit_seed_columns():
    shown = files_of(PAGE)
    assert [path for path, _ in shown] == [CATALOGUE, PARTS, CATALOGUE, PARTS]
    assert {path for path, _ in edits_of(PAGE)} == {EVENT_PARTS}
    for path, block in shown:
        header, *rows = csv.reader([(PROJECT / path).read_text().splitlines()[0], *block.splitlines()])
        assert {len(row) for row in rows} == {len(header)}, path


@pytest.mark.parametrize("task", MOST_FILES)
def test_task_needs_at_most_the_promised_files(task):
    files = files_to_touch()[task]
    assert 0 < len(files) <= MOST_FILES[task], sorted(files)
    assert [path for path in files if not (PROJECT / path).is_file()] == []


def test_new_section_needs_no_python():
    assert files_to_touch()["a section"] == {SECTIONS}


def test_examples_change_only_listed_files(added):
    _, of_the_page, _ = added
    files = files_to_touch()
    assert of_the_page <= files["a measure from existing parts"]
    assert of_the_page | {EVENT_PARTS} <= files["a measure with a new part"]


def test_measure_with_new_part_is_printed(added):
    command, _, done = added
    assert done.returncode == 0, done.stdout + done.stderr
    assert printed(command, OF_A_NEW_PART) == [("1",)]


def test_page_names_every_changed_file(added):
    _, of_the_page, _ = added
    assert of_the_page == {CATALOGUE, PARTS, METRICS}
    text = PAGE.read_text()
    assert all(f"`{path}`" in text for path in (CATALOGUE, PARTS, METRICS))


def test_new_measure_is_published(added):
    command, _, done = added
    assert done.returncode == 0, done.stdout + done.stderr
    assert printed(command, MEASURE) == [("50.00%",)]
    assert printed(command, "calls_101.pct_not_answered") == [("66.67%",)]
    assert command.published(f"select section_title, label from marts.measures where measure = '{MEASURE}'") == [  # noqa: S608
        ("101 calls", "% Called Back")
    ]
    page = (command.current / "board_paper.html").read_text()
    assert "% Called Back" in page


def test_new_section_is_shown_in_order_everywhere(added):
    command, _, _ = added
    assert printed(command, "call_backs.pct_called_back") == [("50.00%",)]
    page = (command.current / "board_paper.html").read_text()
    assert re.findall(r"<h2[^>]*>([^<]*(?:calls|lost)[^<]*)", page)[:2] == ["Called back &amp; lost", "999 calls"]
    measures = (command.current / "measures" / "index.html").read_text()
    assert measures.index("Called back &amp; lost") < measures.index("999 calls") < measures.index("101 calls")
    (packed,) = re.findall(r'id="data"[^>]*>([^<]+)<', (command.current / "explorer.html").read_text())
    explorer = gzip.decompress(base64.b64decode(packed)).decode()
    assert explorer.index("Called back & lost") < explorer.index("999 calls")


def test_unknown_section_fails_the_build_and_names_the_seed(added):
    """Last, since it changes the project."""
    command, _, _ = added
    published = command.current.resolve()
    sections = command.project / SECTIONS
    sections.write_text(sections.read_text().removesuffix(NEW_SECTION))
    done = command.run("run")
    assert done.returncode == 1
    assert "section is not in measure_sections (dbt/seeds/measure_sections.csv)" in done.stdout + done.stderr
    assert "KeyError" not in done.stdout + done.stderr
    assert command.current.resolve() == published
