"""A new key: every pseudonym is replaced one for one, and what cannot be made again is refused or keeps its key."""

import errno
import gzip
import json
import shutil
import tarfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import duckdb
import pytest

from dagster_project.loading.pseudonyms import PseudonymKeyError, earlier_key_file, earlier_keys, read_key
from dagster_project.privacy import rekeying, replacing
from dagster_project.privacy.erasure import erase, find_person
from dagster_project.privacy.findings import DamagedStore, erased_pseudonyms
from dagster_project.privacy.person import person_of
from dagster_project.privacy.rekeying import ValuesMissing, rotate_key
from dagster_project.privacy.unfinished import finish_replacement
from dagster_project.record.store import restart
from dagster_project.recovery.history import history_file, save_history
from dagster_project.recovery.rebuild import rebuild
from dagster_project.verification.warehouse import verify_warehouse
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.lock import writer_lock
from tests.leaving.unit.erasing_helpers import erase_person
from tests.leaving.unit.loading_helpers import CONTRACTS, HEADER, PAPERS, VISITS, row


@pytest.fixture(autouse=True)
def no_publications(monkeypatch):
    monkeypatch.setattr(replacing, "orders_of", lambda _: {})


@pytest.fixture
def two_days(installation):
    installation.land("2022-11-01", row("a", visitor="ann"), row("b", visitor="bob"))
    installation.run()
    installation.land("2022-11-02", *(row(n, day="2022-11-02", visitor=v) for n, v in (("c", "ann"), ("d", "dora"))))
    installation.run()
    return installation


def rotate(root, **options):
    with writer_lock(root.settings.lock_file):
        return rotate_key(root.settings, CONTRACTS, reason="yearly", **options)


def person(root, identifier):
    with loading_connection(root.settings.warehouse) as connection:
        return person_of(root.settings, connection, identifier)


def visitors(root):
    return dict(root.query("select visit_id, visitor from raw.visits order by all"))


def keys_of_loads(root):
    return root.query("select distinct key_id from audit.load where status = 'loaded' order by 1")


def test_every_pseudonym_is_replaced_one_for_one_and_the_old_key_goes(two_days):
    file, before = two_days.settings.key_file, visitors(two_days)
    old = read_key(file, "")
    done = rotate(two_days)
    new, after = read_key(file, ""), visitors(two_days)
    assert (done.key_id, done.loads, done.kept, done.removed) == (new.key_id, 2, {}, (old.key_id,))
    assert [path.name for path in file.parent.glob("pseudonym*")] == ["pseudonym.key"]
    assert {name: new.pseudonym(who) for name, who in zip("abcd", ("ann", "bob", "ann", "dora"), strict=True)} == after
    assert not {*before.values()} & {*after.values()}
    assert keys_of_loads(two_days) == [(new.key_id,)]
    # A rebuild takes the audit from this copy, and the old key is gone.
    with duckdb.connect() as connection:
        connection.execute(f"attach '{history_file(two_days.settings)}' as copied (read_only)")
        assert connection.execute("from copied.audit.pseudonym_key").fetchall() == [(new.fingerprint,)]
        assert connection.execute("select distinct key_id from copied.audit.load").fetchall() == [(new.key_id,)]
    for path in two_days.settings.home.rglob("*.duckdb"):
        assert not any(value.encode() in path.read_bytes() for value in before.values())
    two_days.land("2022-11-03", row("e", day="2022-11-03", visitor="ann"))
    two_days.run()
    assert visitors(two_days)["e"] == after["a"]


def test_a_file_system_need_not_have_hard_links(two_days, monkeypatch):
    def unsupported(*_):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", unsupported)
    monkeypatch.setattr("os.link", unsupported)
    file = two_days.settings.key_file
    old = read_key(file, "")
    done = rotate(two_days)
    assert done.removed == (old.key_id,)
    assert read_key(file, "").key_id == done.key_id
    content = two_days.settings.record_file.read_bytes()
    aside = restart(two_days.settings, [], reason="no links")
    assert aside.read_bytes() == content
    assert aside.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("copied", ["warehouse.duckdb", "history/audit.duckdb"])
