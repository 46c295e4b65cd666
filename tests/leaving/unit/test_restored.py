"""An older copy of the warehouse, or a lost list of erased people, does not bring an erased person back."""

import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256

import duckdb
import pytest

from dagster_project.clock import utc_now
from dagster_project.loading import suppression
from dagster_project.loading.pseudonyms import PseudonymKeyError
from dagster_project.loading.suppression import PseudonymsUnknown, SuppressionMissing, require_suppression
from dagster_project.privacy import erasure, replacing, restored
from dagster_project.privacy.changed_keys import warning_of_key
from dagster_project.privacy.findings import erased_pseudonyms
from dagster_project.privacy.rekeying import rotate_key
from dagster_project.privacy.restored import erase_restored
from dagster_project.privacy.unfinished import finish_replacement
from dagster_project.record import store
from dagster_project.record.store import append, read, restart
from dagster_project.verification.warehouse import verify_warehouse
from dagster_project.warehouse.lock import writer_lock
from tests.leaving.unit.erasing_helpers import erase_person
from tests.leaving.unit.loading_helpers import CONTRACTS, row


@pytest.fixture
def root(installation, monkeypatch):
    """A data root with two people, and a copy of its warehouse beside it."""
    monkeypatch.setattr(replacing, "orders_of", lambda _: {})
    installation.land("2022-11-01", row("a", visitor="ann"), row("b", visitor="bob"), row("c", visitor="ann"))
    installation.run()
    shutil.copy(installation.settings.warehouse, installation.settings.home.parent / "copy.duckdb")
    return installation


def restore(root):
    shutil.copy(root.settings.home.parent / "copy.duckdb", root.settings.warehouse)


def begin_run(root, contracts=CONTRACTS):
    with writer_lock(root.settings.lock_file):
        return erase_restored(root.settings, contracts)


def visitors(root):
    return dict(root.query("select visit_id, visitor from raw.visits"))


def files_with(root, value):
    return [file for file in root.settings.home.rglob("*") if file.is_file() and value.encode() in file.read_bytes()]


def faults(root):
    findings, _, _ = verify_warehouse(root.settings, CONTRACTS)
    return [str(finding) for finding in findings if finding.is_fault]


def test_a_restored_person_is_found_and_erased_again(root, monkeypatch):
    before = visitors(root)
    erase_person(root.settings, "ann")
    after = visitors(root)
    with monkeypatch.context() as patch:
        # A run compares two hashes; only a restore has everything searched.
        patch.setattr(restored, "erased_pseudonyms", lambda *_: 1 / 0)
        assert begin_run(root) is None
    assert faults(root) == []
    restore(root)
    assert visitors(root) == before
    expected = "raw.visits.visitor: 2 rows with pseudonyms of people who were erased, as after a restore"
    assert [fault for fault in faults(root) if fault.startswith(expected)]
    assert "1 pseudonym of erased people were there again" in begin_run(root)
    assert visitors(root) == after
    assert files_with(root, before["a"]) == []
    assert faults(root) == []
    ((replaced_at,),) = root.query("select pseudonyms_replaced_at from audit.load")
    assert replaced_at
    assert [entry["outcome"] for entry in read(root.settings) if entry["action"] == "erase_again"] == ["done"]
    assert begin_run(root) is None


def test_a_restored_person_is_erased_by_the_run_after_another_erasure(root):
    before = visitors(root)
    erase_person(root.settings, "ann")
    restore(root)
    # Its list has ann, whom the warehouse has again.
    erase_person(root.settings, "bob")
    assert begin_run(root)
    assert not {*before.values()} & {*visitors(root).values()}


def install_key(root, content):
    root.settings.key_file.write_bytes(content)


def rotate(root):
    with writer_lock(root.settings.lock_file):
        return rotate_key(root.settings, CONTRACTS, reason="the old key was copied")


def test_a_person_erased_after_a_change_of_the_key_is_found_in_a_copy_with_the_key_of_before(root):
    before, key = visitors(root), root.settings.key_file.read_bytes()
    rotate(root)
    erase_person(root.settings, "ann")
    after = visitors(root)
    restore(root)
    with pytest.raises(PseudonymKeyError, match="not the key that this warehouse was loaded with"):
        begin_run(root)
    install_key(root, key)
    assert visitors(root) == before
    expected = "may have people again who were erased after the key was changed"
    assert [fault for fault in faults(root) if expected in fault]
    assert "1 pseudonym of erased people were there again" in begin_run(root)
    assert visitors(root) == {"a": after["a"], "b": before["b"], "c": after["c"]}
    assert files_with(root, before["a"]) == []
    assert begin_run(root) is None
    (fault,) = faults(root)
    for said in (fault, warning_of_key(root.settings)):
        assert "is the current one again" in said
        assert "fcir keys rotate" in said
    rotate(root)
    assert warning_of_key(root.settings) is None
    assert faults(root) == []


