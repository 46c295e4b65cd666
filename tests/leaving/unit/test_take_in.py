"""A hub takes in the loads of its members: all of them, once, and no others."""

import fcntl
import os
import re
import shutil
from dataclasses import replace
from datetime import date, timedelta

import duckdb
import pytest

from dagster_project.contracts import CellType, Column
from dagster_project.errors import UsageError
from dagster_project.loading import members, take_in
from dagster_project.loading.pipeline import load_source
from dagster_project.loading.plan import Range
from dagster_project.privacy import purged_rows
from dagster_project.warehouse.connection import loading_connection, transaction
from dagster_project.warehouse.lock import reader_lock
from dagster_project.warehouse.roots import RootMismatch
from tests.leaving.unit.hub_helpers import Hub, purge_day
from tests.leaving.unit.loading_helpers import CONTRACTS, HEADER, NO_HEADER, VISITS, Installation, row, visits

TUESDAY = date(2022, 11, 1)
WEDNESDAY = TUESDAY + timedelta(days=1)


class Killed(BaseException):
    """Stands for the end of the process: nothing catches it."""


pytestmark = pytest.mark.usefixtures("second_for_each_load")


@pytest.fixture
def roots(tmp_path):
    """Two members with a delivery each, loaded."""
    hub = Hub(tmp_path)
    for number, member in enumerate(hub.members.values()):
        member.land(TUESDAY, *visits(TUESDAY, 3 + number))
        member.run()
    return hub


def test_loads_of_all_members_are_taken_in_and_reported(roots):
    report = roots.run()
    roots.assert_same()
    assert [(item.root_number, item.status, item.is_correction) for item in report.deliveries] == [
        (1, "loaded", False),
        (2, "loaded", False),
    ]
    assert (report.rows_read, report.rows_loaded, report.warnings, report.missing) == (7, 7, (), ())
    assert roots.query("select distinct root_number from audit.root") == [(None,)]


def test_rows_that_a_member_had_purged_before_are_named_and_kept_apart(roots):
    purge_day(roots["surrey"], TUESDAY, 3)
    report = roots.run()
    assert [warning.split(" had ")[1].split(":")[0] for warning in report.warnings] == [
        "purged 3 rows of visits from 2022-11-01 to 2022-11-01 before they were taken in"
    ]
    not_taken_in = "select rows_loaded, rows_not_taken_in from audit.load order by load_id"
    assert roots.query(not_taken_in) == [(3, 0), (4, 3)]
    assert roots.query("select count(*) from raw.visits") == [(4,)]
    assert roots.run().warnings == (), "said once"
    assert roots.query(not_taken_in) == [(3, 0), (4, 3)]


def test_a_hub_keeps_rows_that_a_member_purges_later(roots):
    roots.run()
    purge_day(roots["surrey"], TUESDAY, 3)
    report = roots.run()
    assert (report.deliveries, report.warnings) == ((), ())
    assert roots.query("select count(*), max(rows_not_taken_in) from raw.visits, audit.load") == [(14, 0)]


@pytest.mark.parametrize("is_loaded_again", [False, True])
def test_rows_that_the_hub_has_purged_do_not_come_back(roots, monkeypatch, is_loaded_again):
    monkeypatch.setattr(purged_rows, "event_keys", lambda _: {"visits": ["visit_id"]})
    kent = roots["kent"]
    roots.run()
    with loading_connection(roots.hub.settings.warehouse) as connection, transaction(connection):
        connection.execute("insert into audit.purge values ('visits', ?, now()::timestamp)", [WEDNESDAY])
        purged_rows.purge_again(connection, roots.hub.settings, CONTRACTS)
    assert roots.query("from raw.visits") == []
    if is_loaded_again:
        kent.settings.warehouse.unlink()
        shutil.rmtree(kent.settings.home / "history", ignore_errors=True)
    kent.land(TUESDAY, *visits(TUESDAY, 5), suffix="_b")
    kent.land(WEDNESDAY, *visits(WEDNESDAY, 2))
    kent.run()
    (warning,) = roots.run().warnings
    assert f"member {kent.settings.home} has 5 rows of visits, of 1 extract date, that were purged here" in warning
    assert roots.query("select distinct extract_date from raw.visits") == [(WEDNESDAY,)]
    purged = "select sum(rows_purged), count(purged_at) from audit.load where status = 'loaded' and extract_date = ?"
    assert roots.query(purged, TUESDAY) == [(9, 2)]
    assert roots.run().warnings == (), "said once"


