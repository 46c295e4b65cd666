"""A load that is killed at any step leaves the old state or the new one, and the next run ends as if undisturbed."""

import shutil
from datetime import timedelta
from unittest.mock import patch

import pytest

from dagster_project.loading import acceptance, candidate, pipeline
from tests.unit.loading.installation import DAY, NO_HEADER, Installation, row, rows

NEXT, THIRD, LAST = (DAY + timedelta(number) for number in (1, 2, 4))
STEPS = {
    pipeline: ("_remember_hashes", "withdraw", "read_deliveries", "count_violations", "judge", "validate"),
    candidate: ("_read", "quarantine_repeated_keys", "_describe"),
    acceptance: (
        *("record", "_replace", "_delete_same_rejections", "_audit_contents", "_audit_outcomes", "drop_incoming"),
    ),
}
STATE = {
    "raw.visits join audit.load using (load_id)": "visit_id, minutes, status",
    "audit.load": "* exclude (load_id, loaded_at, run_id, withdrawn_at, change_seq, first_change_seq)",
    "audit.quarantine": "* exclude (load_id)",
    "audit.correction": "* exclude (corrected_at, run_id, change_seq)",
    "audit.load_force": "* exclude (load_id)",
    "audit.load_column": "* exclude (load_id)",
}


class Killed(BaseException):
    """Ends a run in the middle of a step."""


def run_until(module, step: str, installation: Installation) -> None:
    with patch.object(module, step, side_effect=Killed), pytest.raises(Killed):
        installation.run()


def state(installation: Installation) -> dict[str, list]:
    return {place: installation.query(f"select {what} from {place} order by all") for place, what in STATE.items()}


def test_killed_runs_leave_the_old_rows_and_the_next_one_ends_as_if_undisturbed(installation, tmp_path):
    installation.land(DAY, row("kept"), row("corrected"), row("corrected"))
    installation.land(NEXT, *rows(NEXT, 30, faulty=25))
    withdrawn = installation.land(THIRD, text=NO_HEADER)
    installation.run()
    # A night with every outcome that a delivery may have.
    withdrawn.unlink()
    installation.land(DAY, row("kept"), row("corrected", 7), row("faulty", "x"), row("kept"))
    installation.land(LAST, row("new", day=LAST))
    undisturbed = Installation(shutil.copytree(installation.settings.home, tmp_path / "undisturbed"))
    report = undisturbed.run()
    assert [item.status for item in report.deliveries] == ["loaded", "rejected", "loaded"]
    assert len(report.missing) == 2

    before = installation.current()
    for module, steps in STEPS.items():
        for step in steps:
            run_until(module, step, installation)
            assert installation.current() == before, step
    run_until(pipeline, "record_missing", installation)
    installation.run()
    assert state(installation) == state(undisturbed)
    left = "select count(*) from raw.visits where load_id not in (select load_id from audit.load)"
    assert installation.query(left) == [(0,)]


def test_rows_of_a_killed_candidate_are_not_counted_to_the_next_load_with_its_number(installation):
    installation.land(DAY, row("stands"))
    installation.run()
    installation.land(NEXT, row("left over", day=NEXT))
    run_until(pipeline, "accept", installation)
    assert installation.query("select count(*) from raw.visits") == [(2,)]
    # The load of another source has the number of these rows.
    installation.land(NEXT, row("other", day=NEXT), source="papers")
    installation.run(source="papers")
    assert installation.query("select visit_id from raw.visits") == [("stands",)]
    installation.run()
    assert installation.query("select visit_id, load_id from raw.visits order by load_id") == [
        ("stands", 1),
        ("left over", 3),
    ]
