"""A source and measures are added as the documentation describes: files of the configuration, and no Python."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from datetime import date
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import pytest

from dagster_project.settings import PROJECT_ROOT
from tests.roots import CALLS, DataRoot, Done, call

SOURCES, MEASURES = PROJECT_ROOT / "docs" / "adding_a_source.md", PROJECT_ROOT / "docs" / "measures.md"
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
    """A data root with the examples of both pages as its configuration, and what commands printed."""

    root: DataRoot
    checked: Done
    configured: Done
    night: Done


@pytest.fixture(scope="module")
def added(made_once) -> Added:
    def fill(folder: Path) -> None:
        printed = [vars(done) for done in add(DataRoot(folder / "home"))]
        (folder / "added.json").write_text(json.dumps(printed), encoding="utf-8")

    files = [SOURCES, MEASURES, *sorted(SOURCES.parent.rglob("examples/**/*.*"))]
    pages = sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]
    folder = made_once(f"examples-{pages}", fill)
    printed = json.loads((folder / "added.json").read_text(encoding="utf-8"))
    return Added(DataRoot(folder / "home"), *(Done(**done) for done in printed))


def append(file: Path, text: str) -> None:
    """Append a block to a file; rows by the names of their columns."""
    before = file.read_text()
    if file.suffix == ".csv":
        rows = [*csv.DictReader(io.StringIO(before)), *csv.DictReader(io.StringIO(text))]
        stream = io.StringIO()
        writer = csv.DictWriter(stream, list(dict.fromkeys(name for row in rows for name in row)))
        writer.writeheader()
        writer.writerows(rows)
        before, text = "", stream.getvalue()
    file.write_text(before + text)


def add(root: DataRoot) -> list[Done]:
    """Copy the examples, add the blocks of the page on measures, and run a night."""
    config = root.home / "config"
    for example in sorted(SOURCES.parent.glob("examples/*")):
        shutil.copytree(example, config, dirs_exist_ok=True)
    for before, text in re.findall(r"(.*?)^```\w*\n(.*?)^```$", MEASURES.read_text(), re.DOTALL | re.MULTILINE):
        if named := re.findall(r"`config/([\w/]+\.\w+)`", before):
            append(config / named[-1], text)
    sections = config / "seeds" / "measure_sections.csv"
    sections.write_text(f"{sections.read_text()}call_backs,Called back & lost,0\n")
    for seed in ("measure_catalogue", "measure_parts"):
        header, *rows = (config / "seeds" / f"{seed}.csv").read_text().splitlines()
        moved = [
            row.replace("calls_101.pct", "call_backs.pct").replace("calls_101,pct", "call_backs,pct") for row in rows
        ]
        moved = [row.replace(",19,", ",18,") for row in moved if row.startswith("call_backs.")]
        append(config / "seeds" / f"{seed}.csv", "\n".join([header, *moved, ""]))
    extracts = re.findall(r"/([a-z_]+_\d{4}-\d\d-\d\d\.csv) <<'END'\n(.*?)END\n", SOURCES.read_text(), re.DOTALL)
    checked = root.process("check", *(str(root.land(name, *text.splitlines())) for name, text in extracts))
    root.land("call_segments_2022-10-29.csv", *CALLED_BACK)
    root.land("digital_contacts_2022-10-29.csv", *CONTACTS)
    root.land("live_chats_2022-10-29.csv", *CHATS)
    return [checked, root.process("config", "check"), root.process("run")]


def printed(root, measure):
    section, _, name = measure.partition(".")
    return root.published(
        f"select display_value from marts.board_paper where section = '{section}' and measure = '{name}'"
    )


def test_the_configuration_can_be_used_and_shows_what_it_changes(added):
    assert added.configured.code == 0, added.configured.err
    assert f"config/contracts/{SOURCE}.odcs.yaml  a source of your own, 7 columns" in added.configured.out
    assert "config/seeds/measure_catalogue.csv  8 rows added, 0 replaced" in added.configured.out
    assert "/config can be used" in added.configured.out


def test_check_prints_what_the_page_shows(added):
    assert added.checked.code == 0
    [shown] = re.findall(r"^```\n([^`]*verdict on[^`]*)^```$", SOURCES.read_text(), re.MULTILINE)
    assert shown in added.checked.out
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
    figures = "select display_value from marts.board_paper where section = 'front_counters' order by sort_order"
    assert added.root.published(figures) == [("2",), ("18m 0s",), ("18m 0s",), ("0.00%",)]


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