def test_a_second_run_takes_in_nothing(roots):
    roots.run()
    before = roots.query("from audit.load order by load_id")
    report = roots.run()
    assert report.deliveries == ()
    assert roots.query("from audit.load order by load_id") == before


def test_a_correction_is_taken_in_once_with_what_it_changed(roots):
    roots.run()
    roots["kent"].land(TUESDAY, *visits(TUESDAY, 5), suffix="_b")
    roots["kent"].run()
    report = roots.run()
    roots.assert_same()
    (delivery,) = report.deliveries
    assert (delivery.root_number, delivery.is_correction) == (1, True)
    assert str(delivery.correction) == "2 rows added, 0 removed, 0 changed"
    roots.run()
    roots.assert_same()


def test_two_corrections_between_runs_of_the_hub_keep_their_order(roots):
    roots.run()
    for count in (5, 4):
        roots["kent"].land(TUESDAY, *visits(TUESDAY, count))
        roots["kent"].run()
    report = roots.run()
    roots.assert_same()
    assert roots.query("select rows_before, rows_after from audit.correction order by change_seq") == [(3, 5), (5, 4)]
    assert str(report.deliveries[0].correction) == "0 rows added, 1 removed, 0 changed"
    # A load that came and was replaced in between was in no publication of the hub.
    assert roots.query("select count(*) from audit.load where status = 'replaced' and first_change_seq > 2") == [(1,)]


def test_changes_have_numbers_of_the_hub_above_those_that_a_build_has_seen(roots):
    roots.run()
    with duckdb.connect(str(roots.hub.settings.warehouse)) as connection:
        connection.execute("insert into audit.build values ('run', 90, 'project', true, '2022-11-03')")
    roots["surrey"].land(WEDNESDAY, *visits(WEDNESDAY, 3))
    roots["surrey"].run()
    roots.run()
    assert roots.query(
        "select change_seq, first_change_seq, extract_date from audit.pending_load join audit.load using "
        "(load_id, source, extract_date)"
    ) == [(91, 91, WEDNESDAY)]


def test_a_rejected_delivery_and_its_withdrawal_are_taken_in(roots):
    broken = roots["kent"].land(WEDNESDAY, text=NO_HEADER)
    roots["kent"].run()
    report = roots.run()
    roots.assert_same()
    assert [(item.root_number, item.status) for item in report.rejected] == [(1, "rejected")]
    assert [file.error_code for item in report.rejected for file in item.files] == ["no_header"]
    assert roots.hub.unresolved_deliveries() == ["2022-11-02 rejected"]
    assert [item.extract_date for item in roots.run().rejected] == [WEDNESDAY], "until it is accepted or withdrawn"
    broken.unlink()
    roots["kent"].run()
    assert roots.run().rejected == ()
    roots.assert_same()
    assert roots.hub.unresolved_deliveries() == []


def test_a_forgotten_refusal_goes(roots):
    roots["kent"].land(WEDNESDAY, *visits(WEDNESDAY, 60, faulty=30))
    roots["kent"].run()
    roots.run()
    refused = roots.query("select load_id from audit.load where status = 'rejected'")
    roots["kent"].run()
    roots.run()
    roots.assert_same()
    ((again,),) = roots.query("select load_id from audit.load where status = 'rejected'")
    assert [(again,)] != refused
    assert roots.query("select count(*) from audit.quarantine") == [(30,)]


def test_a_missing_day_comes_and_goes_with_that_of_the_member(roots):
    thursday = WEDNESDAY + timedelta(days=1)
    roots["kent"].land(thursday, *visits(thursday, 3))
    roots["kent"].run()
    assert roots.run().missing == (WEDNESDAY,)
    roots.assert_same()
    assert roots.hub.unresolved_deliveries() == ["2022-11-02 missing_delivery"]
    roots["kent"].land(WEDNESDAY, *visits(WEDNESDAY, 3))
    roots["kent"].run()
    assert roots.run().missing == ()
    roots.assert_same()


