"""A source and a measure are added as the documentation describes: files of the project, and no Python."""

from __future__ import annotations

import json
import re
from datetime import date
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import pytest

from dagster_project.settings import PROJECT_ROOT
from tests.roots import CALLS, DataRoot, Done, call
from tests.scenarios.worked_examples import blocks_of, carry_out, copy_of_the_project, run, write_generated_files

SOURCES, MEASURES = PROJECT_ROOT / "docs" / "adding_a_source.md", PROJECT_ROOT / "docs" / "measures.md"
GENERATED = {"dbt/models/_contract_columns.md"}
SOURCE = "front_counter_visits"

# One of two unanswered calls to 101 was called back, on the next day.
CALLED_BACK = [
    f"{CALLS},called_back_at",
    f"{call(1, '2022-10-29', disposition='abandoned')},2022-10-30 09:00",
    f"{call(3, '2022-10-29', disposition='abandoned')},",
    f"{call(5, '2022-10-29')},",
]
CONTACTS = [
    "contact_id,contact_type,received_at,linked_reference",
    "1,email,2022-10-29 10:00,C1",
    "2,email,2022-10-29 11:00,",
]
CHATS = [
    "chat_id,requested_at,accepted_at,ended_at",
    "1,2022-10-29 10:00:00,2022-10-29 10:00:10,2022-10-29 10:05:00",
    "2,2022-10-29 11:00:00,2022-10-29 11:00:45,2022-10-29 11:05:00",
    "3,2022-10-29 12:00:00,2022-10-29 12:02:00,2022-10-29 12:05:00",
    "4,2022-10-29 13:00:00,,2022-10-29 13:05:00",
]


class Added(NamedTuple):
    """A copy of the project with the examples of both pages, the files that each changed, and what commands printed."""

    root: DataRoot
    by_sources: list[str]
    by_measures: list[str]
    generated: list[str]
    checked: Done
    night: Done


@pytest.fixture(scope="module")
def added(made_once, parsed_project) -> Added:
    def fill(folder: Path) -> None:
        *files, checked, night = add(copy_of_the_project(folder, parsed_project))
        text = json.dumps([*map(sorted, files), vars(checked), vars(night)])
        (folder / "added.json").write_text(text, encoding="utf-8")

    files = [SOURCES, MEASURES, *sorted(SOURCES.parent.rglob("examples/**/*.*"))]
    pages = sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]
    folder = made_once(f"examples-{pages}", fill)
    *files, checked, night = json.loads((folder / "added.json").read_text(encoding="utf-8"))
    return Added(DataRoot(folder / "home", {}, folder / "project"), *files, Done(**checked), Done(**night))


def add(root: DataRoot) -> tuple[set[str], set[str], set[str], Done, Done]:
    """Carry out the pages, and run a night."""
    by_sources, by_measures = (carry_out(root.project, page) for page in (SOURCES, MEASURES))
    sections = root.project / "dbt" / "seeds" / "measure_sections.csv"
    sections.write_text(sections.read_text() + "call_backs,Called back & lost,0\n")
    catalogue, parts = [block for block in blocks_of(MEASURES) if block.language == "csv"][:2]
    for block, old, new in ((catalogue, "calls_101", "call_backs"), (parts, "calls_101.pct", "call_backs.pct")):
        seed = root.project / block.file
        seed.write_text(seed.read_text() + block.text.replace(old, new).replace(",19,", ",20,"))
    generated = write_generated_files(root.project)
    extracts = re.findall(r"/([a-z_]+_\d{4}-\d\d-\d\d\.csv) <<'END'\n(.*?)END\n", SOURCES.read_text(), re.DOTALL)
    checked = root.process("check", *(str(root.land(name, *text.splitlines())) for name, text in extracts))
    root.land("call_segments_2022-10-29.csv", *CALLED_BACK)
    root.land("digital_contacts_2022-10-29.csv", *CONTACTS)
    root.land("live_chats_2022-10-29.csv", *CHATS)
    night = run(root)
    assert "failed:" not in night.out, night.out
    return by_sources, by_measures, generated, checked, night


def printed(root, measure):
    section, _, name = measure.partition(".")
    return root.published(
        f"select display_value from marts.board_paper where section = '{section}' and measure = '{name}'"
    )


def test_the_pages_name_every_file_that_changes_and_none_is_python(added):
    for page, files in ((SOURCES, added.by_sources), (MEASURES, added.by_measures)):
        assert not [path for path in files if path.endswith(".py")]
        assert all(f"`{path}`" in page.read_text() for path in files)
    assert set(added.generated) == GENERATED


