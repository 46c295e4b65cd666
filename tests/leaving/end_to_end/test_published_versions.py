"""A history of nights: versions of figures, their revisions, and the deliveries named as causes."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dagster_project.contracts import load_contracts
from dagster_project.loading import pipeline
from dagster_project.loading.pipeline import load_source
from dagster_project.loading.plan import Range
from dagster_project.publication.files import current_publication
from dagster_project.publication.publish import Publication, publish
from dagster_project.settings import CONTRACTS, DBT_PROJECT, PROJECT_ROOT, Settings
from dagster_project.transformation import project
from dagster_project.transformation.project import ensure_manifest, marts_of, read_manifest
from dagster_project.validation import ValidationResult
from dagster_project.warehouse.connection import loading_connection
from tests.leaving.build_steps import build_all

SOURCES = ("call_segments", "live_chats", "crimes")
HEADERS = {
    "call_segments": "force_code,call_id,segment_no,line,arrived_at,queue_seconds,disposition,talk_seconds",
    "live_chats": "force_code,chat_id,requested_at,accepted_at,ended_at,operator_id",
    "crimes": "force_code,crime_ref,updated_at,recorded_at,offence_code,status,cancelled_at,cancel_code",
}
LATE = "2022-10-15"
"""Day without calls, delivered after all others of its month."""


def call(number: int, at: str, *, force: str = "kent", queue: int = 5, segment: int = 1) -> str:
    """An answered segment of a call to 999 as a line of an extract."""
    return f"{force},call{number},{segment},999,{at},{queue},answered,60"


def crime(number: int, updated: str, *, cancelled: str = "", force: str = "kent") -> str:
    """A state of a crime that was recorded on 29 October."""
    state = f"cancelled,{cancelled},C2" if cancelled else "recorded,,"
    return f"{force},46/{number}/22,{updated},2022-10-29 11:00,8N,{state}"


class Nights:
    """A data root whose deliveries are loaded, built and published as a nightly run does it, in this process."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings(home=home, _env_file=None, quiet_seconds=0)
        self._contracts = load_contracts(CONTRACTS)
        self._runs = 0

    def land(self, source: str, day: str, *rows: str) -> None:
        """Write an extract, replacing that of the same day."""
        path = self.settings.landing / source / f"{source}_{day}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([HEADERS[source], *rows, ""]), encoding="utf-8")

    def night(self) -> str:
        """Load what is new, build, publish; the name of the publication."""
        self._runs += 1
        for source in SOURCES:
            report = load_source(self.settings, self._contracts, source, wanted=Range(), run_id=f"{self._runs:08}")
            assert report.rejected == ()
            assert report.rows_quarantined == 0
        assert all(node.is_good for node in build_all(self.settings, run_id=f"{self._runs:08}"))
        return self.publish().run_id

    def publish(self) -> Publication:
        """Publish the current marts."""
        self._runs += 1
        return publish(
            self.settings, marts_of(read_manifest(ensure_manifest(self.settings))), run_id=f"{self._runs:08}"
        )

    def published(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Rows of a query of the current publication."""
        file = current_publication(self.settings.published) / "fcir.duckdb"
        with duckdb.connect(str(file), read_only=True) as connection:
            return connection.execute(f"set schema = 'marts'; {sql}", list(parameters)).fetchall()

    def warehouse(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a statement in the warehouse."""
        with loading_connection(self.settings.warehouse) as connection:
            return connection.execute(sql).fetchall()

    def changed(self, run_id: str) -> dict[tuple[str, str, str], tuple[Any, ...]]:
        """By force, measure and month: value before and now, cause and deliveries of the figures that a run changed."""
        rows = self.published(
            "select force_code, measure, strftime(month_start, '%Y-%m'), previous_value, value, cause, deliveries "
            "from revisions where run_id = ?",
            run_id,
        )
        return {(force, measure, month): tuple(rest) for force, measure, month, *rest in rows}

    def deliveries(self, run_id: str) -> set[str | None]:
        """All texts of deliveries that the revisions of a run name."""
        return {deliveries for *_, deliveries in self.changed(run_id).values()}


@pytest.fixture(scope="module")
def history(tmp_path_factory, parsed_project) -> Iterator[tuple[Nights, dict[str, str]]]:
    """Nights of every kind, and the name of the publication of each."""
    nights = Nights(tmp_path_factory.mktemp("nights") / "home")
    shutil.copytree(parsed_project, nights.settings.home / "dbt")
    names: dict[str, str] = {}
    with pytest.MonkeyPatch.context() as patch:
        # Expectations are not tested here, and a month of empty days would fail some.
        patch.setattr(pipeline, "count_violations", lambda *_: ())
        patch.setattr(pipeline, "validate", lambda *_, **__: ValidationResult((), "{}"))
        october = [date(2022, 10, 1) + timedelta(days=n) for n in range(31)]
        for day in map(str, october):
            for source in SOURCES:
                if (source, day) != ("call_segments", LATE):
                    nights.land(source, day)
        # Both forces are owed from the first of the month on.
        nights.land(
            "call_segments",
            "2022-10-01",
            call(7, "2022-10-01 10:00", queue=5),
            call(8, "2022-10-01 11:00", queue=9, force="essex"),
        )
        nights.land(
            "call_segments",
            "2022-10-30",
            call(1, "2022-10-30 10:00", queue=5),
            call(2, "2022-10-30 11:00", queue=7),
            call(3, "2022-10-30 12:00", queue=9, force="essex"),
        )
        # Put through after midnight: the call counts in October, its second segment is of November.
        nights.land(
            "call_segments",
            "2022-10-31",
            call(4, "2022-10-31 23:59", queue=6),
            call(10, "2022-10-31 12:00", queue=9, force="essex"),
        )
        nights.land("call_segments", "2022-11-01", call(5, "2022-11-01 10:00"))
        nights.land("crimes", "2022-10-29", *(crime(n, "2022-10-29 12:00") for n in range(4)))
        nights.land("live_chats", "2022-10-30", "kent,chat1,2022-10-30 09:00,2022-10-30 09:01,2022-10-30 09:30,op1")
        names["first"] = nights.night()
        names["again"] = nights.publish().run_id

        # One row is corrected; a crime is cancelled; its first day comes again with the same rows in another order.
        nights.land(
            "call_segments",
            "2022-10-30",
            call(1, "2022-10-30 10:00", queue=5),
            call(2, "2022-10-30 11:00", queue=17),
            call(3, "2022-10-30 12:00", queue=9, force="essex"),
        )
        nights.land("crimes", "2022-10-29", *(crime(n, "2022-10-29 12:00") for n in reversed(range(4))))
        nights.land("crimes", "2022-11-01", crime(1, "2022-11-01 13:00", cancelled="2022-11-01 13:00"))
        names["corrected"] = nights.night()

        # The crime is reinstated: a delivery without an event of November takes a cancellation out of November.
        nights.land("crimes", "2022-11-02", crime(1, "2022-11-02 09:00"))
        nights.land("call_segments", LATE)
        names["reinstated"] = nights.night()

        # A correction: no call on 1 November. The second segment of the call of the night before comes late.
        nights.land("call_segments", "2022-11-01", call(4, "2022-11-01 00:01", queue=90, segment=2))
        nights.land("crimes", "2022-11-03", crime(9, "2022-11-03 10:00", force="surrey"))
        names["emptied"] = nights.night()

        dbt = tmp_path_factory.mktemp("project") / "dbt"
        shutil.copytree(DBT_PROJECT, dbt, ignore=shutil.ignore_patterns("target", "logs"))
        parameters = dbt / "seeds" / "call_parameters.csv"
        text = parameters.read_text(encoding="utf-8")
        target = "*,999,2000-01-01,,10,"
        assert target in text
        parameters.write_text(text.replace(target, "*,999,2000-01-01,,6,"), encoding="utf-8")
        patch.setattr(project, "DBT_PROJECT", dbt)
        nights.land("call_segments", "2022-11-02", call(6, "2022-11-02 10:00"))
        names["redefined"] = nights.night()
        yield nights, names


@pytest.fixture(scope="module")
def nights(history) -> Nights:
    return history[0]


@pytest.fixture(scope="module")
def names(history) -> dict[str, str]:
    return history[1]


def test_versions_equal_publications(nights, names):
    for name in names.values():
        folder = nights.settings.published / name
        held = duckdb.read_parquet(f"{folder}/parquet/kpi_measure_monthly.parquet")
        figures = held.project("force_code, measure, month_start, value, is_provisional").order("all").fetchall()
        assert figures
        told = nights.published(
            "select force_code, measure, month_start, value, is_provisional from published_versions "
            "where run_id = ? order by all",
            name,
        )
        assert told == figures, name
        versions = duckdb.read_parquet(f"{folder}/parquet/published_versions.parquet")
        until = versions.project("run_id").distinct().order("run_id").fetchall()
        assert [run_id for (run_id,) in until] == [run_id for run_id in sorted(names.values()) if run_id <= name]


def test_revisions_are_differences_of_versions(nights):
    assert (
        nights.published(
            """
            with pairs as (
                select distinct
                    run_id,
                    previous_run_id
                from revisions
            ),

            before as (
                select
                    pairs.run_id,
                    versions.* exclude (run_id, published_at)
                from published_versions as versions
                join pairs on versions.run_id = pairs.previous_run_id
            ),

            differences as (
                select
                    coalesce(now.run_id, before.run_id) as run_id,
                    coalesce(now.force_code, before.force_code) as force_code,
                    coalesce(now.measure, before.measure) as measure,
                    coalesce(now.month_start, before.month_start) as month_start,
                    before.value as previous_value,
                    now.value,
                    before.is_provisional as was_provisional,
                    now.is_provisional
                from (select * from published_versions where run_id in (select run_id from pairs)) as now
                full join before
                    on now.run_id = before.run_id
                    and now.force_code = before.force_code
                    and now.measure = before.measure
                    and now.month_start = before.month_start
                where
                    now.value is distinct from before.value
                    or now.is_provisional is distinct from before.is_provisional
            ),

            told as (
                select
                    run_id,
                    force_code,
                    measure,
                    month_start,
                    previous_value,
                    value,
                    was_provisional,
                    is_provisional
                from revisions
            )

            (select * from differences except select * from told)
            union all
            (select * from told except select * from differences)
            """
        )
        == []
    )


def test_first_publication_is_new_and_names_ranges_of_days(nights, names):
    [(figures, new, without_cause)] = nights.published(
        "select count(*), count(*) filter (where is_new and previous_run_id is null and previous_value is null), "
        "count(*) filter (where cause <> 'deliveries' or deliveries is null) from revisions where run_id = ?",
        names["first"],
    )
    assert (figures, without_cause) == (new, 0)
    assert nights.published("select count(*) from published_versions where run_id = ?", names["first"]) == [(figures,)]
    changed = nights.changed(names["first"])
    received = "call_segments 2022-10-01 to 2022-10-14, call_segments 2022-10-16 to 2022-10-31"
    assert changed["kent", "calls_999.received", "2022-10"] == (None, Decimal(4), "deliveries", received)
    # Its crimes are owed from the first of them on; the days before are loaded like the others.
    crimes = "crimes 2022-10-01 to 2022-10-31"
    assert changed["kent", "crime.recorded_crime", "2022-10"] == (None, Decimal(4), "deliveries", crimes)
    # Essex has had no crimes and no chats, so none are owed.
    sections = {measure.split(".")[0] for force, measure, _ in changed if force == "essex"}
    assert "calls_999" in sections
    assert sections.isdisjoint({"crime", "live_chat"})


def test_publishing_again_adds_no_revision_or_version(nights, names):
    assert nights.changed(names["again"]) == {}
    [(numbers, versions)] = nights.warehouse(
        "select count(*), count(*) filter (where publication_no = 2) from audit.figure_version"
    )
    assert (numbers > 0, versions) == (True, 0)


def test_correction_is_cause_of_changed_figures_only(nights, names):
    changed = nights.changed(names["corrected"])
    calls = {key: row for key, row in changed.items() if key[1].startswith("calls")}
    assert set(calls) == {
        ("kent", f"calls_999.{name}", "2022-10")
        for name in (
            "avg_queue_time",
            "avg_queue_time_all",
            "p90_queue_time",
            "max_queue_time",
            "pct_answered_within_target",
            "pct_received_within_target",
        )
    }
    assert {row[2:] for row in calls.values()} == {("deliveries", "call_segments 2022-10-30")}
    assert calls["kent", "calls_999.max_queue_time", "2022-10"][:2] == (Decimal(7), Decimal(17))


def test_reinstated_crime_is_cause_in_month_of_cancellation(nights, names):
    changed = nights.changed(names["reinstated"])
    assert changed["kent", "crime.cancelled_crime", "2022-11"] == (
        Decimal(1),
        Decimal(0),
        "deliveries",
        "crimes 2022-11-02",
    )


def test_late_empty_day_ends_provisional_state(nights, names):
    rows = nights.published(
        "select force_code, was_provisional, is_provisional, change, deliveries from revisions "
        "where run_id = ? and measure = 'calls_999.received' order by force_code",
        names["reinstated"],
    )
    assert rows == [
        ("essex", True, False, Decimal(0), f"call_segments {LATE}"),
        ("kent", True, False, Decimal(0), f"call_segments {LATE}"),
    ]
    assert nights.deliveries(names["reinstated"]) == {f"call_segments {LATE}", "crimes 2022-11-02"}


def test_replaced_day_that_empties_a_month_is_one_cause(nights, names):
    changed = nights.changed(names["emptied"])
    named = "call_segments 2022-11-01"
    assert changed["kent", "calls_999.received", "2022-11"] == (Decimal(1), Decimal(0), "deliveries", named)
    assert changed["kent", "calls_999.avg_queue_time", "2022-11"][:2] == (Decimal(5), None)
    [(count,)] = nights.published(
        "select distinct delivery_count from revisions where run_id = ? and measure = 'calls_999.received' "
        "and force_code = 'kent'",
        names["emptied"],
    )
    assert count == 1


def test_changed_definition_is_a_cause(nights, names):
    """The target of 999 becomes six seconds in place of ten, in the night in which a call of November comes."""
    changed = nights.changed(names["redefined"])
    name = "calls_999.pct_answered_within_target"
    assert changed["essex", name, "2022-10"] == (Decimal(100), Decimal(0), "definitions", None)
    assert changed["kent", name, "2022-11"] == (None, Decimal(100), "both", "call_segments 2022-11-02")
    assert {key for key, row in changed.items() if row[2] == "definitions"} == {
        (force, f"calls_999.{measure}", "2022-10")
        for force in ("kent", "essex")
        for measure in ("pct_answered_within_target", "pct_received_within_target")
    }


def queries_of_the_page(since: str) -> list[str]:
    """The queries of its section on what has changed, about a publication of the test."""
    text = (PROJECT_ROOT / "docs" / "analyst_access.md").read_text(encoding="utf-8")
    section = text.partition("## Changes since a publication\n")[2].partition("\n## ")[0]
    return [query.replace("20221203T041812Z-1f6a09c2", since) for query in re.findall(r'fcir query "([^"]*)"', section)]


def test_queries_of_the_page_list_changes_since_a_publication(nights, names):
    since = names["first"]
    steps, net, _ = (nights.published(query) for query in queries_of_the_page(since))
    figure = ("kent", "calls_999.max_queue_time", date(2022, 10, 1))
    # Corrected, then no longer provisional.
    assert [row for row in steps if row[1:4] == figure] == [
        (
            *(names["corrected"], *figure, Decimal(7), Decimal(17), Decimal(10)),
            *("deliveries", "call_segments 2022-10-30"),
        ),
        (
            *(names["reinstated"], *figure, Decimal(17), Decimal(17), Decimal(0)),
            *("deliveries", f"call_segments {LATE}"),
        ),
    ]
    assert {row[0] for row in steps} == set(names.values()) - {since, names["again"]}
    assert [row for row in net if row[:3] == figure] == [(*figure, Decimal(7), Decimal(17), Decimal(10))]
    # Cancelled and re-instated: in sum there is nothing to tell.
    cohort = ("kent", "crime.pct_cohort_cancelled", date(2022, 10, 1))
    assert [row[0] for row in steps if row[1:4] == cohort] == [names["corrected"], names["reinstated"]]
    assert [row for row in net if row[:3] == cohort] == []
    for name in names.values():
        *_, then = queries_of_the_page(name)
        assert nights.published(then) == nights.published(
            "select force_code, measure, month_start, value, is_provisional from published_versions "
            "where run_id = ? order by force_code, measure, month_start",
            name,
        )