def test_a_backup_that_was_rewritten_fits_the_new_key(two_days, tmp_path, copied):
    backup = tmp_path / "backup"
    backup.mkdir()
    save_history(two_days.settings)
    shutil.copy(two_days.settings.home / copied, backup / "copy.duckdb")
    settings = two_days.settings.model_copy(update={"backups": (backup,)})
    with writer_lock(settings.lock_file):
        done = rotate_key(settings, CONTRACTS, reason="yearly")
    with duckdb.connect() as connection:
        connection.execute(f"attach '{backup / 'copy.duckdb'}' as copied (read_only)")
        assert connection.execute("select distinct key_id from copied.audit.load").fetchall() == [(done.key_id,)]
    if copied == "warehouse.duckdb":
        after = visitors(two_days)
        shutil.copy(backup / "copy.duckdb", two_days.settings.warehouse)
        assert visitors(two_days) == after
        two_days.land("2022-11-03", row("e", day="2022-11-03", visitor="ann"))
        two_days.run()
        assert visitors(two_days)["e"] == after["a"]


def test_values_without_a_file_are_refused_or_keep_their_key_until_the_file_is_back(two_days):
    before, old = visitors(two_days), read_key(two_days.settings.key_file, "")
    path = two_days.settings.landing / "visits" / "visits_2022-11-02.csv"
    text = path.read_text()
    path.unlink()
    # The other value of the file is in a file that is still there.
    with pytest.raises(
        ValuesMissing, match=r"(?s)1 load.*visits/visits_2022-11-02.csv: 1 value\n.*--keep-missing --reason"
    ):
        rotate(two_days)
    assert visitors(two_days) == before
    assert earlier_keys(two_days.settings.key_file) == {}

    done = rotate(two_days, keep_missing=True)
    after = visitors(two_days)
    assert (done.loads, done.kept, done.removed) == (1, {old.key_id: 1}, ())
    assert after["d"] == before["d"]
    assert after["a"] == after["c"] != before["a"]
    assert set(person(two_days, "dora").pseudonyms.values()) >= {before["d"]}

    path.write_text(text)
    done = rotate(two_days)
    assert done.kept == {}
    assert old.key_id in done.removed
    assert visitors(two_days)["d"] != before["d"]
    assert set(person(two_days, "dora").pseudonyms) == {done.key_id}


def test_a_later_row_gets_the_pseudonym_that_an_earlier_row_keeps(two_days):
    """Otherwise one crime would be two."""
    before = visitors(two_days)
    (two_days.settings.landing / "visits" / "visits_2022-11-02.csv").unlink()
    rotate(two_days, keep_missing=True)
    day, people = "2022-11-03", ("dora", "ann", "emma", "")
    path = two_days.land(day, *(row(f"e{n}", day=day, visitor=who) for n, who in enumerate(people)))
    two_days.run()
    key, after = read_key(two_days.settings.key_file, ""), visitors(two_days)
    assert [after[f"e{n}"] for n in range(4)] == [before["d"], after["a"], key.pseudonym("emma"), None]
    assert set(person(two_days, "dora").pseudonyms.values()) >= {before["d"]}

    # The rows that kept it are purged, the file with it is gone too, and its load is one of the new key.
    with loading_connection(two_days.settings.warehouse) as connection:
        connection.execute("delete from raw.visits where visit_id in ('c', 'd')")
    path.unlink()
    assert rotate(two_days, keep_missing=True).removed == ()
    assert set(person(two_days, "dora").pseudonyms.values()) >= {before["d"]}
    two_days.land("2022-11-04", row("f", day="2022-11-04", visitor="dora"))
    two_days.run()
    assert visitors(two_days)["f"] == visitors(two_days)["e0"] == before["d"]

    # Each value is in a file again.
    path.write_text("\n".join(["visit_id,begun_at,minutes,visitor", row("e0", day=day, visitor="emma"), ""]))
    done = rotate(two_days)
    assert len(done.removed) == 3
    assert (
        visitors(two_days)["f"]
        == visitors(two_days)["e0"]
        == read_key(two_days.settings.key_file, "").pseudonym("dora")
    )
    assert set(person(two_days, "dora").pseudonyms) == {done.key_id}


