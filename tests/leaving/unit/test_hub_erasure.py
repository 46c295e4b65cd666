"""A hub, which has no key, takes over what its members have replaced, and takes no load in again for it."""

import gzip
import json
import shutil
from dataclasses import replace

import duckdb
import pytest

from dagster_project.loading.members import news_of_members
from dagster_project.privacy import hub, replacing
from dagster_project.privacy.rekeying import rotate_key
from dagster_project.privacy.unfinished import finish_replacement
from dagster_project.record.certificates import CERTIFICATE, certified_sha256, hashes_after_redactions
from dagster_project.record.store import append, faults, read
from dagster_project.recovery.history import history_file, save_history
from dagster_project.recovery.rebuild import RowsMissing, rebuild
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.lock import writer_lock
from tests.leaving.unit.erasing_helpers import erase_person
from tests.leaving.unit.hub_helpers import Hub
from tests.leaving.unit.loading_helpers import CONTRACTS, row

pytestmark = pytest.mark.usefixtures("second_for_each_load")


@pytest.fixture
def roots(tmp_path, monkeypatch):
    monkeypatch.setattr(replacing, "orders_of", lambda _: {})
    found = Hub(tmp_path)
    for force, member in found.members.items():
        member.land(
            "2022-11-01",
            row(f"{force}1", visitor="ann"),
            row(f"{force}2", visitor="bob"),
            row(f"{force}3", visitor="ann"),
        )
        member.run()
    found.run()
    return found


def visitors(root):
    return dict(root.query("select visit_id, visitor from raw.visits"))


def files_with(home, value):
    return [file for file in home.rglob("*") if file.is_file() and value.encode() in file.read_bytes()]


def test_what_a_member_erased_is_erased_in_the_hub(roots):
    kent = roots["kent"]
    old = visitors(kent)["kent1"]
    erase_person(kent.settings, "ann")
    new = visitors(kent)["kent1"]
    assert new == visitors(kent)["kent3"] != old
    before = roots.query("select load_id, loaded_at, change_seq from audit.load order by load_id")

    assert hub.take_over_replacements(roots.hub.settings, CONTRACTS) == 1
    roots.assert_same()
    assert roots.query("select load_id, loaded_at, change_seq from audit.load order by load_id") == before
    assert files_with(roots.hub.settings.home, old) == []
    assert roots.run().deliveries == ()
    assert hub.take_over_replacements(roots.hub.settings, CONTRACTS) == 0
    assert visitors(roots["surrey"])["surrey1"] in visitors(roots.hub).values()


@pytest.mark.parametrize("gone", [["raw.visits"], ["raw.visits", "audit.load"]])
def test_a_person_in_rows_that_the_member_no_longer_has_is_erased_in_the_hub(roots, gone):
    kent, home = roots["kent"], roots.hub.settings.home
    old = visitors(kent)["kent1"]
    kent.land("2022-11-02", row("kent8", day="2022-11-02", visitor="zoe"))
    kent.run()
    roots.run()
    published = home / "published" / "earlier"
    published.mkdir(parents=True)
    with duckdb.connect(str(published / "fcir.duckdb")) as connection:
        connection.execute("create table fct_visit as select 1 as n, ? as visitor", [old])
        connection.execute("copy fct_visit to ? (format parquet)", [str(published / "fct_visit.parquet")])
    with loading_connection(kent.settings.warehouse) as connection:
        for name in gone:
            connection.execute(f"delete from {name} where extract_date = '2022-11-01'")
    if "audit.load" in gone:
        # The hub deletes the rows; its publication still has the person.
        roots.run()
        assert "kent1" not in visitors(roots.hub)
    erase_person(kent.settings, "ann")
    with loading_connection(roots.hub.settings.warehouse) as connection:
        news = news_of_members(roots.hub.settings, connection, CONTRACTS)
    assert [item.has_erased for item in news] == [True, False]

    assert hub.take_over_replacements(roots.hub.settings, CONTRACTS) == 1
    assert files_with(home, old) == []
    kent.land("2022-11-03", row("kent9", day="2022-11-03", visitor="ann"))
    kent.run()
    substitute = visitors(kent)["kent9"]
    assert duckdb.execute(f"from '{published}/fct_visit.parquet'").fetchall() == [(1, substitute)]
    found = visitors(roots.hub)
    assert [found[visit] for visit in ("kent1", "kent3") if visit in found] == [substitute] * 2 * (len(gone) == 1)
    assert substitute not in visitors(roots["surrey"]).values()
    assert hub.take_over_replacements(roots.hub.settings, CONTRACTS) == 0
    with loading_connection(roots.hub.settings.warehouse) as connection:
        assert not any(item.has_erased for item in news_of_members(roots.hub.settings, connection, CONTRACTS))