def test_a_run_that_is_killed_at_any_step_is_repeated_without_a_trace(roots, monkeypatch):
    for step in ("_delete_loads", "_insert_loads", "_insert_corrections", "_replace_expectation_results", "_record"):
        roots["kent"].land(TUESDAY, *visits(TUESDAY, 5), suffix=step)
        roots["kent"].run()
        roots["kent"].land(WEDNESDAY, text=f"{NO_HEADER}{step}\n")
        roots["kent"].run()
        before = _state(roots)
        with monkeypatch.context() as patch:
            patch.setattr(take_in, step, _dying)
            with pytest.raises(Killed):
                roots.run()
        assert _state(roots) == before, step
        roots.run()
        roots.assert_same()


def _dying(*_: object, **__: object) -> None:
    raise Killed


def _state(roots: Hub) -> list[tuple]:
    if not roots.hub.settings.warehouse.exists():
        return []
    tables = ("audit.load", "audit.correction", "audit.expectation_result", "audit.quarantine", "raw.visits")
    return [row for name in tables for row in roots.query(f"from {name} order by all")]


def test_a_member_that_loads_right_now_is_left_for_the_next_run(roots, monkeypatch):
    waits: list[float] = []

    def recorded(lock_file, *, patience):
        waits.append(patience)
        return reader_lock(lock_file)

    with roots["kent"].settings.lock_file.open("a") as other_process, monkeypatch.context() as patch:
        fcntl.flock(other_process, fcntl.LOCK_EX)
        patch.setattr(members, "reader_lock", recorded)
        report = roots.run()
        (warning,) = report.warnings
        assert "kent is left for the next run: another process holds the warehouse" in warning
        assert [item.root_number for item in report.deliveries] == [2]
        assert list(roots.problems()) == ["kent"]
        # The other sources of the run neither wait again nor repeat the warning.
        again = load_source(roots.hub.settings, CONTRACTS, "papers", wanted=Range(), run_id=f"run {roots.hub.runs}")
        assert again.warnings == ()
        assert waits == [5.0, 5.0, 0.0, 5.0]
    roots.run()
    roots.hub.run(source="papers")
    roots.assert_same()
    assert roots.problems() == {}


def test_a_member_that_is_open_for_writing_elsewhere_is_left_out(roots):
    with duckdb.connect(str(roots["kent"].settings.warehouse)) as connection, transaction(connection):
        connection.execute("create table audit.other as select 1 as one")
        roots.run()
    assert list(roots.problems()) == ["kent"]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda file: file.unlink(), "there is no .*warehouse.duckdb. Is a share not mounted"),
        (lambda file: file.write_bytes(b"x" * 9000), "is damaged: .*What was taken in before stays"),
        (lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]), "is damaged: "),
        (lambda file: (file.unlink(), os.mkfifo(file)), "warehouse.duckdb is a named pipe"),
    ],
    ids=["missing", "no database", "cut short", "a named pipe"],
)
def test_a_missing_or_damaged_member_leaves_what_was_taken_in(roots, damage, message):
    roots.run()
    roots["surrey"].land(WEDNESDAY, *visits(WEDNESDAY, 3))
    roots["surrey"].run()
    before = roots.query("select count(*) from raw.visits where force_code = 'kent'")
    damage(roots["kent"].settings.warehouse)
    report = roots.run()
    assert [item.root_number for item in report.deliveries] == [2]
    assert re.search(message, roots.problems()["kent"])
    assert roots.query("select count(*) from raw.visits where force_code = 'kent'") == before
    assert roots.query("select count(*) from audit.member where problem is not null and taken_in_at is not null") == [
        (1,)
    ]


