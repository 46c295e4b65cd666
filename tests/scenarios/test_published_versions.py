"""Every figure as it was published, night after night, and which deliveries changed it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import NamedTuple

import duckdb
import pytest

from tests.roots import CALLS, CRIMES, DataRoot, call, land_three_days

OCTOBER = date(2022, 10, 1)


class History(NamedTuple):
    """A data root after a night, a publication of the same tables, and a night with a correction and a cancellation."""

    root: DataRoot
    first: str
    again: str
    corrected: str


@pytest.fixture(scope="module")
def history(tmp_path_factory, compiled) -> History:
    root = DataRoot.knowing(compiled, tmp_path_factory.mktemp("history") / "home")

    def published(*arguments: str) -> str:
        done = root.fcir(*arguments)
        assert done.code == 0, done.out + done.err
        return root.current.resolve().name

    land_three_days(root)
    names = [published("run"), published("publish")]
    # Of the calls of one day, one has waited longer. The crimes of that day come again as they were.
    calls = [call(n, "2022-10-29", queue=90 if n == 3 else n, disposition="answered") for n in range(1, 8)]
    root.land("call_segments_2022-10-29.csv", CALLS, call(0, "2022-10-29", queue=0, disposition="abandoned"), *calls)
    crimes = [f"46/{n}/22,2022-10-29 12:00,2022-10-29 11:00,8N,recorded,," for n in reversed(range(8))]
    root.land("crimes_2022-10-29.csv", CRIMES, *crimes)
    names.append(published("run"))
    return History(root, *names)


def test_versions_are_the_figures_of_each_publication(history):
    for name in (history.first, history.again, history.corrected):
        file = f"{history.root.home}/published/{name}/parquet/kpi_measure_monthly.parquet"
        columns = "force_code, measure, month_start, value, is_provisional"
        figures = duckdb.read_parquet(file).project(columns).order("all").fetchall()
        assert figures
        assert figures == history.root.published(
            f"select {columns} from marts.published_versions where run_id = '{name}' order by all"
        )


def test_the_first_publication_is_new_and_names_its_deliveries(history):
    assert history.root.published(
        "select distinct is_new, previous_run_id, previous_value, cause, deliveries from marts.revisions "
        f"where run_id = '{history.first}' and measure = 'calls_999.received'"
    ) == [(True, None, None, "deliveries", "call_segments 2022-10-29 to 2022-10-31")]


def test_publishing_again_is_no_revision(history):
    assert history.root.published(f"select count(*) from marts.revisions where run_id = '{history.again}'") == [(0,)]


def test_a_correction_changes_what_it_touches_and_is_named_as_the_cause(history):
    revisions = history.root.published(
        "select measure, month_start, previous_value, value, cause, deliveries from marts.revisions "
        f"where run_id = '{history.corrected}' order by measure"
    )
    assert {(month, *cause) for _, month, _, _, *cause in revisions} == {
        (OCTOBER, "deliveries", "call_segments 2022-10-29")
    }
    changed = {measure: (before, now) for measure, _, before, now, *_ in revisions}
    assert changed["calls_101.max_queue_time"] == (Decimal(27), Decimal(90))
    # A call that was abandoned is answered now.
    assert {"calls_999.not_answered", "calls_999.pct_not_answered"} <= changed.keys()
    assert changed.keys().isdisjoint({"calls_101.received", "crime.recorded_crime", "live_chat.live_chats"})


def test_revisions_are_the_differences_of_versions(history):
    told, differences = (
        history.root.published(sql)
        for sql in (
            f"""
            select measure, month_start, previous_value, value from marts.revisions
            where run_id = '{history.corrected}' order by all
            """,
            f"""
            select now.measure, now.month_start, before.value, now.value
            from marts.published_versions as now
            join marts.published_versions as before using (force_code, measure, month_start)
            where now.run_id = '{history.corrected}' and before.run_id = '{history.again}'
                and now.value is distinct from before.value
            order by all
            """,
        )
    )
    assert told == differences
