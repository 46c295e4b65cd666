"""Holds: an erasure lists the held rows of a person and needs a decision, and a purge keeps what may be held."""

from dataclasses import replace
from datetime import date, datetime
from types import SimpleNamespace

import duckdb
import pytest

from dagster_project.cli import erase as erase_command
from dagster_project.cli.purge import require_same_holds
from dagster_project.errors import UsageError
from dagster_project.privacy import purged_rows
from dagster_project.privacy.held import HeldRows, held_rows
from dagster_project.privacy.person import person_of
from dagster_project.privacy.purged_rows import create_marks, delete_marked, mark_rows, purge_again, write_purged
from dagster_project.privacy.purging import note_purge
from dagster_project.privacy.retention import Hold, RetentionError, holds_file, holds_in_force
from dagster_project.recovery.history import save_history
from dagster_project.recovery.intent import read_intent
from dagster_project.recovery.rebuild import RowsMissing, rebuild
from dagster_project.verification.warehouse import verify_warehouse
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.lock import writer_lock
from tests.leaving.unit.loading_helpers import CONTRACTS, VISITS, row


def write_holds(settings, *rows: str) -> None:
    file = holds_file(settings)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(["source,first_day,last_day,reason,until", *rows, ""]), encoding="utf-8")


def held(installation, identifier: str) -> list[HeldRows]:
    with loading_connection(installation.settings.warehouse) as connection:
        person = person_of(installation.settings, connection, identifier)
        return held_rows(connection, CONTRACTS, person, holds_in_force(installation.settings, CONTRACTS))


def test_the_held_rows_of_a_person_are_counted_by_hold(installation):
    for day in ("2022-10-30", "2022-10-31"):
        installation.land(day, row("a", visitor="held", day=day), row("b", visitor="other", day=day))
        installation.run()
    assert held(installation, "held") == []
    write_holds(
        installation.settings,
        "visits,2022-10-30,2022-10-30,case 1,",
        "visits,2022-10-01,2022-10-31,case 2,",
        "visits,2022-10-30,2022-10-30,ended,2022-12-31",
        "visits,2022-11-01,2022-11-30,case 3,",
    )
    first, second = held(installation, "held")
    assert (first.reason, first.rows) == ("case 1", 1)
    assert (second.reason, second.rows) == ("case 2", 2)
    assert held(installation, "unknown") == []


def test_a_row_whose_text_has_the_identifier_is_held_too(installation):
    """An erasure changes it."""
    rows = [row("case 46/777777/22", visitor="other", day="2022-10-30"), row("b", visitor="other", day="2022-10-30")]
    installation.land("2022-10-30", *rows)
    installation.run()
    write_holds(installation.settings, "visits,2022-10-30,2022-10-30,case 1,")
    assert [found.rows for found in held(installation, "46/777777/22")] == [1]


def test_the_holds_are_read_again_when_an_erasure_is_confirmed(installation, monkeypatch):
    settings = installation.settings
    installation.land("2022-10-30", row("a", visitor="46/777777/22", day="2022-10-30"))
    installation.run()
    monkeypatch.setattr(erase_command, "start", lambda **_: settings)
    monkeypatch.setattr(erase_command, "prepare", lambda *_, **__: CONTRACTS)
    monkeypatch.setattr(erase_command, "ask_with_reason", lambda reason: ("46/777777/22", reason))
    # Someone enters a hold while the command asks.
    monkeypatch.setattr(
        erase_command, "confirm", lambda *_: write_holds(settings, "visits,2022-10-30,2022-10-30,case 1,")
    )
    before = installation.query("from raw.visits")
    with pytest.raises(UsageError, match=r"holds.csv has changed since .* Nothing was erased"):
        erase_command.erase(SimpleNamespace(obj=False), reason="request 4711", yes=False, despite_holds=False)
    assert installation.query("from raw.visits") == before


def test_a_hold_until_the_last_day_of_all_has_no_end(installation, monkeypatch):
    installation.land("2022-10-30", row("a", visitor="held", day="2022-10-30"))
    installation.run()
    write_holds(installation.settings, "visits,2022-10-30,9999-12-31,case 1,9999-12-31")
    assert [rows.rows for rows in held(installation, "held")] == [1]
    holds = holds_in_force(installation.settings, CONTRACTS)
    monkeypatch.setattr(purged_rows, "event_keys", lambda _: {"visits": ["visit_id"]})
    with loading_connection(installation.settings.warehouse) as connection:
        connection.execute("insert into audit.purge_hold values ('visits', ?, ?)", [date(2022, 10, 30), date.max])
        connection.execute("insert into audit.purge values ('visits', '2022-12-01', now()::timestamp)")
        [plan] = mark_rows(connection, installation.settings, CONTRACTS, {"visits": date(2022, 12, 1)}, holds)
        assert (plan.rows, plan.held_rows) == (0, 1)
        assert purge_again(connection, installation.settings, CONTRACTS) == [plan]


