"""A purge removes detail from the warehouse, the publications and the vault, and no figure changes."""

from __future__ import annotations

import json

import pytest

from dagster_project.privacy.purge import holds_that_count
from dagster_project.privacy.retention import Hold
from tests.troubled import DAYS

SOURCES = ("call_segments", "crimes", "digital_contacts", "live_chats", "online_crime_reports")
HELD = DAYS[1]


@pytest.fixture
def root(three_days, tmp_path):
    """A data root of three days, whose detail is past its retention but for a held day of calls."""
    root = three_days.copy(tmp_path / "home")
    folder = root.home / "retention"
    folder.mkdir(mode=0o700)
    rules = "".join(f"2020-01-01,{source},12,schedule\n" for source in SOURCES)
    (folder / "retention.csv").write_text(f"valid_from,source,months,reason\n{rules}")
    (folder / "holds.csv").write_text(f"source,first_day,last_day,reason\ncall_segments,{HELD},{HELD},case 7\n")
    return root


def figures(root) -> dict[str, object]:
    return {name: rows for name, rows in root.figures().items() if not name.startswith("fct_") and name != "quarantine"}


def test_figures_stay_and_detail_goes_also_after_a_rebuild(root):
    before, earlier = figures(root), root.current.resolve()
    count = root.warehouse("select count(*) from raw.call_segments")
    done = root.process("purge", "--apply", "--yes", "--reason", "schedule")
    assert done.code == 0, done.out + done.err
    assert figures(root) == before
    assert (0,) < root.warehouse("select count(*) from raw.call_segments")[0] < count[0]
    assert root.warehouse("select count(*) from raw.crimes") == [(0,)]
    manifest = json.loads((earlier / "manifest.json").read_text())
    assert manifest["purged_before"].keys() == set(SOURCES)
    assert manifest["tables"]["fct_crime"] == 0
    assert root.fcir("verify").code == 0
    assert "There is nothing to purge" in root.process("purge", "--apply", "--yes", "--reason", "schedule").out
    (root.home / "warehouse.duckdb").unlink()
    assert root.process("rebuild").code == 0
    assert figures(root) == before
    assert root.warehouse("select count(*) from raw.crimes") == [(0,)]


def test_a_hold_brings_no_day_back_that_an_earlier_purge_has_passed():
    first, second, third = DAYS[0], DAYS[1], DAYS[2]
    hold = Hold("calls", first, third, "case")
    assert holds_that_count([hold], {"calls": third}, [], {}) == [Hold("calls", first, third, "")]
    # Purged up to the second day without a hold, then with one of the first day.
    assert holds_that_count([hold], {"calls": third}, [], {"calls": second}) == [Hold("calls", second, third, "")]
    held = [Hold("calls", first, first, "")]
    found = holds_that_count([hold], {"calls": third}, held, {"calls": second})
    assert found == [Hold("calls", second, third, ""), Hold("calls", first, first, "")]
    assert holds_that_count([hold], {"crimes": third}, [], {}) == []
