"""Every figure as it was published, night after night, and which deliveries changed it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import NamedTuple

import duckdb
import pytest

from tests.roots import DataRoot
from tests.troubled import CORRECTED, DAYS


class History(NamedTuple):
    """The root after two nights, the second with a corrected and a late file, and a publication of the same tables."""

    root: DataRoot
    first: str
    corrected: str
    again: str


@pytest.fixture(scope="module")
def history(troubled, tmp_path_factory) -> History:
    root = troubled.root.copy(tmp_path_factory.mktemp("history") / "home")
    assert root.fcir("publish").code == 1, "two deliveries still need attention"
    return History(root, *sorted(path.name for path in (root.home / "published").iterdir() if not path.is_symlink()))


def test_versions_are_the_figures_of_each_publication(history):
    for name in (history.first, history.corrected, history.again):
        file = f"{history.root.home}/published/{name}/parquet/kpi_measure_monthly.parquet"
        columns = "force_code, measure, month_start, value, is_provisional"
        figures = duckdb.read_parquet(file).project(columns).order("all").fetchall()
        assert figures
        assert figures == history.root.published(
            f"select {columns} from marts.published_versions where run_id = '{name}' order by all"
        )


def test_the_first_publication_is_new_and_names_its_deliveries_and_publishing_again_is_no_revision(history):
    assert history.root.published(
        "select distinct is_new, previous_run_id, previous_value, cause, deliveries from marts.revisions "
        f"where run_id = '{history.first}' and measure = 'digital.email'"
    ) == [(True, None, None, "deliveries", f"digital_contacts {DAYS[0]} to {DAYS[-1]}")]
    assert history.root.published(f"select count(*) from marts.revisions where run_id = '{history.again}'") == [(0,)]


def test_a_correction_changes_what_it_touches_and_is_named_as_the_cause(history):
    revisions = history.root.published(
        "select measure, month_start, previous_value, value, cause, deliveries from marts.revisions "
        f"where run_id = '{history.corrected}' order by measure"
    )
    named = f"call_segments {DAYS[0]}, call_segments {CORRECTED}"
    assert {(month, *cause) for _, month, _, _, *cause in revisions} == {(date(2022, 10, 1), "deliveries", named)}
    changed = {measure: (before, now) for measure, _, before, now, *_ in revisions}
    # One call less was delivered again, and one of 101 came late.
    assert changed["calls_999.received"] == (Decimal(10), Decimal(9))
    assert changed["calls_101.not_answered"] == (Decimal(0), Decimal(1))
    assert changed.keys().isdisjoint({"calls_999.not_answered", "crime.recorded_crime", "live_chat.live_chats"})
    differences = history.root.published(
        f"""
        select now.measure, now.month_start, before.value, now.value
        from marts.published_versions as now
        join marts.published_versions as before using (force_code, measure, month_start)
        where now.run_id = '{history.corrected}' and before.run_id = '{history.first}'
            and now.value is distinct from before.value
        order by now.measure
        """
    )
    assert [row[:4] for row in revisions] == differences