@pytest.fixture
def purge(installation, monkeypatch):
    """Purges visits before a day, in this process."""
    monkeypatch.setattr(purged_rows, "event_keys", lambda _: {"visits": ["visit_id"]})

    def purge(cut, *holds):
        with loading_connection(installation.settings.warehouse) as connection:
            mark_rows(connection, installation.settings, CONTRACTS, {"visits": cut}, holds)
            at = datetime(2026, 11, 30)  # noqa: DTZ001 (UTC, as in the audit)
            delete_marked(connection, ["visits"], at)
            note_purge(connection, {"visits": cut}, holds, at)
        save_history(installation.settings)

    return purge


def rebuild_and_verify(installation):
    installation.settings.warehouse.write_bytes(b"x" * 8192)
    with writer_lock(installation.settings.lock_file):
        rebuild(installation.settings, CONTRACTS)
    findings, _, _ = verify_warehouse(installation.settings, CONTRACTS)
    assert [str(finding) for finding in findings if finding.is_fault] == []
    return [name for (name,) in installation.query("select visit_id from raw.visits order by 1")]


def test_a_hold_that_is_entered_after_a_purge_brings_no_row_back(installation, purge):
    held_day, longer = date(2022, 10, 10), date(2022, 10, 11)
    installation.land("2022-11-01", row("a", day=held_day), row("b", day=longer), row("c", day="2022-12-15"))
    installation.run()
    purge(date(2022, 11, 1), Hold("visits", longer, longer, "case 1"))
    # This one arrives after the purge of its day, and before the hold.
    installation.land("2022-11-02", row("d", day="2022-11-10"), row("e", day=held_day))
    installation.run()
    # The hold begins a day earlier: the row that it kept stays.
    purge(date(2022, 12, 1), Hold("visits", held_day, longer, "case 1"))
    left = ["b", "c", "e"]
    assert installation.query("select visit_id from raw.visits order by 1") == [(name,) for name in left]
    for _ in range(2):
        assert rebuild_and_verify(installation) == left


@pytest.fixture
def held_and_purged(installation, purge):
    """Visits of days before and after a purge; those of one day are held, also in a file with purged ones."""
    held_day = date(2022, 10, 10)
    installation.land("2022-10-10", row("a", day=held_day))
    installation.land("2022-10-11", row("b", day=held_day), row("c", day="2022-10-11"))
    installation.land("2022-11-02", row("d", day="2022-10-12"), row("e", day="2022-11-02"))
    installation.land("2022-11-03", row("f", day="2022-11-03"))
    installation.run()
    purge(date(2022, 11, 1), Hold("visits", held_day, held_day, "case 1"))
    assert installation.query("select visit_id from raw.visits order by 1") == [(name,) for name in "abef"]
    return installation


def rebuild_under(installation, visits, **options):
    installation.contracts = {**CONTRACTS, "visits": visits}
    with writer_lock(installation.settings.lock_file):
        return rebuild(installation.settings, installation.contracts, **options)


def test_a_rebuild_under_a_newer_contract_keeps_held_rows_and_brings_no_purged_row_back(held_and_purged):
    installation = held_and_purged
    loads = "from audit.load where status = 'loaded'"
    kept = f"select load_id, rows_purged {loads} and extract_date < '2022-11-03' order by 1"
    before = installation.query(kept)
    unresolved = installation.unresolved_deliveries()
    done = rebuild_under(installation, replace(VISITS, version="2.0.0"))
    assert (done.facts["loads"], done.facts["loaded_again"]) == (3, ["visits/visits_2022-11-03.csv"])
    installation.run()
    assert installation.query("select visit_id from raw.visits order by 1") == [(name,) for name in "abef"]
    assert installation.query(kept) == before
    assert installation.query(f"select distinct contract_version {loads}") == [("2.0.0",)]
    assert installation.unresolved_deliveries() == unresolved
    findings, _, _ = verify_warehouse(installation.settings, installation.contracts)
    assert [str(finding) for finding in findings if finding.is_fault] == []