def test_a_dated_copy_of_the_key_beside_it_stays_and_is_named(two_days):
    file = two_days.settings.key_file
    copy = file.with_name("pseudonym-20221101.key")
    shutil.copy2(file, copy)
    for _ in range(2):
        before = read_key(file, "")
        done = rotate(two_days)
        assert done.removed == (before.key_id,)
        assert [said for said in done.warnings() if str(copy) in said and "Delete them" in said]
    assert sorted(file.parent.glob("pseudonym*")) == [copy, file]


def test_the_key_of_a_killed_change_is_named_and_an_earlier_one_never_replaced(two_days, monkeypatch):
    file, old = two_days.settings.key_file, read_key(two_days.settings.key_file, "")

    def killed(_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(rekeying, "missing_backups", killed)
        with pytest.raises(KeyboardInterrupt):
            rotate(two_days)
    (new,) = earlier_keys(file).values()
    kept, own = earlier_key_file(file, new.key_id), earlier_key_file(file, old.key_id)
    with pytest.raises(
        PseudonymKeyError, match=f"Its key is beside it; put it in place: mv {file} {own} && cp -p {kept}"
    ):
        person(two_days, "ann")
    shutil.copy2(kept, file)
    with writer_lock(two_days.settings.lock_file):
        finish_replacement(two_days.settings)
    assert read_key(file, "") == new
    assert list(file.parent.glob("pseudonym*")) == [file]


def test_nobody_is_looked_for_while_a_key_of_loads_is_missing(two_days):
    path = two_days.settings.landing / "visits" / "visits_2022-11-02.csv"
    path.unlink()
    old = read_key(two_days.settings.key_file, "")
    rotate(two_days, keep_missing=True)
    (two_days.settings.key_file.with_name(f"pseudonym-{old.key_id}.key")).unlink()
    with pytest.raises(PseudonymKeyError, match=f"the key {old.key_id} is missing.*install -m 600"):
        person(two_days, "dora")


def test_an_erased_person_stays_erased_under_a_new_key(two_days):
    settings = two_days.settings
    with writer_lock(settings.lock_file):
        ann = person(two_days, "ann")
        erase(settings, ann, reason="request 4711", found=find_person(settings, CONTRACTS, ann))
    substitute = visitors(two_days)["a"]
    rotate(two_days)
    assert visitors(two_days)["a"] == visitors(two_days)["c"] == substitute
    assert person(two_days, "ann").suppressed.substitute == substitute


def test_numbers_in_place_of_purged_people_stay(two_days):
    shown = [("purged 1", "purged 12"), ("purged 2", "unknown")]
    folder = two_days.settings.published / "earlier"
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "fcir.duckdb")) as connection:
        connection.execute("create table kpi (visitor varchar, note varchar)")
        connection.executemany("insert into kpi values (?, ?)", shown)
        connection.execute("insert into kpi values (?, null)", ["0123456789abcdef" * 2])
    (folder / "page.html").write_text("12 events, purged 2022-11-15")
    rotate(two_days)
    with duckdb.connect(str(folder / "fcir.duckdb"), read_only=True) as connection:
        *after, (gone, _) = connection.execute("from kpi order by note nulls last").fetchall()
    assert after == shown
    # A pseudonym that no load has any more is replaced.
    assert gone != "0123456789abcdef" * 2
    assert (folder / "page.html").read_text() == "12 events, purged 2022-11-15"


@pytest.mark.parametrize("has_source", [True, False])
def test_no_old_pseudonym_stays_in_a_column_or_source_that_is_in_no_contract(two_days, has_source):
    without = [replace(contract, columns=contract.columns[:-1]) for contract in (VISITS, PAPERS)]
    two_days.contracts = {contract.source: contract for contract in without}
    contracts = {
        source: two_days.contracts[source] for source in ("visits", "papers") if has_source or source == "papers"
    }
    two_days.land("2022-11-03", row("e", day="2022-11-03", visitor="ann"))
    two_days.run()
    settings, before = two_days.settings, visitors(two_days)
    old = {value for value in before.values() if value}
    folder = settings.published / "earlier"
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "fcir.duckdb")) as connection:
        connection.execute("create table fct_visit as select ? as visitor", [before["a"]])
    hashes = {sha256(value.encode()).hexdigest(): value for value in old}
    assert erased_pseudonyms(settings, contracts, hashes) == {value: value for value in old}
    with writer_lock(settings.lock_file):
        done = rotate_key(settings, contracts, reason="yearly")
    after = visitors(two_days)
    assert len(done.removed) == 1
    assert after["a"] == after["c"]
    assert len({after[name] for name in "abd"}) == 3
    for path in settings.home.rglob("*.duckdb"):
        assert not any(value.encode() in path.read_bytes() for value in old)


