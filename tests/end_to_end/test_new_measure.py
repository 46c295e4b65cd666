"""A measure and a section are added as docs/measures.md says, and nothing else of the project changes."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from command import CALLS, PROJECT, Command, call
from worked_examples import append, changed, copy_of_the_project, files_of, hashes, write_generated_files

PAGE = PROJECT / "docs" / "measures.md"
MEASURE = "calls_101.pct_called_back"
CATALOGUE, PARTS = "dbt/seeds/measure_catalogue.csv", "dbt/seeds/measure_parts.csv"
SECTIONS, METRICS = "dbt/seeds/measure_sections.csv", "dbt/models/semantic/_semantic__metrics.yml"

# Before all others.
NEW_SECTION = "call_backs,Called back & lost,0\n"

# Two unanswered calls to 101, of which one was called back the next day: half, where none was on the same day.
EXTRACT = [
    f"{CALLS},called_back_at",
    f"{call(1, '2022-10-29', disposition='abandoned')},2022-10-30 09:00",
    f"{call(3, '2022-10-29', disposition='abandoned')},",
    f"{call(5, '2022-10-29')},",
]


def printed(command: Command, measure: str) -> list[tuple]:
    section, _, name = measure.partition(".")
    return command.published(
        f"select display_value from marts.board_paper where section = '{section}' and measure = '{name}'"  # noqa: S608
    )


@pytest.fixture(scope="module")
def added(tmp_path_factory: pytest.TempPathFactory, parsed_project: Path):
    """The project with the measure of the page, what that changed, and what the run said.

    A copy of the measure stands in a section of its own.
    """
    command = copy_of_the_project(tmp_path_factory.mktemp("measure"), parsed_project)
    before = hashes(command.project)
    for path, block in files_of(PAGE):
        append(command.project, path, block)
    write_generated_files(command.project)
    of_the_page = changed(before, hashes(command.project))
    catalogue, parts = (block for _, block in files_of(PAGE))
    append(command.project, CATALOGUE, catalogue.replace("calls_101", "call_backs").replace(",19,", ",20,"))
    append(command.project, PARTS, parts.replace(f"{MEASURE},", "call_backs.pct_called_back,"))
    append(command.project, SECTIONS, NEW_SECTION)
    write_generated_files(command.project)
    command.land("call_segments_2022-10-29.csv", *EXTRACT)
    return command, of_the_page, command.run("run")


def test_the_rows_of_the_page_have_as_many_fields_as_the_lists_have_columns():
    shown = files_of(PAGE)
    assert [path for path, _ in shown] == [CATALOGUE, PARTS]
    for path, block in shown:
        header, *rows = csv.reader([(PROJECT / path).read_text().splitlines()[0], *block.splitlines()])
        assert {len(row) for row in rows} == {len(header)}, path


def test_the_page_names_every_file_that_changes(added):
    _, of_the_page, _ = added
    assert of_the_page == {CATALOGUE, PARTS, METRICS}
    text = PAGE.read_text()
    assert all(f"`{path}`" in text for path in (CATALOGUE, PARTS, METRICS))


def test_the_measure_is_published_with_its_figure(added):
    command, _, done = added
    assert done.returncode == 0, done.stdout + done.stderr
    assert printed(command, MEASURE) == [("50.00%",)]
    assert printed(command, "calls_101.pct_not_answered") == [("66.67%",)]
    assert command.published(f"select section_title, label from marts.measures where measure = '{MEASURE}'") == [  # noqa: S608
        ("101 calls", "% Called Back")
    ]
    page = (command.current / "board_paper.html").read_text()
    assert "% Called Back" in page


def test_a_section_has_its_title_and_place_wherever_sections_are_shown(added):
    command, _, _ = added
    assert printed(command, "call_backs.pct_called_back") == [("50.00%",)]
    page = (command.current / "board_paper.html").read_text()
    assert re.findall(r"<h2[^>]*>([^<]*(?:calls|lost)[^<]*)", page)[:2] == ["Called back &amp; lost", "999 calls"]
    measures = (command.current / "measures" / "index.html").read_text()
    assert measures.index("Called back &amp; lost") < measures.index("999 calls") < measures.index("101 calls")
    explorer = (command.current / "explorer.html").read_text()
    assert explorer.index("Called back \\u0026 lost") < explorer.index("999 calls")


def test_a_measure_of_a_section_that_is_not_in_the_list_fails_the_build_and_names_the_file(added):
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