def test_a_person_in_a_column_that_has_left_its_contract_is_found_in_a_copy_with_the_key_of_before(root):
    before, key = visitors(root), root.settings.key_file.read_bytes()
    root.contracts = {
        name: replace(contract, columns=contract.columns[:-1], version="2.0.0") for name, contract in CONTRACTS.items()
    }
    root.run()
    shutil.copy(root.settings.warehouse, root.settings.home.parent / "copy.duckdb")
    with writer_lock(root.settings.lock_file):
        rotate_key(root.settings, root.contracts, reason="yearly")
    erase_person(root.settings, "ann", contracts=root.contracts)
    restore(root)
    install_key(root, key)
    (file,) = root.settings.landing.rglob("visits_*")
    elsewhere = file.rename(root.settings.home.parent / file.name)
    with pytest.raises(PseudonymsUnknown, match=r"visits_2022-11-01.*: 2 values"):
        begin_run(root, root.contracts)
    elsewhere.rename(file)
    assert "1 pseudonym of erased people were there again" in begin_run(root, root.contracts)
    assert visitors(root)["b"] == before["b"]
    assert files_with(root, before["a"]) == []


def test_people_who_cannot_be_found_under_a_key_of_before_have_to_be_erased_again(root):
    before, key = visitors(root), root.settings.key_file.read_bytes()
    rotate(root)
    erase_person(root.settings, "ann")
    erase_person(root.settings, "bob")
    restore(root)
    install_key(root, key)
    (file,) = root.settings.landing.rglob("visits_*")
    file.rename(root.settings.home.parent / file.name)
    message = r"(?s)people were erased after it.* are not known.*visits_2022-11-01.*: {}.*fcir erase"
    for _ in range(2):
        # It never notes the list as applied.
        with pytest.raises(PseudonymsUnknown, match=message.format("2 values")):
            begin_run(root)
    assert visitors(root) == before
    assert [fault for fault in faults(root) if "may have people again" in fault]
    erase_person(root.settings, "ann")
    with pytest.raises(PseudonymsUnknown, match=message.format("1 value")):
        begin_run(root)
    erase_person(root.settings, "bob")
    begin_run(root)
    assert not {*before.values()} & {*visitors(root).values()}
    assert not [fault for fault in faults(root) if "may have people again" in fault]


def test_only_keys_of_before_an_erasure_need_the_landing_folder(root):
    """The key that was made after ann was erased has made no pseudonym of hers."""
    erase_person(root.settings, "ann")
    rotate(root)
    before = visitors(root)
    shutil.copy(root.settings.warehouse, root.settings.home.parent / "copy.duckdb")
    erase_person(root.settings, "bob")
    restore(root)
    shutil.rmtree(root.settings.landing)
    assert "1 pseudonym of erased people were there again" in begin_run(root)
    assert visitors(root)["b"] != before["b"]
    assert faults(root) == []