WITHOUT_VISITOR = {
    contract.source: replace(contract, columns=contract.columns[:-1], version="2.0.0") for contract in (VISITS, PAPERS)
}


def publish_visitor(settings, pseudonym):
    """A kept publication with a pseudonym."""
    folder = settings.published / "earlier"
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "fcir.duckdb")) as connection:
        connection.execute("create table fct_visit as select ? as visitor", [pseudonym])
    return folder / "fcir.duckdb"


def rebuild_without_visitor(root):
    save_history(root.settings)
    root.contracts = WITHOUT_VISITOR
    with writer_lock(root.settings.lock_file):
        done = rebuild(root.settings, root.contracts)
    # As the documentation advises.
    shutil.rmtree(done.damaged)
    root.run()
    save_history(root.settings)


def test_a_column_that_is_in_no_contract_stays_noted_as_personal_when_the_warehouse_is_rebuilt(two_days):
    settings, before = two_days.settings, visitors(two_days)
    file = publish_visitor(settings, before["a"])
    rebuild_without_visitor(two_days)
    # The copy of the audit has the note too.
    settings.warehouse.unlink()
    with writer_lock(settings.lock_file):
        shutil.rmtree(rebuild(settings, WITHOUT_VISITOR).damaged)
    with writer_lock(settings.lock_file):
        assert len(rotate_key(settings, WITHOUT_VISITOR, reason="yearly").removed) == 1
    assert before["a"].encode() not in file.read_bytes()


def rotate_under(root, contracts):
    root.contracts = contracts
    with writer_lock(root.settings.lock_file):
        return rotate_key(root.settings, contracts, reason="yearly")


BACK = {contract.source: replace(contract, version="3.0.0") for contract in (VISITS, PAPERS)}


def test_a_column_that_returns_to_its_contract_has_pseudonyms_of_the_current_key(two_days):
    settings, before = two_days.settings, visitors(two_days)
    file = publish_visitor(settings, before["d"])
    two_days.contracts = WITHOUT_VISITOR
    two_days.land("2022-11-03", row("e", day="2022-11-03", visitor="ann"))
    two_days.run()
    (settings.landing / "visits" / "visits_2022-11-02.csv").unlink()
    rotate_under(two_days, WITHOUT_VISITOR)
    # What no file has is random in a publication, and null in the warehouse.
    with duckdb.connect(str(file), read_only=True) as connection:
        ((shown,),) = connection.execute("from fct_visit").fetchall()
    assert shown not in (None, before["d"])
    two_days.contracts = BACK
    two_days.land("2022-11-04", row("f", day="2022-11-04", visitor="ann"))
    two_days.run()
    key = read_key(settings.key_file, "")
    ann, bob = key.pseudonym("ann"), key.pseudonym("bob")
    assert visitors(two_days) == {"a": ann, "b": bob, "c": ann, "d": None, "e": None, "f": ann}
    assert find_person(settings, BACK, person(two_days, "ann")).warehouse == {"raw.visits.visitor": 3}
    save_history(settings)
    findings, *_ = verify_warehouse(settings, BACK)
    assert [str(finding) for finding in findings if finding.place.startswith("raw.")] == []
    assert rotate_under(two_days, BACK).kept == {}