def test_a_load_of_a_purged_day_that_gives_other_counts_is_refused_and_never_dropped_unnamed(held_and_purged):
    installation = held_and_purged
    content = installation.settings.warehouse.read_bytes()
    # The visits of five minutes have fewer than the newer contract asks for.
    columns = tuple(replace(column, minimum=6) if column.name == "minutes" else column for column in VISITS.columns)
    newer = replace(VISITS, version="2.0.0", columns=columns)
    said = (
        r"(?s)3 loads cannot be restored.*visits/visits_2022-10-11.csv \(2 rows\): rows of its day were purged.*under "
        r"version 2\.0\.0 of its contract \(version 1\.0\.0 when it was loaded\).*earlier contract back"
    )
    with pytest.raises(RowsMissing, match=said):
        rebuild_under(installation, newer)
    assert installation.settings.warehouse.read_bytes() == content
    assert read_intent(installation.settings) is None
    done = rebuild_under(installation, newer, without_missing=True)
    assert done.facts["lost"] == [f"visits/visits_{day}.csv" for day in ("2022-10-10", "2022-10-11", "2022-11-02")]
    assert (done.facts["loads"], done.facts["loaded_again"]) == (0, ["visits/visits_2022-11-03.csv"])


CLEAR = replace(VISITS, columns=tuple(replace(column, is_personal=False) for column in VISITS.columns))
TELEPHONE = "07700900123"


def test_held_rows_stay_when_a_column_becomes_personal_because_rows_were_quarantined(installation, purge):
    held_day = date(2022, 10, 10)
    installation.contracts = {**CONTRACTS, "visits": CLEAR}
    good = [row(f"v{number}", day=held_day) for number in range(40)]
    # Under the newer contract these rows are good, and one has the key of a row that is loaded.
    installation.land("2022-10-10", *good, *(row(name, day=held_day, visitor=TELEPHONE) for name in ("x", "v1")))
    installation.land("2022-11-03", row("f", day="2022-11-03"))
    installation.run()
    held = "select * exclude (visitor) from raw.visits where extract_date = '2022-10-10' order by source_row"
    rows, quarantine = installation.query(held), installation.query("from audit.quarantine order by source_row")
    assert (len(rows), len(quarantine)) == (40, 2)
    purge(date(2022, 11, 1), Hold("visits", held_day, held_day, "case 1"))
    done = rebuild_under(installation, replace(VISITS, version="2.0.0"))
    assert (done.facts["lost"], done.facts["loaded_again"]) == ([], ["visits/visits_2022-11-03.csv"])
    installation.run()
    save_history(installation.settings)
    assert installation.query(held) == rows
    assert installation.query("from audit.quarantine order by source_row") == quarantine
    findings, _, _ = verify_warehouse(installation.settings, installation.contracts)
    assert [str(finding) for finding in findings] == []


def test_a_quarantined_row_that_is_good_does_not_make_up_for_a_held_row_that_is_lost(installation, purge):
    held_day = date(2022, 10, 10)
    installation.contracts = {**CONTRACTS, "visits": CLEAR}
    rows = [row("a", 9, day=held_day), row("b", 5, day=held_day, visitor=TELEPHONE), row("c", 5, day="2022-10-09")]
    installation.land("2022-10-10", *rows)
    installation.run()
    purge(date(2022, 11, 1), Hold("visits", held_day, held_day, "case 1"))
    columns = [replace(column, maximum=5) if column.name == "minutes" else column for column in VISITS.columns]
    said = (
        r"visits_2022-10-10.csv \(2 rows\): .* so it keeps the rows that it has, and its file does not give all of them"
    )
    with pytest.raises(RowsMissing, match=said):
        rebuild_under(installation, replace(VISITS, version="2.0.0", columns=tuple(columns)))


def test_a_purge_keeps_the_holds_of_other_sources(installation, purge):
    installation.land("2022-11-01", row("a"))
    installation.run()
    day = date(2022, 10, 10)
    with loading_connection(installation.settings.warehouse) as connection:
        connection.execute("insert into audit.purge_hold values ('papers', ?, ?)", [day, day])
    purge(date(2022, 11, 1), Hold("visits", day, day, "case 1"), Hold("chats", day, day, "case 2"))
    assert installation.query("select source from audit.purge_hold order by 1") == [("papers",), ("visits",)]