def test_a_member_whose_run_was_killed_is_taken_in_as_it_committed(roots, tmp_path):
    warehouse = roots["kent"].settings.warehouse
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("set checkpoint_threshold = '1TB'")
        connection.execute("insert into raw.visits by name select 16777299 as load_id, 'kent' as force_code")
        connection.execute("update audit.load set reason = 'committed'")
        # A copy with its write-ahead log, as a killed process leaves it.
        for name in (warehouse.name, f"{warehouse.name}.wal"):
            shutil.copy(warehouse.with_name(name), tmp_path / name)
    for name in (warehouse.name, f"{warehouse.name}.wal"):
        shutil.copy(tmp_path / name, warehouse.with_name(name))
    roots.run()
    assert roots.problems() == {}
    assert roots.query("select reason from audit.load where load_id < 2 * 16777216") == [("committed",)]
    assert roots.query("select count(*) from raw.visits where load_id = 16777299") == [(0,)]


def test_two_members_with_one_number_are_not_mixed(tmp_path):
    roots = Hub(tmp_path)
    for force, member in roots.members.items():
        member.settings = member.settings.model_copy(update={"root_number": 1, "force": force})
        member.land(TUESDAY, *visits(TUESDAY, 3), suffix=f"_{force}")
        member.run()
    (warning,) = roots.run().warnings
    assert "surrey is left for the next run: it has root number 1, as " in warning
    roots.assert_same("kent")


def test_members_that_have_swapped_their_folders_are_recognised(roots, tmp_path):
    roots.run()
    kent, surrey = (roots[force].settings.home for force in ("kent", "surrey"))
    kent.rename(tmp_path / "between")
    surrey.rename(kent)
    (tmp_path / "between").rename(surrey)
    roots.run()
    assert roots.problems() == {}
    roots.assert_same()


def test_another_data_root_in_the_place_of_a_member_is_refused(roots):
    roots.run()
    shutil.rmtree(roots["kent"].settings.home)
    other = Installation(roots["kent"].settings.home, root_number=1, force="essex")
    other.land(WEDNESDAY, *visits(WEDNESDAY, 9))
    other.run()
    roots.run()
    assert "another data root was taken in with its root number 1" in roots.problems()["kent"]
    assert roots.query("select count(*) from raw.visits where force_code = 'kent'") == [(3,)]


def test_a_member_that_was_moved_or_loaded_again_takes_its_place(roots, tmp_path):
    roots.run()
    shutil.rmtree(roots["kent"].settings.home)
    again = Installation(tmp_path / "elsewhere", root_number=1, force="kent")
    again.land(TUESDAY, *visits(TUESDAY, 3))
    again.land(WEDNESDAY, *visits(WEDNESDAY, 4))
    again.run()
    roots.members["kent"] = again
    roots.hub.settings = roots.hub.settings.model_copy(
        update={"members": (again.settings.home, roots["surrey"].settings.home)}
    )
    with duckdb.connect(str(roots.hub.settings.warehouse)) as connection:
        connection.execute("insert into audit.build_started values ('project', 1)")
    roots.run()
    roots.assert_same()
    assert roots.query("from audit.build_started") == [], "rows went without a pending load: all is built again"


def test_a_member_that_was_restored_from_a_backup_is_followed(roots, tmp_path):
    backup = tmp_path / "backup.duckdb"
    shutil.copy(roots["kent"].settings.warehouse, backup)
    roots["kent"].land(TUESDAY, *visits(TUESDAY, 8), suffix="_b")
    roots["kent"].run()
    roots.run()
    roots.assert_same()
    shutil.copy(backup, roots["kent"].settings.warehouse)
    roots.run()
    roots.assert_same()
    roots["kent"].land(TUESDAY, *visits(TUESDAY, 9), suffix="_b")
    roots["kent"].run()
    roots.run()
    roots.assert_same()


def test_a_force_of_two_members_is_refused_with_all_of_the_second(roots):
    roots["surrey"].land(
        WEDNESDAY, f"kent,a,{WEDNESDAY} 10:00,5,x", header="force_code,visit_id,begun_at,minutes,visitor"
    )
    roots["surrey"].run()
    (warning,) = roots.run().warnings
    assert "it has loaded rows of kent, which root 1 delivers" in warning
    roots.assert_same("kent")
    # The correction of the wrong delivery lifts it.
    roots["surrey"].land(WEDNESDAY, *visits(WEDNESDAY, 2))
    roots["surrey"].run()
    assert roots.run().warnings == ()
    roots.assert_same()