@pytest.mark.parametrize("is_killed", [False, True])
def test_an_identifier_in_clear_is_erased_in_the_hub_too(tmp_path, monkeypatch, is_killed):
    monkeypatch.setattr(replacing, "orders_of", lambda _: {})
    roots = Hub(tmp_path)
    identifiers = ("46/777777/22", "op-77-123", "op-78-456")
    texts = [row("kent 46/777777/22 46/777777/22", visitor="46/777777/22"), row("x", minutes="op-78-456 is late")]
    ordinary = [row(f"kent{n}") for n in range(10)]
    roots["kent"].land("2022-11-01", *ordinary, *texts, suffix="_op-77-123")
    roots["surrey"].land("2022-11-01", row("surrey1"))
    for member in roots.members.values():
        member.run()
    roots.run()
    page = roots.hub.settings.published / "earlier" / "page.html"
    page.parent.mkdir(parents=True)
    page.write_text("seen in visits_2022-11-01_op-77-123.csv: op-78-456 and 46&#47;777777/22")
    kent = roots["kent"].settings
    for identifier in identifiers:
        erase_person(kent, identifier)
    if is_killed:
        with monkeypatch.context() as patch:
            nothing = replacing.Rewritten([], [])
            patch.setattr(hub, "replace_everywhere", lambda *_, **made: (made["in_warehouse"] and 1 / 0) or nothing)
            with pytest.raises(ZeroDivisionError):
                hub.take_over_replacements(roots.hub.settings, CONTRACTS)
        assert "is finished" in finish_replacement(roots.hub.settings)
    else:
        # A pseudonym, and three identifiers in clear.
        assert hub.take_over_replacements(roots.hub.settings, CONTRACTS) == 4
    roots.assert_same()
    assert not any(identifier in page.read_text() for identifier in (*identifiers, "46&#47;777777/22"))
    assert roots.run().deliveries == ()
    assert hub.take_over_replacements(roots.hub.settings, CONTRACTS) == 0