def test_a_source_needs_at_most_twelve_files(added):
    by_hand = {path for path in added.by_sources if not re.search("street_crime", path)}
    assert f"expectations/{SOURCE}.odcs.yaml" in by_hand
    assert len(by_hand) <= 12, sorted(by_hand)


def test_check_prints_what_the_page_shows(added):
    assert added.checked.code == 0
    [printed] = [block.text for block in blocks_of(SOURCES) if "verdict on" in block.text]
    assert printed in added.checked.out
    assert "row 4, column longitude" in added.checked.out
    assert "[too_many_decimals]" in added.checked.out


def test_rows_of_the_new_source_become_a_fact(added):
    assert re.search(rf"^sources +{SOURCE} +1 delivery, 2 rows loaded, 1 quarantined", added.night.out, re.MULTILINE)
    assert added.root.published(
        "select visit_id, cast(arrived_at as varchar), cast(arrived_date as varchar), reason, is_seen, wait_seconds "
        "from marts.fct_front_counter_visit order by visit_id"
    ) == [
        ("A1", "2023-01-31 09:02:00", "2023-01-31", "report_a_crime", True, Decimal(1080)),
        ("A2", "2023-01-31 09:05:00", "2023-01-31", "lost_property", False, None),
    ]
    assert printed(added.root, "demand.front_counter_visits") == [("2",)]


def test_equal_rows_of_a_source_without_a_key_are_kept(added):
    rows = added.root.published(
        "select crime_id, month_start, longitude, latitude, crime_type, source_row "
        "from marts.fct_street_crime order by source_row"
    )
    place, month = (Decimal("0.522030"), Decimal("51.275460")), date(2023, 1, 1)
    assert rows == [
        (None, month, *place, "Anti-social behaviour", 2),
        (None, month, *place, "Anti-social behaviour", 3),
        ("a1b3", month, None, None, "Robbery", 5),
    ]


def test_a_personal_column_of_the_new_source_holds_no_name(added):
    names = added.root.warehouse(f"select visitor_name from raw.{SOURCE}")
    assert names
    assert all("Example" not in str(name) for (name,) in names)
    assert b"Example One" not in (added.root.home / "warehouse.duckdb").read_bytes()


def test_expectations_of_the_new_source_are_checked(added):
    results = dict(
        added.root.published(f"select expectation, success from marts.expectation_results where source = '{SOURCE}'")
    )
    # One of three rows is quarantined.
    assert [name for name, success in results.items() if not success] == ["few_rows_are_quarantined"]
    assert results["waits_end_within_a_day"] is True


def test_queries_of_the_page_return_rows(added):
    queries = re.findall(r'^fcir query "(.+)"$', SOURCES.read_text(), re.MULTILINE)
    assert len(queries) == 3
    for query in queries:
        assert added.root.published(f"set schema = 'marts'; {query}"), query


def test_a_new_measure_from_existing_parts_and_one_of_a_new_part_are_printed(added):
    assert printed(added.root, "digital.linked_contacts") == [("1",)]
    assert printed(added.root, "calls_101.pct_called_back") == [("50.00%",)]
    assert printed(added.root, "calls_101.pct_not_answered") == [("66.67%",)]
    assert "% Called Back" in (added.root.current / "board_paper.html").read_text()


def test_a_new_median_is_computed_for_each_period_by_its_rows_in_the_lists_alone(added):
    assert printed(added.root, "live_chat.median_wait_time") == [("45s",)]
    periods = added.root.published(
        "select distinct display_value from marts.kpi_measure_period "
        "where measure = 'live_chat.median_wait_time' and period in ('month', 'fytd')"
    )
    assert periods == [("45s",)]
    [week] = added.root.published(
        "select value from marts.kpi_measure_weekly where measure = 'live_chat.median_wait_time'"
    )
    assert week == (Decimal(45),)


def test_a_new_section_comes_first_on_every_page(added):
    assert printed(added.root, "call_backs.pct_called_back") == [("50.00%",)]
    page = (added.root.current / "board_paper.html").read_text()
    assert re.findall(r"<h2[^>]*>([^<]*(?:calls|lost)[^<]*)", page)[:2] == ["Called back &amp; lost", "999 calls"]
    measures = (added.root.current / "measures" / "index.html").read_text()
    assert measures.index("Called back &amp; lost") < measures.index("999 calls") < measures.index("101 calls")