def test_a_clock_that_was_ahead_at_a_change_of_the_key_brings_no_person_back(root, monkeypatch):
    class Ahead(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(hours=3)

    with monkeypatch.context() as patch:
        patch.setattr(store, "datetime", Ahead)
        rotate(root)
    before, key = visitors(root), root.settings.key_file.read_bytes()
    shutil.copy(root.settings.warehouse, root.settings.home.parent / "copy.duckdb")
    rotate(root)
    erase_person(root.settings, "ann")
    restore(root)
    install_key(root, key)
    assert "1 pseudonym of erased people were there again" in begin_run(root)
    assert before["a"] not in visitors(root).values()


def test_erasing_again_is_finished_after_it_was_killed(root, monkeypatch):
    erase_person(root.settings, "ann")
    after = visitors(root)
    restore(root)
    with monkeypatch.context() as patch:
        patch.setattr(restored, "save_history", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            begin_run(root)
    with writer_lock(root.settings.lock_file):
        assert "were there again" in finish_replacement(root.settings)
    # The entry was written before the kill.
    assert [entry["outcome"] for entry in read(root.settings) if entry["action"] == "erase_again"] == ["done"]
    assert visitors(root) == after
    assert begin_run(root) is None


def test_a_restored_copy_of_an_earlier_version_is_searched_once(root):
    erase_person(root.settings, "ann")
    with duckdb.connect(str(root.settings.warehouse)) as connection:
        connection.execute("drop table audit.suppression_list; drop table audit.root")
    assert begin_run(root) is None
    assert root.query("select count(*) from audit.suppression_list") == [(1,)]


def test_nothing_is_loaded_or_rotated_without_the_list_that_the_record_names(root):
    erase_person(root.settings, "ann")
    (root.settings.suppression / "suppressed.json").unlink()
    root.land("2022-11-02", row("d", day="2022-11-02", visitor="ann"))
    message = r"suppressed.json: the list of erased people is missing, .* Restore .*suppression from its backup"
    with pytest.raises(SuppressionMissing, match=message):
        root.run()
    with writer_lock(root.settings.lock_file), pytest.raises(SuppressionMissing):
        rotate_key(root.settings, CONTRACTS, reason="yearly")
    with pytest.raises(SuppressionMissing):
        begin_run(root)
    assert [fault for fault in faults(root) if "the list of erased people is missing" in fault]
    erase_person(root.settings, "ann")
    root.run()
    assert visitors(root)["d"] == suppression.read_suppression(root.settings.suppression).find("ann").substitute


@pytest.fixture
def root_without_list(root):
    """The data root after both people were erased, without its list, whose copy of after the first is beside it."""
    erase_person(root.settings, "ann")
    shutil.copy(list_of(root), list_of(root).with_name("older.json"))
    erase_person(root.settings, "bob")
    list_of(root).unlink()
    return root


def list_of(root):
    return root.settings.suppression / "suppressed.json"


def test_nothing_is_loaded_until_all_people_of_a_lost_list_are_erased_again(root_without_list):
    settings = root_without_list.settings
    message = r"suppressed.json: the list of erased people has 1 person, and the record says 2. Nothing was done, "
    for _ in range(2):
        # The second time, the list does not grow.
        erase_person(settings, "ann")
        with pytest.raises(SuppressionMissing, match=message):
            require_suppression(settings)
    with pytest.raises(SuppressionMissing, match=message):
        root_without_list.run()
    assert [fault for fault in faults(root_without_list) if "has 1 person, and the record says 2" in fault]
    erase_person(settings, "bob")
    assert len(require_suppression(settings).entries) == 2
    assert faults(root_without_list) == []


def test_nothing_is_loaded_with_an_older_list(root_without_list):
    list_of(root_without_list).with_name("older.json").rename(list_of(root_without_list))
    with pytest.raises(SuppressionMissing, match="has 1 person, and the record says 2"):
        require_suppression(root_without_list.settings)


def test_an_erasure_that_is_finished_notes_the_people_on_the_list_too(root, monkeypatch):
    erase_person(root.settings, "ann")
    with monkeypatch.context() as patch:
        patch.setattr(erasure, "replace_everywhere", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            erase_person(root.settings, "bob")
    with writer_lock(root.settings.lock_file):
        finish_replacement(root.settings)
    noted = [entry["detail"]["people_on_list"] for entry in read(root.settings) if entry["action"] == "erase"]
    assert noted == [1, 2]
    assert len(require_suppression(root.settings).entries) == 2


def test_a_record_that_began_again_still_says_how_many_people_were_erased(root_without_list):
    settings = root_without_list.settings
    settings.record_file.write_bytes(settings.record_file.read_bytes().replace(b'"request 4711"', b'"request 4712"'))
    restart(settings, [], reason="it was changed")
    with pytest.raises(SuppressionMissing, match="the list of erased people is missing"):
        require_suppression(settings)
    erase_person(settings, "ann")
    with pytest.raises(SuppressionMissing, match="has 1 person, and the record says 2"):
        require_suppression(settings)


@pytest.mark.parametrize("detail", [{}, *({"people_on_list": number} for number in ("2", True, -1))])
def test_an_entry_whose_number_of_people_was_changed_says_that_one_was_erased(root, detail):
    append(root.settings, "erase", detail=detail)
    with pytest.raises(SuppressionMissing, match="the list of erased people is missing"):
        require_suppression(root.settings)
    suppression.suppress(root.settings.suppression, "a", "b", utc_now())
    assert len(require_suppression(root.settings).entries) == 1


def test_only_databases_are_opened_for_pseudonyms_and_each_once(root, monkeypatch):
    old, home, published = visitors(root)["a"], root.settings.home, root.settings.published
    for name in ("first", "second"):
        (published / name).mkdir(parents=True)
        (published / name / "page.html").write_text(old)
    with duckdb.connect(str(published / "first" / "fcir.duckdb")) as connection:
        connection.execute("create table fct_visit as select ? as visitor", [old])
    (published / "second" / "fcir.duckdb").hardlink_to(published / "first" / "fcir.duckdb")
    connect, opened = duckdb.connect, []
    monkeypatch.setattr(duckdb, "connect", lambda *given, **options: opened.append(1) or connect(*given, **options))
    hashed = sha256(old.encode()).hexdigest()
    assert erased_pseudonyms(root.settings, CONTRACTS, {hashed: "a" * 32}) == {old: "a" * 32}
    assert len(opened) == len({file.stat().st_ino for file in home.rglob("*.duckdb")})


def test_nothing_spills_into_the_working_folder(root, monkeypatch):
    """An in-memory database would by default."""
    home, connect, spilling = root.settings.home, duckdb.connect, set()
    duckdb.sql("select ? as who", params=[visitors(root)["a"]]).write_parquet(str(home / "a.parquet"))

    def noting(database=":memory:", **options):
        connection = connect(database, **options)
        if database == ":memory:":
            spilling.add(connection.execute("select current_setting('temp_directory')").fetchone()[0])
        return connection

    monkeypatch.setattr(duckdb, "connect", noting)
    erase_person(root.settings, "ann")
    restore(root)
    begin_run(root)
    assert spilling == {"", str(home / "warehouse.duckdb.tmp"), str(home / "marts.duckdb.tmp")}
    assert duckdb.read_parquet(str(home / "a.parquet")).fetchall() == [(visitors(root)["a"],)]