def test_rows_that_came_back_in_an_earlier_version_are_counted_again(installation, purge):
    days = (date(2022, 10, 10), date(2022, 10, 11))
    installation.land(
        "2022-11-01", *(row(name, day=day) for name, day in zip("ab", days, strict=True)), row("c", day="2022-12-15")
    )
    installation.run()
    purge(date(2022, 11, 1), Hold("visits", days[0], days[0], "case 1"))
    with loading_connection(installation.settings.warehouse) as connection:
        # That version noted no rows, and the hold is longer since.
        connection.execute("delete from audit.purge_held_row")
        connection.execute("update audit.purge_hold set last_day = ?", [days[1]])
    save_history(installation.settings)
    assert rebuild_and_verify(installation) == ["a", "b", "c"]


def test_the_reason_of_a_hold_does_not_show_the_person(installation):
    installation.land("2022-10-30", row("a", visitor="46/777777/22", day="2022-10-30"))
    installation.run()
    write_holds(installation.settings, "visits,2022-10-30,2022-10-30,court case 46/777777/22,")
    assert [rows.reason for rows in held(installation, "46/777777/22")] == ["court case ..."]


def test_an_erasure_of_held_rows_needs_an_option(installation, capsys):
    found = [HeldRows("visits", date(2022, 10, 30), date(2022, 10, 31), "case 1", 2)]
    settings = installation.settings
    with pytest.raises(UsageError, match=r"2 rows of the person must be kept, .* Nothing was erased.* --despite-holds"):
        erase_command._require_no_hold(settings, found, despite_holds=False)
    assert "visits 2022-10-30 to 2022-10-31 (case 1): 2 rows" in capsys.readouterr().out
    erase_command._require_no_hold(settings, found, despite_holds=True)
    erase_command._require_no_hold(settings, [], despite_holds=False)


def test_a_list_of_holds_with_a_fault_stops_an_erasure_and_names_it(installation):
    write_holds(installation.settings, "visit,2022-10-30,2022-10-30,case 1,")
    with pytest.raises(RetentionError, match=r"column source: .* Nothing was erased.* run: fcir erase"):
        erase_command._holds(installation.settings, CONTRACTS)


def test_a_hold_that_is_written_while_a_purge_is_confirmed_stops_it(installation):
    settings = installation.settings
    write_holds(settings, "visits,2022-10-30,2022-10-30,case 1,")
    planned = tuple(holds_in_force(settings, CONTRACTS))
    require_same_holds(settings, CONTRACTS, planned)
    write_holds(settings, "visits,2022-10-30,2022-10-31,case 1,")
    with pytest.raises(UsageError, match=r"has changed since .* Nothing was purged"):
        require_same_holds(settings, CONTRACTS, planned)


@pytest.mark.parametrize(
    ("hold", "gone"),
    [
        (None, {"2022-10-29", "2022-10-31", "2022-11-02"}),
        # The load of 10-29 may have a call over midnight, and that of 11-02 a changed state of an event.
        (Hold("visits", date(2022, 10, 30), date(2022, 10, 30), ""), set()),
        (Hold("visits", date(2022, 11, 1), date(2022, 11, 1), ""), {"2022-10-29"}),
        (Hold("visits", date(2022, 11, 4), date(2022, 11, 4), ""), {"2022-10-29", "2022-10-31", "2022-11-02"}),
        (Hold("papers", date(2022, 10, 30), date(2022, 10, 30), ""), {"2022-10-29", "2022-10-31", "2022-11-02"}),
    ],
)
def test_rows_of_replaced_loads_that_may_be_held_stay_in_publications(installation, tmp_path, hold, gone):
    for day in ("2022-10-29", "2022-10-31", "2022-11-02"):
        installation.land(day, row("a", day=day))
        installation.run()
    with loading_connection(installation.settings.warehouse) as connection:
        connection.execute("delete from raw.visits")
        connection.execute("update audit.load set status = 'replaced' where status = 'loaded'")
        if hold:
            connection.execute(
                "insert into audit.purge_hold values (?, ?, ?)", [hold.source, hold.first_day, hold.last_day]
            )
        create_marks(connection)
        write_purged(connection, tmp_path / "purged.duckdb", {"visits": date(2022, 12, 1)})
        loads = "select load_id, cast(extract_date as varchar) from audit.load where status = 'replaced'"
        days = dict(connection.execute(loads).fetchall())
    with duckdb.connect(str(tmp_path / "purged.duckdb"), read_only=True) as connection:
        found = {days[number] for (number,) in connection.execute("from gone_load").fetchall() if number in days}
    assert found == gone
