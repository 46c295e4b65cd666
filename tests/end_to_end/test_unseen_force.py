"""Every figure and count of two unknown forces and months, delivered over several runs.

`tests/reference` draws the truth and computes the figures; the published database has the project's figures.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from tests.end_to_end.command import Command
from tests.reference.drafts import DEFAULT_FORCE, REPEATED
from tests.reference.history import DAILY_SOURCES
from tests.reference.marts import TABLES, board_paper, differences, rows_of
from tests.reference.measures import NaiveWarehouse
from tests.reference.unseen_world import FORCES, LAST_STEP, World, draw_world, history_of, judged

SEED = 20230326
ASKED = date(2022, 2, 10), date(2023, 11, 20)


def run_of_days(first: date, count: int) -> list[date]:
    return [first + timedelta(days=number) for number in range(count)]


# 26 March and 29 October 2023 are clock changes, April is complete, and other months have one day.
CLEAN_DAYS = run_of_days(date(2023, 3, 24), 4)
DAYS = {
    *run_of_days(date(2023, 3, 24), 39),
    *run_of_days(date(2023, 10, 27), 5),
    *(date(2022 + number // 12, number % 12 + 1, 15) for number in range(1, 23)),
}


def naive_after(world: World, step: int) -> dict[str, NaiveWarehouse]:
    """The plain computation of each force after a step."""
    history = history_of(world, step)
    return {force: NaiveWarehouse(history, force) for force in FORCES}


def compare(home: Command, world: World, step: int, *, asked: tuple[date, date] | None = None) -> list[str]:
    """Return all differences between the published tables and the truth after a step."""
    naive = naive_after(world, step)
    deviations: list[str] = []
    with duckdb.connect(str(home.current / "fcir.duckdb"), read_only=True) as connection:
        for name, (key, expected) in TABLES.items():
            deviations += differences(name, rows_of(connection, name, key), expected(naive))
        catalogue = {name: row for (name,), row in rows_of(connection, "measures", ["measure"]).items()}
        assert catalogue.keys() == naive[FORCES[0]].measures.keys()
        papers = rows_of(connection, "board_paper", ["force_code", "section", "measure", "month_start"])
        deviations += differences("board_paper", papers, board_paper(naive, catalogue))
        deviations += _compare_audit(connection, world, step, asked)
    return deviations


def _compare_audit(
    connection: duckdb.DuckDBPyConnection, world: World, step: int, asked: tuple[date, date] | None
) -> list[str]:
    deviations: list[str] = []
    cursor = connection.execute(
        """
        select source, extract_date, file_name, status, rows_read, rows_loaded, rows_quarantined, load_id
        from marts.load_audit
        """
    )
    audit = cursor.fetchall()
    if len({row[-1] for row in audit}) != len(audit):
        deviations.append("load_audit: a load_id twice")
    standing = world.at(step)
    expected: Counter[Any] = Counter()
    quarantined: Counter[Any] = Counter()
    rejected = set()
    for delivery in world.deliveries:
        if delivery.step > step:
            continue
        rows = judged(delivery)
        for draft in delivery.drafts:
            if delivery.status == "rejected":
                rejected.add((delivery.source, delivery.day, draft.name))
                continue
            mine = [row for row in rows if row.draft is draft]
            good = sum(row.reason is None for row in mine)
            status = "loaded" if mine else "empty"
            if standing[delivery.source, delivery.day] is not delivery:
                status = "replaced"
            expected[delivery.source, delivery.day, draft.name, status, len(mine), good, len(mine) - good] += 1
            for row in mine if status != "replaced" else ():
                if row.reason is not None:
                    column = row.row.verdict[1] if row.row.verdict and row.reason not in REPEATED else None
                    place = delivery.source, delivery.day, draft.name, row.row.number
                    quarantined[*place, column, row.reason] += 1
    found = Counter(row[:7] for row in audit if row[3] not in ("rejected", "missing_delivery"))
    deviations += [f"load_audit: missing {row}" for row in (expected - found)]
    deviations += [f"load_audit: unexpected {row}" for row in (found - expected)]
    found_rejected = {row[:3] for row in audit if row[3] == "rejected"}
    deviations += [f"load_audit rejected: {row}" for row in found_rejected ^ rejected]
    deviations += [f"load_audit rejected but loaded: {row}" for row in audit if row[3] == "rejected" and row[5]]

    newest = max(delivery.day for delivery in world.deliveries if delivery.step <= step)
    missing = set()
    for source in DAILY_SOURCES:
        seen = {delivery.day for delivery in world.deliveries if delivery.step <= step and delivery.source == source}
        day = min([*seen, *(asked or ())])
        while day <= max([newest, *(asked or ())]):
            if day not in seen:
                missing.add((source, day))
            day += timedelta(days=1)
    found_missing = {row[:2] for row in audit if row[3] == "missing_delivery"}
    deviations += [f"missing_delivery: {row}" for row in found_missing ^ missing]

    rows = connection.execute(
        """
        select quarantine.source, load_audit.extract_date, quarantine.file_name, source_row, column_name, reason_code,
            load_audit.status
        from marts.quarantine
        join marts.load_audit using (load_id)
        """
    ).fetchall()
    count = connection.execute("select count(*) from marts.quarantine").fetchone()
    if count != (len(rows),):
        deviations.append("quarantine: rows without a load")
    found_rows = Counter(row[:6] for row in rows if row[6] != "rejected")
    deviations += [f"quarantine: missing {row}" for row in (quarantined - found_rows)]
    deviations += [f"quarantine: unexpected {row}" for row in (found_rows - quarantined)]
    return deviations


def leaks(home: Command, outputs: list[str]) -> list[str]:
    """Return the files and outputs that have a drawn personal value."""
    kinds = [rb"07700 ?9\d{5}", rb"OPZK\d{4}", rb"CADX-\d{6}", rb"45/\d{6}/23", rb"Wibblethorpe"]
    in_utf_16 = [
        rb"0\x007\x007\x000\x000\x00",
        *(b"\\x00".join(bytes([c]) for c in w) for w in (b"OPZK", b"CADX-", b"Wibblethorpe")),
        rb"4\x005\x00/\x00(\d\x00){6}/",
    ]
    pattern = re.compile(b"|".join([*kinds, *in_utf_16]))
    haystacks: list[tuple[str, bytes]] = [(f"output {number}", text.encode()) for number, text in enumerate(outputs)]
    for path in sorted(home.home.rglob("*")):
        if path.is_file() and not path.is_symlink() and "landing" not in path.relative_to(home.home).parts:
            haystacks.append((str(path.relative_to(home.home)), path.read_bytes()))
            if path.suffix == ".parquet":
                columns = pq.read_table(path).to_pydict()
                haystacks.append((f"{path.name} (read)", json.dumps(columns, default=str, ensure_ascii=False).encode()))
    return [f"{found[0]!r} in {name}" for name, content in haystacks if (found := pattern.search(content))]


@dataclass
class Runs:
    """Result of each run and its differences from the truth, by name."""

    home: Command
    world: World
    results: dict[str, CompletedProcess[str]] = field(default_factory=dict)
    differences: dict[str, list[str]] = field(default_factory=dict)

    def run(self, name: str, *arguments: str, step: int, asked: tuple[date, date] | None = None) -> None:
        self.results[name] = self.home.run("run", *arguments)
        self.differences[name] = compare(self.home, self.world, step, asked=asked)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, parsed_project: Path) -> Runs:
    home = Command(tmp_path_factory.mktemp("unseen") / "home", settings={"FCIR_FORCE": DEFAULT_FORCE})
    home.know_the_project(parsed_project)
    world = draw_world(SEED, days=DAYS, clean_days=CLEAN_DAYS)
    runs = Runs(home, world)
    landing = home.home / "landing"
    world.write(landing, 1)
    runs.run("clean days", step=1)
    runs.run("nothing new", step=1)
    world.write(landing, 2)
    runs.run("most of the rest", step=2)
    world.write(landing, LAST_STEP)
    # A range of dates includes every day that is not loaded: this run is the last and widest.
    runs.run("corrections", "--from", str(ASKED[0]), "--to", str(ASKED[1]), step=LAST_STEP, asked=ASKED)
    return runs


def test_figures_and_counts_equal_the_truth_after_every_run(runs):
    deviations = {name: found[:20] for name, found in runs.differences.items() if found}
    assert not deviations


def test_quarantined_rows_alone_do_not_fail_a_run(runs):
    assert runs.results["clean days"].returncode == 0
    quarantined = [row for d in runs.world.deliveries if d.step == 1 for row in judged(d) if row.reason]
    assert quarantined


def test_second_run_says_nothing_is_new(runs):
    assert runs.results["nothing new"].returncode == 0
    assert "nothing is new" in runs.results["nothing new"].stdout.lower()


def test_rejected_and_missing_deliveries_end_runs_with_1(runs):
    assert runs.results["most of the rest"].returncode == 1
    assert runs.results["corrections"].returncode == 1


def test_drawn_world_covers_statuses_reasons_and_clock_changes(runs):
    statuses = Counter(delivery.status for delivery in runs.world.deliveries)
    assert statuses["loaded"] > 100
    assert min(statuses["empty"], statuses["rejected"]) > 3
    faults = Counter(row.reason for d in runs.world.deliveries for row in judged(d))
    assert {
        "not_a_timestamp",
        "no_time_of_day",
        "time_never_existed",
        "required_empty",
        "not_in_list",
        "below_minimum",
        "not_an_integer",
        "not_seconds",
        "not_a_boolean",
        "out_of_order",
        "required_when",
        "too_few_cells",
        "too_many_cells",
        "unbalanced_quote",
        "unreadable_record",
        "duplicate_row",
        "superseded_row",
    } <= set(faults)
    naive = naive_after(runs.world, LAST_STEP)
    assert any(call["is_dst_ambiguous"] for one in naive.values() for call in one.calls)
    assert any(crime["status"] == "cancelled" for one in naive.values() for crime in one.crimes)
    april = naive[FORCES[0]].rows()[FORCES[0], "crime.recorded_crime", date(2023, 4, 1)]
    assert april["share_of_days_loaded"] > 80


def test_no_personal_value_is_written_or_printed(runs):
    outputs = [text for result in runs.results.values() for text in (result.stdout, result.stderr)]
    assert leaks(runs.home, outputs) == []