def test_a_force_that_moved_to_another_data_root_is_refused_with_what_helps(roots, tmp_path):
    new = Installation(tmp_path / "new", root_number=7, force="surrey")
    new.land(WEDNESDAY, *visits(WEDNESDAY, 2))
    new.run()
    roots.run()
    members = (roots["kent"].settings.home, new.settings.home)
    roots.hub.settings = roots.hub.settings.model_copy(update={"members": members})

    (warning,) = roots.run().warnings

    assert "it has loaded rows of surrey, which the hub has of root 2, and no other folder in FCIR_MEMBERS" in warning
    assert "start the hub again in an empty folder" in warning


def test_two_members_may_deliver_the_table_of_all_forces(tmp_path):
    force = Column("force_code", CellType.TEXT, "", is_required=True)
    columns = (force, *(column for column in VISITS.columns if column.name != "force_code"))
    described = {"visits": replace(VISITS, columns=columns, describes_forces=True)}
    hub = Hub(tmp_path)
    for root in (hub.hub, *hub.members.values()):
        root.contracts = described
    for name, root in hub.members.items():
        root.land(TUESDAY, f"kent,{row('a')}", f"essex,{row('a')}", header=f"force_code,{HEADER}")
        assert root.run().rows_read == 2, name
    hub.run()
    assert hub.problems() == {}
    hub.assert_same()


def test_a_new_column_of_a_member_is_added_and_another_type_is_refused(roots):
    for force, kind in (("kent", "varchar"), ("surrey", "bigint")):
        with duckdb.connect(str(roots[force].settings.warehouse)) as connection:
            connection.execute(f"alter table raw.visits add column place {kind}")
    roots.run()
    assert "raw.visits is of another contract: place is bigint there and varchar here" in roots.problems()["surrey"]
    roots.assert_same("kent")


def test_a_member_of_another_version_is_refused(roots):
    with duckdb.connect(str(roots["kent"].settings.warehouse)) as connection:
        connection.execute("drop table audit.root")
    with duckdb.connect(str(roots["surrey"].settings.warehouse)) as connection:
        connection.execute("alter table audit.quarantine drop column force_code")
    roots.run()
    problems = roots.problems()
    assert "loaded by an earlier version" in problems["kent"]
    assert "audit.quarantine is of another version (column force_code)" in problems["surrey"]


def test_a_member_with_a_source_that_the_hub_does_not_know_is_refused(roots):
    roots["kent"].land(TUESDAY, *visits(TUESDAY, 3), source="papers")
    roots["kent"].run(source="papers")
    roots.hub.contracts = {"visits": CONTRACTS["visits"]}
    roots.run()
    assert "it loads papers, which has no contract here" in roots.problems()["kent"]


def test_rows_that_the_audit_does_not_know_stop_nothing_but_missing_ones_do(roots):
    with duckdb.connect(str(roots["kent"].settings.warehouse)) as connection:
        connection.execute("delete from raw.visits where source_row = 2")
    roots.run()
    assert "raw.visits has 2 rows of loads that its audit says have 3" in roots.problems()["kent"]
    roots.assert_same("surrey")


def test_a_hub_has_no_landing_folder_and_a_root_with_loads_is_no_hub(roots):
    roots.hub.land(TUESDAY, *visits(TUESDAY, 3))
    with pytest.raises(UsageError, match="has files, but this data root is a hub"):
        roots.run()
    member = Installation(roots["kent"].settings.home, members=(roots["surrey"].settings.home,))
    shutil.rmtree(member.settings.landing)
    with pytest.raises(RootMismatch, match="has loads of its own"):
        member.run()


def test_a_hub_or_an_empty_data_root_is_no_member(roots, tmp_path):
    roots.run()
    above = Installation(tmp_path / "above", members=(roots.hub.settings.home, roots["kent"].settings.home))
    above.run()
    ((problem,),) = above.query("select problem from audit.member where problem is not null")
    assert "it is a hub itself" in problem


def test_keys_and_waivers_of_members_stay_with_them(roots):
    roots.run()
    assert roots.query("select count(*) from audit.pseudonym_key") == [(0,)]
    assert not roots.hub.settings.key_file.exists()
