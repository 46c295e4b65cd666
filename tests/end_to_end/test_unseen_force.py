"""Two forces and months that the project has never seen, delivered over several runs: every figure and every count.

The truth is drawn by `unseen_extracts`, the figures are computed from it by `unseen_figures`; what the project makes of
the files is read from the published database.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from unseen_extracts import DEFAULT_FORCE, FORCES, LAST_STEP, World, draw_world, judged
from unseen_figures import CONTACT_TYPES, DAILY, LINES, MEASURES, Figures, half_up, month_of, shown

ROOT = Path(__file__).parents[2]
FCIR = Path(sys.executable).with_name("fcir")
SEED = 20230326
ASKED = date(2022, 2, 10), date(2023, 11, 20)


def run_of_days(first: date, count: int) -> list[date]:
    return [first + timedelta(days=number) for number in range(count)]


# 26 March and 29 October 2023 are the clock changes, April is complete, and a day in each month fills the windows.
CLEAN_DAYS = run_of_days(date(2023, 3, 24), 4)
DAYS = {
    *run_of_days(date(2023, 3, 24), 39),
    *run_of_days(date(2023, 10, 27), 5),
    *(date(2022 + number // 12, number % 12 + 1, 15) for number in range(1, 23)),
}


@dataclass
class Installation:
    """One data root, and what the command said there."""

    home: Path
    said: list[str] = field(default_factory=list)

    def run(self, *arguments: str) -> int:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("FCIR_", "DAGSTER_", "DBT_"))},
            "FCIR_HOME": str(self.home),
            "FCIR_FORCE": DEFAULT_FORCE,
            "FCIR_SETTLE_SECONDS": "0",
            "DAGSTER_DISABLE_TELEMETRY": "1",
        }
        done = subprocess.run(
            [str(FCIR), *arguments],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        self.said += [done.stdout, done.stderr]
        return done.returncode

    def published(self) -> duckdb.DuckDBPyConnection:
        return duckdb.connect(str(self.home / "published" / "current" / "fcir.duckdb"), read_only=True)


def table(
    connection: duckdb.DuckDBPyConnection, name: str, key: Iterable[str]
) -> dict[tuple[Any, ...], dict[str, Any]]:
    """A mart as a dictionary by its key."""
    cursor = connection.execute(f'select * from marts."{name}"')  # noqa: S608 - a name of this file
    columns = [column[0] for column in cursor.description]
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for record in cursor.fetchall():
        row = dict(zip(columns, record, strict=True))
        place = tuple(row[column] for column in key)
        assert place not in rows, f"{name}: two rows of {place}"
        rows[place] = row
    return rows


def differences(
    name: str, found: dict[tuple[Any, ...], dict[str, Any]], expected: dict[tuple[Any, ...], dict[str, Any]]
) -> list[str]:
    """Every cell of `expected` that the mart shows otherwise, and every row that only one side has."""
    told = [f"{name}: no row {key}" for key in sorted(expected.keys() - found.keys(), key=str)]
    told += [f"{name}: unexpected row {key}: {found[key]}" for key in sorted(found.keys() - expected.keys(), key=str)]
    for key in sorted(expected.keys() & found.keys(), key=str):
        for column, value in expected[key].items():
            shown_value = found[key][column]
            if value != shown_value or (value is None) != (shown_value is None):
                told.append(f"{name} {key} {column}: {shown_value!r} instead of {value!r}")
    return told


def compare(home: Installation, world: World, step: int, *, asked: tuple[date, date] | None = None) -> list[str]:
    """All differences between the published marts and the truth after a step."""
    figures = Figures(world, step)
    measures = figures.measure_rows()
    connection = home.published()
    told: list[str] = []

    def check(name: str, key: list[str], expected: dict[tuple[Any, ...], dict[str, Any]]) -> None:
        told.extend(differences(name, table(connection, name, key), expected))

    without_exact = {
        key: {column: value for column, value in row.items() if column != "exact"} for key, row in measures.items()
    }
    check("kpi_measure_monthly", ["force_code", "measure", "month_start"], without_exact)
    check("kpi_measure_weekly", ["force_code", "measure", "week_start"], figures.week_rows())

    def wide(name: str, columns: dict[str, str], **fixed: str) -> dict[tuple[Any, ...], dict[str, Any]]:
        """Rows of a wide mart from the long ones."""
        rows: dict[tuple[Any, ...], dict[str, Any]] = {}
        codes = set(columns.values())
        for force, month in {(force, month) for force, measure, month in measures if measure in codes}:
            behind = {code: measures[force, code, month] for code in codes if (force, code, month) in measures}
            cells: dict[str, Any] = {
                column: behind[code]["value"] if code in behind else None for column, code in columns.items()
            }
            cells["is_provisional"] = any(row["is_provisional"] for row in behind.values())
            rows[(force, *fixed.values(), month)] = cells
        assert rows, name
        return rows

    calls: dict[tuple[Any, ...], dict[str, Any]] = {}
    for line in LINES:
        names = {
            "received": "received", "answered": "answered", "not_answered": "not_answered",
            "pct_not_answered": "pct_not_answered", "avg_queue_seconds": "avg_queue_time",
            "avg_talk_seconds": "avg_talk_time", "pct_answered_within_target": "pct_answered_within_target",
            "median_queue_seconds": "median_queue_time", "p90_queue_seconds": "p90_queue_time",
            "called_back": "called_back",
        }  # fmt: skip
        rows = wide("calls", {column: f"calls_{line}.{code}" for column, code in names.items()}, line=line)
        calls |= rows
    check("kpi_calls_monthly", ["force_code", "line", "month_start"], calls)
    check(
        "kpi_ocr_monthly",
        ["force_code", "month_start"],
        wide("ocr", {name: f"ocr.{name}" for name in
                     ("report_a_crime_submissions", "missing_person", "sexual_offence", "rural_crime")}),
    )  # fmt: skip
    chat = {
        "live_chats": "live_chats", "accepted": "accepted", "pct_not_accepted": "pct_not_accepted",
        "avg_wait_seconds": "avg_wait_time", "avg_duration_seconds": "avg_duration",
        "chats_per_operator_hour": "chats_per_operator_hour", "max_concurrent_chats": "max_concurrent_chats",
    }  # fmt: skip
    check(
        "kpi_live_chat_monthly",
        ["force_code", "month_start"],
        wide("chat", {column: f"live_chat.{code}" for column, code in chat.items()}),
    )
    check(
        "kpi_crime_monthly",
        ["force_code", "month_start"],
        wide("crime", {name: f"crime.{name}" for name in
                       ("recorded_crime", "cancelled_crime", "pct_cancelled", "pct_cancelled_of_recorded",
                        "pct_cancelled_of_initially_recorded", "pct_cohort_cancelled")}),
    )  # fmt: skip
    digital = wide("digital", {
        "other_than_ocr_and_chat": "digital.other_than_ocr_and_chat", "digital_contacts": "digital.digital_contacts",
        "report_a_crime_submissions": "ocr.report_a_crime_submissions", "live_chats": "live_chat.live_chats",
        "share_of_non_emergency": "digital.share_of_non_emergency",
    })  # fmt: skip
    check("kpi_digital_monthly", ["force_code", "month_start"], digital)
    kinds = {}
    for kind in CONTACT_TYPES:
        for (force, month), row in wide("kinds", {"contacts": f"digital.{kind}"}).items():
            kinds[force, month, kind] = row
    check("kpi_digital_by_type_monthly", ["force_code", "month_start", "contact_type"], kinds)

    told += _compare_days(connection, figures)
    told += _compare_hours(connection, figures)
    told += _compare_crimes(connection, figures)
    told += _compare_calls(connection, figures)
    told += _compare_board(connection, measures)
    told += _compare_audit(connection, world, step, asked)
    connection.close()
    return told


def _compare_days(connection: duckdb.DuckDBPyConnection, figures: Figures) -> list[str]:
    found = table(connection, "kpi_calls_daily", ["force_code", "line", "date_day"])
    told = []
    expected: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for call in figures.calls:
        if call["line"] in LINES:
            expected.setdefault((call["force"], call["line"], call["day"]), []).append(call)
    complete = {force: figures.days["call_segments", force] for force in FORCES}
    months = {force: {month_of(day) for day in days} for force, days in complete.items()}
    expected = {
        key: calls
        for key, calls in expected.items()
        if months[key[0]] and min(months[key[0]]) <= month_of(key[2]) <= max(months[key[0]])
    }
    for force in FORCES:
        for line in LINES:
            for day in complete[force]:
                expected.setdefault((force, line, day), [])
    for key, row in found.items():
        if key[2] not in complete[key[0]]:
            if not row["is_provisional"]:
                told.append(f"kpi_calls_daily {key}: final without a delivery")
            if key not in expected and row["received"]:
                told.append(f"kpi_calls_daily {key}: calls from nowhere")
    for key, calls in expected.items():
        if key not in found:
            told.append(f"kpi_calls_daily: no row {key}")
            continue
        answered = [call for call in calls if call["answered"]]
        cells: dict[str, Any] = {
            "received": len(calls),
            "answered": len(answered),
            "not_answered": len(calls) - len(answered),
            "pct_not_answered": half_up(Fraction(100 * (len(calls) - len(answered)), len(calls)), 6) if calls else None,
            "avg_queue_seconds": half_up(sum(c["queue"] for c in answered) / len(answered), 6) if answered else None,
            "avg_talk_seconds": half_up(sum(c["talk"] for c in answered) / len(answered), 6) if answered else None,
            "is_provisional": key[2] not in complete[key[0]],
        }
        told += differences("kpi_calls_daily", {key: found[key]}, {key: cells})
    return told


def _compare_hours(connection: duckdb.DuckDBPyConnection, figures: Figures) -> list[str]:
    key = ["force_code", "line", "month_start", "day_of_week", "hour_of_day"]
    found = {
        place: row["received"] for place, row in table(connection, "kpi_calls_hourly", key).items() if row["received"]
    }
    delivered = {(force, month_of(day)) for force in FORCES for day in figures.days["call_segments", force]}
    expected = Counter(
        (call["force"], call["line"], call["day"].replace(day=1), call["day"].isoweekday(), call["hour"])
        for call in figures.calls
        if call["line"] in LINES and (call["force"], month_of(call["day"])) in delivered
    )
    found = {place: received for place, received in found.items() if (place[0], month_of(place[2])) in delivered}
    return [] if found == dict(expected) else [f"kpi_calls_hourly: {set(found.items()) ^ set(expected.items())}"]


def _compare_crimes(connection: duckdb.DuckDBPyConnection, figures: Figures) -> list[str]:
    told = []
    delivered = {(force, month_of(day)) for force in FORCES for day in figures.days["crimes", force]}
    cancelled = Counter(
        (c["force"], c["cancelled"].replace(day=1), c["code"], c["offence"])
        for c in figures.crimes
        if c["cancelled"] and (c["force"], month_of(c["cancelled"])) in delivered
    )
    rows = table(connection, "kpi_cancellations_monthly", ["force_code", "month_start", "cancel_code", "offence_code"])
    found = {place: row["cancelled"] for place, row in rows.items() if row["cancelled"]}
    if found != dict(cancelled):
        told.append(f"kpi_cancellations_monthly: {set(found.items()) ^ set(cancelled.items())}")
    recorded: Counter[Any] = Counter()
    for crime in figures.crimes:
        for column, day in (("recorded_crime", crime["recorded"]), ("cancelled_crime", crime["cancelled"])):
            if day and (crime["force"], month_of(day)) in delivered:
                recorded[crime["force"], day.replace(day=1), crime["district"], column] += 1
    rows = table(connection, "kpi_crime_by_district_monthly", ["force_code", "month_start", "district"])
    found = {
        (*place, column): row[column]
        for place, row in rows.items()
        for column in ("recorded_crime", "cancelled_crime")
        if row[column]
    }
    if found != dict(recorded):
        told.append(f"kpi_crime_by_district_monthly: {set(found.items()) ^ set(recorded.items())}")
    return told


def _compare_calls(connection: duckdb.DuckDBPyConnection, figures: Figures) -> list[str]:
    expected = {
        (call["force"], call["call_id"]): {
            "line": call["line"],
            "arrived_at": call["arrived_at"].replace(tzinfo=None),
            "arrived_date": call["day"],
            "is_answered": call["answered"],
            "queue_seconds": half_up(call["queue"], 6),
            "talk_seconds": half_up(call["talk"], 6),
            "segments": call["segments"],
            "called_back_at": call["back"] and call["back"].replace(tzinfo=None),
            "is_dst_ambiguous": call["ambiguous"],
        }
        for call in figures.calls
    }
    return differences("fct_call", table(connection, "fct_call", ["force_code", "call_id"]), expected)


def _compare_board(
    connection: duckdb.DuckDBPyConnection, measures: dict[tuple[str, str, date], dict[str, Any]]
) -> list[str]:
    catalogue = table(connection, "measures", ["measure"])
    scales = {measure.name for measure in MEASURES}
    told = (
        [f"measures: {set(catalogue) ^ {(name,) for name in scales}}"]
        if set(catalogue) != {(n,) for n in scales}
        else []
    )
    rows = table(connection, "board_paper", ["force_code", "section", "measure", "month_start"])
    for (force, section, name, month), row in rows.items():
        code = f"{section}.{name}"
        unit = catalogue[(code,)]
        key = force, code, month
        if key not in measures:
            told.append(f"board_paper: unexpected row {key}")
            continue
        exact = measures[key]["exact"]
        text = shown(exact, unit["unit"], unit["decimals"])
        if row["display_value"] != text:
            told.append(f"board_paper {key}: {row['display_value']!r} instead of {text!r}")
        if row["value"] != measures[key]["value"] or row["is_provisional"] != measures[key]["is_provisional"]:
            told.append(f"board_paper {key}: {row['value']} provisional {row['is_provisional']}")
    on_paper = {f"{section}.{name}" for _, section, name, _ in rows}
    wanted = {(f, c.split(".", 1)[0], c.split(".", 1)[1], m) for f, c, m in measures if c in on_paper}
    if wanted != set(rows):
        told.append(f"board_paper rows: {wanted ^ set(rows)}")
    return told


def _compare_audit(
    connection: duckdb.DuckDBPyConnection, world: World, step: int, asked: tuple[date, date] | None
) -> list[str]:
    told: list[str] = []
    cursor = connection.execute(
        """
        select source, extract_date, file_name, status, rows_read, rows_loaded, rows_quarantined, load_id
        from marts.load_audit
        """
    )
    audit = cursor.fetchall()
    if len({row[-1] for row in audit}) != len(audit):
        told.append("load_audit: a load_id twice")
    standing = world.at(step)
    expected: Counter[Any] = Counter()
    quarantined: Counter[Any] = Counter()
    rejected = set()
    for delivery in world.deliveries:
        if delivery.step > step:
            continue
        loads = judged(delivery) if not any(file.broken for file in delivery.files) else []
        for file in delivery.files:
            mine = [row for row in loads if row[0] is file]
            if delivery.status == "rejected":
                rejected.add((delivery.source, delivery.day, file.name))
                continue
            good = sum(row[4] is None for row in mine)
            status = "loaded" if mine else "empty"
            if standing[delivery.source, delivery.day] is not delivery:
                status = "replaced"
            expected[
                delivery.source, delivery.day, file.name, status, len(mine), good, len(mine) - good
            ] += 1  # fmt: skip
            if status != "replaced":
                for _, number, row, _, fault in mine:
                    if fault is not None:
                        column = row.fault_column if fault == row.fault else None
                        quarantined[delivery.source, delivery.day, file.name, number, column, fault] += 1
    found = Counter(row[:7] for row in audit if row[3] not in ("rejected", "missing_delivery"))
    told += [f"load_audit: missing {row}" for row in (expected - found)]
    told += [f"load_audit: unexpected {row}" for row in (found - expected)]
    found_rejected = {row[:3] for row in audit if row[3] == "rejected"}
    told += [f"load_audit rejected: {row}" for row in found_rejected ^ rejected]
    told += [f"load_audit rejected but loaded: {row}" for row in audit if row[3] == "rejected" and row[5]]

    newest = max(delivery.day for delivery in world.deliveries if delivery.step <= step)
    missing = set()
    for source in DAILY:
        seen = {delivery.day for delivery in world.deliveries if delivery.step <= step and delivery.source == source}
        day = min([*seen, *(asked or ())])
        while day <= max([newest, *(asked or ())]):
            if day not in seen:
                missing.add((source, day))
            day += timedelta(days=1)
    found_missing = {row[:2] for row in audit if row[3] == "missing_delivery"}
    told += [f"missing_delivery: {row}" for row in found_missing ^ missing]

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
        told.append("quarantine: rows without a load")
    found_rows = Counter(row[:6] for row in rows if row[6] != "rejected")
    told += [f"quarantine: missing {row}" for row in (quarantined - found_rows)]
    told += [f"quarantine: unexpected {row}" for row in (found_rows - quarantined)]
    return told


def leaks(home: Installation) -> list[str]:
    """Where a value of the drawn kinds of personal values occurs in what the project wrote or said."""
    kinds = [rb"07700 ?9\d{5}", rb"OPZK\d{4}", rb"CADX-\d{6}", rb"45/\d{6}/23", rb"Wibblethorpe"]
    in_utf_16 = [rb"0\x007\x007\x000\x000\x00", *(b"\\x00".join(bytes([c]) for c in w) for w in
                 (b"OPZK", b"CADX-", b"Wibblethorpe")), rb"4\x005\x00/\x00(\d\x00){6}/"]  # fmt: skip
    pattern = re.compile(b"|".join([*kinds, *in_utf_16]))
    haystacks: list[tuple[str, bytes]] = [(f"output {number}", said.encode()) for number, said in enumerate(home.said)]
    for path in sorted(home.home.rglob("*")):
        if path.is_file() and not path.is_symlink() and "landing" not in path.relative_to(home.home).parts:
            haystacks.append((str(path.relative_to(home.home)), path.read_bytes()))
            if path.suffix == ".parquet":
                columns = pq.read_table(path).to_pydict()
                haystacks.append((f"{path.name} (read)", json.dumps(columns, default=str, ensure_ascii=False).encode()))
    return [f"{found[0]!r} in {name}" for name, content in haystacks if (found := pattern.search(content))]


@dataclass
class Story:
    """What happened over the runs: exit code, words and differences of each, by a name."""

    home: Installation
    world: World
    codes: dict[str, int] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    differences: dict[str, list[str]] = field(default_factory=dict)

    def chapter(self, name: str, *arguments: str, step: int, asked: tuple[date, date] | None = None) -> None:
        self.codes[name] = self.home.run("run", *arguments)
        self.words[name] = self.home.said[-2]
        self.differences[name] = compare(self.home, self.world, step, asked=asked)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, parsed_project: Path) -> Story:
    home = tmp_path_factory.mktemp("unseen")
    shutil.copytree(parsed_project, home / "dbt")
    world = draw_world(SEED, days=DAYS, clean_days=CLEAN_DAYS)
    story = Story(Installation(home), world)
    landing = home / "landing"
    world.lay_down(landing, 1)
    story.chapter("clean days", step=1)
    story.chapter("nothing new", step=1)
    world.lay_down(landing, 2)
    story.chapter("most of the rest", step=2)
    world.lay_down(landing, LAST_STEP)
    # Named dates hold whatever is not loaded yet: this is the last and widest of the runs.
    story.chapter("corrections", "--from", str(ASKED[0]), "--to", str(ASKED[1]), step=LAST_STEP, asked=ASKED)
    return story


def test_every_figure_and_count_equals_the_truth_after_every_run(story):
    told = {name: found[:20] for name, found in story.differences.items() if found}
    assert not told


def test_clean_days_end_well_although_rows_are_quarantined(story):
    assert story.codes["clean days"] == 0
    quarantined = [row for d in story.world.deliveries if d.step == 1 for row in judged(d) if row[4]]
    assert quarantined


def test_a_second_run_says_that_nothing_is_new(story):
    assert story.codes["nothing new"] == 0
    assert "nothing is new" in story.words["nothing new"].lower()


def test_a_run_with_rejected_and_missing_deliveries_ends_with_1_and_publishes_the_rest(story):
    assert story.codes["most of the rest"] == 1
    assert story.codes["corrections"] == 1


def test_the_drawn_world_holds_what_it_is_drawn_for(story):
    statuses = Counter(delivery.status for delivery in story.world.deliveries)
    assert statuses["loaded"] > 100
    assert min(statuses["empty"], statuses["rejected"]) > 3
    faults = Counter(fault for d in story.world.deliveries for *_, fault in judged(d))
    assert {
        "not_a_timestamp", "no_time_of_day", "time_never_existed", "required_empty", "not_in_list", "below_minimum",
        "not_an_integer", "not_seconds", "not_a_boolean", "out_of_order", "required_when", "too_few_cells",
        "too_many_cells", "unbalanced_quote", "unreadable_record", "duplicate_row", "superseded_row",
    } <= set(faults)  # fmt: skip
    figures = Figures(story.world, LAST_STEP)
    assert any(call["ambiguous"] for call in figures.calls)
    assert any(crime["cancelled"] for crime in figures.crimes)
    assert len(story.world.personal) > 500
    april = figures.measure_rows()[FORCES[0], "crime.recorded_crime", date(2023, 4, 1)]
    assert april["share_of_days_loaded"] > 80


def test_no_personal_value_is_in_anything_that_was_written_or_said(story):
    assert leaks(story.home) == []