def test_files_in_which_the_name_of_a_column_that_left_is_there_twice_are_read_for_the_others(two_days):
    host = replace(VISITS.column("visitor"), name="host")
    columns = (*VISITS.columns, host)
    two_days.contracts = {**CONTRACTS, "visits": replace(VISITS, columns=columns, version="2.0.0")}
    two_days.run()
    two_days.contracts = {**CONTRACTS, "visits": replace(VISITS, columns=(*VISITS.columns[:-1], host), version="3.0.0")}
    text = f"{HEADER},host,Visitor\n{row('e', day='2022-11-03')},carl,someone\n"
    two_days.land("2022-11-03", text=text)
    two_days.run()
    assert rotate_under(two_days, two_days.contracts).kept == {}
    key = read_key(two_days.settings.key_file, "")
    assert two_days.query("select host from raw.visits where visit_id = 'e'") == [(key.pseudonym("carl"),)]
    assert visitors(two_days)["a"] == key.pseudonym("ann")


def test_a_renamed_column_keeps_its_pseudonyms_one_for_one(two_days):
    guest = replace(VISITS.column("visitor"), name="guest", aliases=("visitor",))
    renamed = replace(VISITS, columns=(*VISITS.columns[:-1], guest), version="2.0.0")
    two_days.contracts = {**CONTRACTS, "visits": renamed}
    two_days.land("2022-11-03", row("e", day="2022-11-03", visitor="dora"))
    two_days.run()
    rotate_under(two_days, two_days.contracts)
    key = read_key(two_days.settings.key_file, "")
    names = two_days.query("select visit_id, coalesce(visitor, guest) from raw.visits order by 1")
    assert names == [
        (n, key.pseudonym(who)) for n, who in zip("abcde", ("ann", "bob", "ann", "dora", "dora"), strict=True)
    ]


def test_publications_are_searched_for_columns_that_only_a_backup_notes_as_personal(two_days, tmp_path):
    settings, pseudonym = two_days.settings, "0123456789abcdef" * 2
    (tmp_path / "backup").mkdir()
    shutil.copy(settings.warehouse, tmp_path / "backup" / "warehouse.duckdb")
    file = publish_visitor(settings, pseudonym)
    rebuild_without_visitor(two_days)
    # As a version that noted only the columns of today left them.
    with loading_connection(settings.warehouse) as connection:
        connection.execute("update audit.contract set personal_columns = ''")
    save_history(settings)
    settings = settings.model_copy(update={"backups": (tmp_path / "backup",)})
    with writer_lock(settings.lock_file):
        rotate_key(settings, WITHOUT_VISITOR, reason="yearly")
    assert pseudonym.encode() not in file.read_bytes()