@pytest.mark.parametrize("killed_in", [None, "replace_everywhere", "delete_intent"])
def test_the_record_and_certificates_of_a_hub_stay_whole_without_the_people_they_named(
    tmp_path, monkeypatch, killed_in
):
    monkeypatch.setattr(replacing, "orders_of", lambda _: {})
    roots, identifiers = Hub(tmp_path), ("46/777777/22", "46/888888/22")
    kent, settings = roots["kent"], roots.hub.settings
    rows = [row(f"kent {identifier}", visitor=identifier) for identifier in identifiers]
    kent.land("2022-11-01", *(row(f"k{n}") for n in range(40)), *rows)
    kent.run()
    roots["surrey"].land("2022-11-01", row("s"))
    roots["surrey"].run()
    roots.run()
    settings.certificates.mkdir(mode=0o700)
    stated = {"certificate": "purge", "landing": {f"{identifiers[0]}.csv": 1}}
    (settings.certificates / "purge.json").write_text(json.dumps(stated))
    append(settings, "purge", reason=f"cases {' and '.join(identifiers)}", detail={CERTIFICATE: "purge"})
    append(settings, "run")
    for identifier in identifiers:
        erase_person(kent.settings, identifier)
    with monkeypatch.context() as patch:
        if killed_in:
            patch.setattr(hub, killed_in, lambda *_, **__: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                hub.take_over_replacements(settings, CONTRACTS)
        else:
            hub.take_over_replacements(settings, CONTRACTS)
    if killed_in:
        finish_replacement(settings)
    assert [files_with(settings.home, identifier) for identifier in identifiers] == [[], []]
    assert faults(settings) == []
    *_, entry = read(settings)
    assert set(entry["detail"]["redacted"]) == {"1", "purge.json"}
    assert [item["action"] for item in read(settings)].count(hub.ACTION) == 1
    assert (settings.certificates / "purge.json").read_text() != json.dumps(stated)
    hashes = hashes_after_redactions(read(settings))
    assert certified_sha256(json.loads((settings.certificates / "purge.json").read_text())) == hashes["purge.json"]


def test_a_new_key_of_a_member_reaches_the_hub(roots):
    kent = roots["kent"]
    settings = kent.settings
    old = visitors(kent)
    with writer_lock(settings.lock_file):
        rotation = rotate_key(settings, CONTRACTS, reason="yearly")
    assert rotation.kept == {}
    assert not {*old.values()} & {*visitors(kent).values()}
    assert hub.take_over_replacements(roots.hub.settings, CONTRACTS) == 2
    roots.assert_same()
    assert roots.run().deliveries == ()


@pytest.mark.parametrize("is_erased", [True, False])
def test_what_a_member_replaces_while_the_hub_runs_waits_for_the_next_run(roots, is_erased):
    kent, home = roots["kent"], roots.hub.settings.home
    old, taken_in = visitors(kent), visitors(roots.hub)
    page = home / "published" / "earlier" / "page.html"
    page.parent.mkdir(parents=True)
    page.write_text(f"a page about {old['kent1']}")
    # The run has begun, and found nothing replaced.
    assert hub.take_over_replacements(roots.hub.settings, CONTRACTS) == 0
    if is_erased:
        erase_person(kent.settings, "ann")
    else:
        with writer_lock(kent.settings.lock_file):
            rotate_key(kent.settings, CONTRACTS, reason="yearly")
    roots.run()
    assert visitors(roots.hub) == taken_in
    assert "The next run replaces the same values here" in roots.problems()["kent"]
    assert hub.take_over_replacements(roots.hub.settings, CONTRACTS) == (1 if is_erased else 2)
    roots.run()
    roots.assert_same()
    assert roots.problems() == {}
    assert files_with(home, old["kent1"]) == []


def test_a_member_with_an_interrupted_erasure_is_left_out(roots):
    kent = roots["kent"]
    kent.land("2022-11-02", row("kent8", day="2022-11-02", visitor="ann"))
    kent.run()
    kent.settings.suppression.mkdir(exist_ok=True)
    kent.settings.replacement_intent.write_text("{}")
    roots.run()
    assert "interrupted there" in roots.problems()["kent"]
    assert "kent8" not in visitors(roots.hub)
    kent.settings.replacement_intent.unlink()
    roots.run()
    assert "kent8" in visitors(roots.hub)


@pytest.mark.parametrize("sql", ["drop table raw.visits", "alter table raw.visits drop column visitor"])
@pytest.mark.parametrize("is_erased", [True, False])
def test_a_member_without_a_table_or_a_personal_column_does_not_end_the_run_of_the_hub(roots, sql, is_erased):
    kent, surrey, settings = roots["kent"], roots["surrey"], roots.hub.settings
    old = visitors(roots.hub)
    if is_erased:
        erase_person(kent.settings, "ann")
    else:
        with writer_lock(kent.settings.lock_file):
            rotate_key(kent.settings, CONTRACTS, reason="yearly")
    erase_person(surrey.settings, "bob")
    with loading_connection(kent.settings.warehouse) as connection:
        connection.execute(sql)
    hub.take_over_replacements(settings, CONTRACTS)
    gone = {old["kent1"], old["surrey2"]} | (set() if is_erased else {old["kent2"]})
    assert [files_with(settings.home, value) for value in gone] == [[]] * len(gone)
    roots.run()
    assert roots.problems() == {}
    assert visitors(roots.hub).keys() == old.keys()


def test_a_killed_taking_over_is_finished(roots, monkeypatch):
    settings = roots["kent"].settings
    with writer_lock(settings.lock_file):
        rotate_key(settings, CONTRACTS, reason="yearly")
    with monkeypatch.context() as patch:
        patch.setattr(hub, "replace_everywhere", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            hub.take_over_replacements(roots.hub.settings, CONTRACTS)
    assert "is finished" in finish_replacement(roots.hub.settings)
    assert finish_replacement(roots.hub.settings) is None
    roots.assert_same()


def test_a_member_that_was_restored_from_a_copy_before_an_erasure_brings_nobody_back(roots, tmp_path):
    kent, copy = roots["kent"], tmp_path / "copy.duckdb"
    old = visitors(kent)["kent1"]
    shutil.copy(kent.settings.warehouse, copy)
    erase_person(kent.settings, "ann")
    hub.take_over_replacements(roots.hub.settings, CONTRACTS)
    shutil.copy(copy, kent.settings.warehouse)
    assert hub.take_over_replacements(roots.hub.settings, CONTRACTS) == 0
    roots.run()
    assert "it has people again whom it had erased" in roots.problems()["kent"]
    assert files_with(roots.hub.settings.home, old) == []
    erase_person(kent.settings, "ann")
    hub.take_over_replacements(roots.hub.settings, CONTRACTS)
    roots.run()
    assert roots.problems() == {}
    assert files_with(roots.hub.settings.home, old) == []


def test_a_member_that_has_lost_its_list_is_left_out(roots, tmp_path):
    """Without it, nothing shows that the warehouse is a copy of before the erasure."""
    kent, copy = roots["kent"], tmp_path / "copy.duckdb"
    old = visitors(kent)["kent1"]
    shutil.copy(kent.settings.warehouse, copy)
    erase_person(kent.settings, "ann")
    erase_person(kent.settings, "bob")
    hub.take_over_replacements(roots.hub.settings, CONTRACTS)
    shutil.copy(copy, kent.settings.warehouse)
    (kent.settings.suppression / "suppressed.json").unlink()
    for state in ("is missing", "has 1 person, and the record says 2"):
        assert hub.take_over_replacements(roots.hub.settings, CONTRACTS) == 0
        roots.run()
        assert f"the list of erased people {state}" in roots.problems()["kent"]
        assert files_with(roots.hub.settings.home, old) == []
        erase_person(kent.settings, "bob")


def test_a_rebuilt_hub_does_not_take_people_from_a_member_that_was_restored(roots, tmp_path):
    kent, copy, settings = roots["kent"], tmp_path / "copy.duckdb", roots.hub.settings
    old = visitors(kent)["kent1"]
    shutil.copy(kent.settings.warehouse, copy)
    save_history(settings)
    erase_person(kent.settings, "ann")
    hub.take_over_replacements(settings, CONTRACTS)
    shutil.copy(copy, kent.settings.warehouse)
    # The history of the hub is from before the erasure, so that no load of the member differs from it.
    settings.warehouse.unlink()
    with writer_lock(settings.lock_file), pytest.raises(RowsMissing, match="it has people again whom it had erased"):
        rebuild(settings, CONTRACTS)
    assert files_with(settings.home, old) == [history_file(settings)] * bool(files_with(settings.history, old))


def test_a_member_that_was_restored_from_a_copy_before_a_new_key_is_left_out(roots, tmp_path):
    kent, copy = roots["kent"], tmp_path / "copy.duckdb"
    old = visitors(kent)
    shutil.copy(kent.settings.warehouse, copy)
    with writer_lock(kent.settings.lock_file):
        rotate_key(kent.settings, CONTRACTS, reason="it was copied")
    hub.take_over_replacements(roots.hub.settings, CONTRACTS)
    shutil.copy(copy, kent.settings.warehouse)
    assert hub.take_over_replacements(roots.hub.settings, CONTRACTS) == 0
    roots.run()
    assert "it has pseudonyms of a key again that it had changed" in roots.problems()["kent"]
    assert [files_with(roots.hub.settings.home, value) for value in set(old.values())] == [[], []]
    # As the message says.
    with writer_lock(kent.settings.lock_file):
        kent.settings.warehouse.unlink()
        rebuild(kent.settings, CONTRACTS)
    hub.take_over_replacements(roots.hub.settings, CONTRACTS)
    roots.run()
    assert roots.problems() == {}
    roots.assert_same()


def test_nothing_of_a_member_is_taken_in_after_an_erasure_that_this_run_has_not_taken_over(roots):
    kent = roots["kent"]
    assert hub.take_over_replacements(roots.hub.settings, CONTRACTS) == 0
    kent.land("2022-11-01", row("kent9", visitor="ann"), source="papers")
    kent.run(source="papers")
    erase_person(kent.settings, "ann")
    # A paper of the person with a new pseudonym would not meet the person's visits, which have the old one.
    roots.hub.run(source="papers")
    assert roots.query("from raw.papers") == []
    assert "The next run replaces the same values here" in roots.problems()["kent"]
    hub.take_over_replacements(roots.hub.settings, CONTRACTS)
    roots.hub.run(source="papers")
    assert roots.query("select visitor from raw.papers") == [(visitors(roots.hub)["kent1"],)]


def test_copies_of_a_hub_that_cannot_be_searched_are_named(roots, tmp_path, caplog):
    packed, missing = tmp_path / "backups" / "warehouse.duckdb.gz", tmp_path / "not_mounted"
    packed.parent.mkdir()
    packed.write_bytes(gzip.compress(roots.hub.settings.warehouse.read_bytes()))
    settings = roots.hub.settings.model_copy(update={"backups": (packed.parent, missing)})
    erase_person(roots["kent"].settings, "ann")
    hub.take_over_replacements(settings, CONTRACTS)
    named = f"2 places cannot be searched and may still have the values of before: {missing}, {packed}"
    assert named in caplog.text
    *_, entry = [entry for entry in read(settings) if entry["action"] == hub.ACTION]
    assert (entry["outcome"], entry["detail"]["unread"]) == ("incomplete", 2)


def test_a_person_whom_members_with_one_key_erase_one_after_the_other_goes(tmp_path, monkeypatch):
    monkeypatch.setattr(replacing, "orders_of", lambda _: {})
    roots = Hub(tmp_path)
    for force, member in roots.members.items():
        member.settings = member.settings.model_copy(update={"pseudonym_key_file": tmp_path / "shared.key"})
        member.land("2022-11-01", row(f"{force}1", visitor="ann"), row(f"{force}2", visitor="bob"))
        member.run()
    roots.run()
    kent, surrey = roots["kent"], roots["surrey"]
    old = visitors(surrey)["surrey1"]
    erase_person(kent.settings, "ann")
    hub.take_over_replacements(roots.hub.settings, CONTRACTS)
    surrey.land("2022-11-02", row("surrey3", day="2022-11-02", visitor="ann"))
    surrey.run()
    roots.run()
    # The member no longer has the rows, so only the hash says who was erased.
    with loading_connection(surrey.settings.warehouse) as connection:
        connection.execute("delete from raw.visits")
    erase_person(surrey.settings, "ann")
    hub.take_over_replacements(roots.hub.settings, CONTRACTS)
    assert files_with(roots.hub.settings.home, old) == []


def test_a_new_key_reaches_rows_that_the_member_no_longer_has(roots):
    kent, home = roots["kent"], roots.hub.settings.home
    old = visitors(kent)
    published = home / "published" / "earlier"
    published.mkdir(parents=True)
    with duckdb.connect(str(published / "fcir.duckdb")) as connection:
        connection.execute("create table fct_visit as select unnest(?) as visitor", [[old["kent1"], old["kent2"]]])
    with loading_connection(kent.settings.warehouse) as connection:
        # Ann has another row, Bob has none.
        connection.execute("delete from raw.visits where visit_id in ('kent1', 'kent2')")
        connection.execute("update audit.load set rows_purged = 2, purged_at = now()::timestamp")
    with writer_lock(kent.settings.lock_file):
        rotate_key(kent.settings, CONTRACTS, reason="it was copied")
    hub.take_over_replacements(roots.hub.settings, CONTRACTS)
    new = visitors(roots.hub)
    assert new["kent1"] == new["kent3"] == visitors(kent)["kent3"]
    assert new["kent2"] not in {*old.values(), *visitors(kent).values()}
    assert [files_with(home, value) for value in set(old.values())] == [[], []]
    assert visitors(roots["surrey"]).items() <= new.items()
    assert hub.take_over_replacements(roots.hub.settings, CONTRACTS) == 0


def test_a_new_key_reaches_a_column_that_has_left_its_contract_and_that_no_file_of_the_member_has(roots):
    kent, settings = roots["kent"], roots.hub.settings
    old = visitors(kent)
    contracts = {
        name: replace(contract, columns=contract.columns[:-1], version="2.0.0") for name, contract in CONTRACTS.items()
    }
    for root in (*roots.members.values(), roots.hub):
        root.contracts = contracts
        root.run()
    for file in kent.settings.landing.rglob("*.csv"):
        file.unlink()
    with writer_lock(kent.settings.lock_file):
        rotate_key(kent.settings, contracts, reason="it was copied")
    assert set(visitors(kent).values()) == {None}
    hub.take_over_replacements(settings, contracts)
    assert [files_with(settings.home, value) for value in set(old.values())] == [[], []]
    assert visitors(roots.hub).keys() == {*old, *visitors(roots["surrey"])}
    assert hub.take_over_replacements(settings, contracts) == 0
