"""Expected, overdue and missing extracts in the state that `fcir status` shows and `fcir run` acts on."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from dagster_project.cli import run
from dagster_project.cli.run import find_work
from dagster_project.cli.status import read_state
from dagster_project.cli.summary import print_items
from dagster_project.contracts import load_contracts
from dagster_project.loading import pipeline
from dagster_project.loading.plan import Range
from dagster_project.settings import CONTRACTS
from dagster_project.transformation import build
from dagster_project.warehouse.lock import writer_lock
from dagster_project.warehouse.state import UnresolvedDelivery
from tests.roots import DataRoot
from tests.unit.loading.conftest import outcomes_of
from tests.unit.loading.installation import Installation

CRIMES = "crime_ref,updated_at,recorded_at,offence_code,status"
CHATS = "chat_id,requested_at,ended_at"
# 09:00 in London is 09:00 UTC in November.
EARLY, LATE = datetime(2022, 11, 1, 8, 59, tzinfo=UTC), datetime(2022, 11, 1, 9, 0, tzinfo=UTC)
LAST = date(2022, 10, 31)


def load(root: Installation, now: datetime) -> None:
    for source in ("crimes", "live_chats"):
        root.run(source=source, now=now)


def land_chats(root: Installation, day: int) -> None:
    chat = f"c{day},2022-10-{day} 08:00,2022-10-{day} 08:30"
    root.land(f"2022-10-{day}", chat, source="live_chats", header=CHATS)


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Crimes of 30 October and chats of 30 and 31 October, loaded before the deadline of the last day."""
    monkeypatch.setattr(pipeline, "validate", outcomes_of)
    root = Installation(tmp_path / "home", *load_contracts(CONTRACTS).values())
    root.land("2022-10-30", "a,2022-10-30 08:00,2022-10-30 07:00,8N,recorded", source="crimes", header=CRIMES)
    for day in (30, 31):
        land_chats(root, day)
    load(root, EARLY)
    return root


def test_before_the_deadline_an_extract_is_expected_and_nothing_is_wrong_also_for_the_process_of_a_run(root):
    with writer_lock(root.settings.lock_file, command="fcir run"):
        state = read_state(root.settings, now=EARLY)
    assert [str(item) for item in state.expected] == ["crimes 2022-10-31 expected by 2022-11-01 09:00"]
    assert (state.unresolved, state.overdue, state.is_published, state.locked) == ((), (), False, None)
    assert {item.source: item.days_missing for item in state.sources} == {"crimes": 0, "live_chats": 0}
    work = find_work(root.settings, wanted=Range(), sources=[], now=EARLY)
    assert ([item.extract_date for item in work.expected], work.unresolved) == ([LAST], ())


def test_from_its_deadline_on_an_extract_is_overdue_then_missing_until_it_is_delivered(root):
    state = read_state(root.settings, now=LATE)
    assert state.expected == ()
    assert [item.days for item in state.overdue if item.source == "crimes"] == [(LAST,)]
    assert find_work(root.settings, wanted=Range(), sources=[], now=LATE).is_needed
    load(root, LATE)
    (missing,) = read_state(root.settings, now=LATE).unresolved
    assert (missing.name, missing.status) == ("crimes/2022-10-31", "missing_delivery")
    root.land(LAST, source="crimes", header=CRIMES)
    load(root, LATE)
    state = read_state(root.settings, now=LATE)
    assert state.expected == state.unresolved == ()


@pytest.mark.parametrize("change", [{"first_delivery": date(2022, 10, 30)}, {"cadence": "irregular"}])
def test_a_run_removes_missing_days_that_the_contract_no_longer_owes(root, monkeypatch, change):
    def missing() -> int:
        state = read_state(root.settings, now=EARLY)
        return len([item for item in state.unresolved if item.source == "live_chats"])

    def is_needed() -> bool:
        return find_work(root.settings, wanted=Range(), sources=[], now=EARLY).is_needed

    # Only what is to be loaded matters here.
    monkeypatch.setattr(build, "is_current", lambda *_: True)
    monkeypatch.setattr(build, "has_build", lambda *_: True)
    monkeypatch.setattr(run, "pointer_of", lambda _: root.settings.home)
    monkeypatch.setattr(run, "publication_damage", lambda _: ())
    land_chats(root, 10)
    load(root, EARLY)
    assert missing() == 19
    chats = replace(root.contracts["live_chats"], **change)
    root.contracts = {**root.contracts, "live_chats": chats}
    monkeypatch.setattr(run, "contracts_of", lambda _: root.contracts)
    monkeypatch.setattr(run, "named_contracts", lambda *_: {"live_chats": chats})
    assert is_needed()
    root.run(source="live_chats", now=EARLY)
    assert (is_needed(), missing()) == (False, 0)


def test_a_source_that_is_overdue_is_named_as_the_cause_of_exit_code_1(root):
    done = DataRoot(root.settings.home).fcir("status", "--max-age", "26h")
    assert done.code == 1
    assert "overdue: crimes, live_chats. With --max-age, the exit code is 1 for that" in done.err + done.out


def test_a_line_is_cut_to_the_screen_but_for_the_code_of_its_reason(capsys):
    reason = "Fewer than half of the rows of the weeks before point to a cut-off extract. [volume_is_far_below]"
    print_items([UnresolvedDelivery("crimes", LAST, "rejected", reason, 1)], "delivery", None, 80)
    line = capsys.readouterr().out.rstrip("\n")
    assert line.startswith("  crimes 2022-10-31 rejected: Fewer than half of")
    assert (len(line), line[line.index("…") :]) == (80, "… [volume_is_far_below]")