def test_no_old_pseudonym_stays_in_a_database_that_was_set_aside_as_damaged(two_days, tmp_path):
    home, warehouse = two_days.settings.home, two_days.settings.warehouse.read_bytes()
    folder = home / "damaged" / "20221103T000000Z"
    folder.mkdir(parents=True)
    aside = [folder / "warehouse.duckdb", folder / "marts.duckdb", home / "marts.duckdb.damaged-20221103T000000Z"]
    cut, without_beginning = warehouse[: len(warehouse) // 2], bytes(4096 * 3) + warehouse[4096 * 3 :]
    for file, content in zip(aside, (cut, without_beginning, without_beginning), strict=True):
        file.write_bytes(content)
    # Of a damaged backup it says so, and changes nothing.
    backup = tmp_path / "backup"
    backup.mkdir()
    (backup / "copy.duckdb").write_bytes(cut)
    settings = two_days.settings.model_copy(update={"backups": (backup,)})
    with writer_lock(settings.lock_file):
        done = rotate_key(settings, CONTRACTS, reason="yearly")
    assert (done.kept, done.unread) == ({}, (str(backup / "copy.duckdb"),))
    assert not any(file.exists() for file in aside)
    assert (backup / "copy.duckdb").read_bytes() == cut


def _without_numbers(file):
    """Damage a database where it has numbers and no text: only reading all of it finds that."""
    with duckdb.connect(str(file)) as connection:
        connection.execute("create table numbers as select hash(range) as n from range(200000)")
    content = bytearray(file.read_bytes())
    with duckdb.connect() as connection:
        connection.execute(f"attach '{file}' as damaged (read_only)")
        segments = "select block_id from pragma_storage_info('damaged.main.numbers') limit 1"
        ((block,),) = connection.execute(segments).fetchall()
    at = 3 * 4096 + block * 262144 + 5000
    content[at : at + 8] = bytes(byte ^ 255 for byte in content[at : at + 8])
    file.write_bytes(content)


def test_copies_that_may_still_have_old_pseudonyms_are_named(two_days, tmp_path):
    before, backup = visitors(two_days), tmp_path / "backup"
    backup.mkdir()
    warehouse = two_days.settings.warehouse
    whole, other = backup / "whole.duckdb", backup / "other.duckdb"
    unread = [backup / name for name in ("numbers.duckdb", "packed.duckdb.gz", "packed.tar")]
    for file in (whole, other, unread[0]):
        shutil.copy(warehouse, file)
    with duckdb.connect(str(other)) as connection:
        connection.execute("update audit.pseudonym_key set fingerprint = 'another'")
    _without_numbers(unread[0])
    unread[1].write_bytes(gzip.compress(warehouse.read_bytes()))
    with tarfile.open(unread[2], "w") as archive:
        archive.add(warehouse)
    contents = [file.read_bytes() for file in unread]
    settings = two_days.settings.model_copy(update={"backups": (backup,)})
    with writer_lock(settings.lock_file):
        done = rotate_key(settings, CONTRACTS, reason="yearly")
    assert sorted(done.unread) == sorted(map(str, unread))
    assert done.foreign == (str(other),)
    said = " ".join(done.warnings())
    assert "3 files cannot be read and may still have pseudonyms" in said
    assert all(str(file) in said for file in (*unread, other))
    assert str(whole) not in said
    # What cannot be read stays as it is, and nothing is left beside it.
    assert [file.read_bytes() for file in unread] == contents
    assert sorted(backup.iterdir()) == sorted([whole, other, *unread])
    with duckdb.connect(str(whole), read_only=True) as connection:
        assert connection.execute("from audit.pseudonym_key").fetchall() != [("another",)]
        assert not {*before.values()} & {
            who for (who,) in connection.execute("select visitor from raw.visits").fetchall()
        }


@pytest.mark.parametrize(
    ("name", "advice"),
    [("warehouse.duckdb", "fcir rebuild"), ("marts.duckdb", r"mv .*marts.duckdb.damaged && fcir run")],
)
def test_nothing_begins_while_a_number_of_the_databases_is_damaged(two_days, name, advice):
    settings = two_days.settings
    ann = person(two_days, "ann")
    _without_numbers(settings.home / name)
    before = (settings.home / name).read_bytes()
    for begin in (lambda: find_person(settings, CONTRACTS, ann), lambda: rotate(two_days)):
        with pytest.raises(DamagedStore, match=rf"(?s)/{name} is damaged.*Nothing was replaced.*{advice}"):
            begin()
    assert not settings.replacement_intent.exists()
    assert (settings.home / name).read_bytes() == before


def test_a_folder_of_backups_that_is_not_there_is_named(two_days, tmp_path):
    settings = two_days.settings.model_copy(update={"backups": (tmp_path / "not mounted",)})
    with writer_lock(settings.lock_file):
        ann = person(two_days, "ann")
        found = find_person(settings, CONTRACTS, ann)
        assert found.unreadable == [str(tmp_path / "not mounted")]
        certificate = erase(settings, ann, reason="request 4711", found=found)
        assert rotate_key(settings, CONTRACTS, reason="yearly").unread == (str(tmp_path / "not mounted"),)
    assert '"is_clean": false' in certificate.read_text()


@pytest.mark.parametrize("name", ["published", "published_force", "history", "damaged"])
def test_folders_on_another_disk_are_searched_and_rewritten_through_their_link(two_days, tmp_path, name):
    home, disk, before = two_days.settings.home, tmp_path / "disk" / name, visitors(two_days)
    page = disk / "kent" / "earlier" / "page.html"
    page.parent.mkdir(parents=True)
    page.write_text(" ".join(before.values()))
    shutil.rmtree(home / name, ignore_errors=True)
    (home / name).symlink_to(disk)
    outside = tmp_path / "outside" / "page.html"
    outside.parent.mkdir()
    outside.write_text(before["a"])
    # Another link may lead anywhere.
    (home / "tools").symlink_to(outside.parent)
    settings = two_days.settings
    with writer_lock(settings.lock_file):
        ann = person(two_days, "ann")
        found = find_person(settings, CONTRACTS, ann)
        assert found.files == {f"{name}/kent/earlier/page.html": 2}
        erase(settings, ann, reason="request 4711", found=found)
        assert before["a"] not in page.read_text()
        rotate_key(settings, CONTRACTS, reason="yearly")
    assert not any(value in page.read_text() for value in before.values())
    assert outside.read_text() == before["a"]
    assert (home / name).is_symlink()


def test_an_older_copy_of_a_key_that_is_kept_gets_the_new_one(two_days, tmp_path):
    backup = tmp_path / "backup"
    backup.mkdir()
    shutil.copy(two_days.settings.warehouse, backup / "copy.duckdb")
    path = two_days.settings.landing / "visits" / "visits_2022-11-02.csv"
    text = path.read_text()
    path.unlink()
    # The folder of backups was not mounted then.
    rotate(two_days, keep_missing=True)
    path.write_text(text)
    settings = two_days.settings.model_copy(update={"backups": (backup,)})
    with writer_lock(settings.lock_file):
        done = rotate_key(settings, CONTRACTS, reason="yearly")
    assert (done.unread, done.foreign) == ((), ())
    with duckdb.connect(str(backup / "copy.duckdb"), read_only=True) as connection:
        assert connection.execute("select distinct key_id from audit.load").fetchall() == [(done.key_id,)]
        assert dict(connection.execute("select visit_id, visitor from raw.visits").fetchall()) == visitors(two_days)


@pytest.mark.parametrize("verb", ["replace_everywhere", "loads_by_key", "record_manifests", "delete_intent"])
def test_a_killed_change_of_the_key_is_finished(two_days, monkeypatch, verb):
    before = visitors(two_days)
    real = getattr(rekeying, verb)

    def killed(*arguments, **options):
        if verb == "replace_everywhere":
            real(*arguments, **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        # Before the loads are counted, keys are read with the same function.
        patch.setattr(rekeying, verb, killed)
        with pytest.raises(KeyboardInterrupt):
            rotate(two_days)
    with writer_lock(two_days.settings.lock_file):
        assert "a change of the key" in finish_replacement(two_days.settings)
    new, after = read_key(two_days.settings.key_file, ""), visitors(two_days)
    assert after == {name: new.pseudonym(who) for name, who in zip("abcd", ("ann", "bob", "ann", "dora"), strict=True)}
    assert not {*before.values()} & {*after.values()}
    assert keys_of_loads(two_days) == [(new.key_id,)]
    assert not two_days.settings.replacement_intent.exists()


def test_a_copy_under_a_key_that_was_removed_is_listed_by_an_erasure(two_days, tmp_path):
    """A disk that was not configured at the change of the key, and an older copy in the data root, which was."""
    settings, backup = two_days.settings, tmp_path / "backup"
    backup.mkdir()
    for copy in (backup / "warehouse.duckdb", settings.home / "older.duckdb"):
        shutil.copy(settings.warehouse, copy)
    key_id = read_key(settings.key_file, "").key_id
    key = shutil.copy(settings.key_file, tmp_path / "key")
    rotate(two_days)
    two_days.settings = settings.model_copy(update={"backups": (backup,)})
    certificate = json.loads(erase_person(two_days.settings, "ann").read_text())
    (listed,) = certificate["remaining"]["unreadable"]
    assert listed.startswith(f"{backup / 'warehouse.duckdb'} (loaded with the key {key_id}, which is not kept here")
    assert not certificate["is_clean"]
    # As the message says.
    shutil.copy(key, earlier_key_file(settings.key_file, key_id))
    assert json.loads(erase_person(two_days.settings, "ann").read_text())["is_clean"]
    with duckdb.connect(str(backup / "warehouse.duckdb"), read_only=True) as connection:
        (ann,) = {who for who in visitors(two_days).values() if list(visitors(two_days).values()).count(who) == 2}
        copied = dict(connection.execute("select visit_id, visitor from raw.visits").fetchall())
        assert (copied["a"], copied["c"]) == (ann, ann)
