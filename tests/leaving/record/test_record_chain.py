"""The record of actions: every change of it is found, and a killed command leaves it in order."""

from __future__ import annotations

import json
import os
import pwd
import random
import shutil
import stat
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from dagster_project.cli.verify import _of_record
from dagster_project.private_key import PrivateKeyError
from dagster_project.record import chain, store, who
from dagster_project.record.chain import Anchor, sealed
from dagster_project.settings import Settings
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.tables import ensure_tables
from tests.leaving.end_to_end.command import PROJECT, Command

ENTRIES = 30


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path, _env_file=None)


@pytest.fixture
def record(settings):
    for number in range(ENTRIES):
        store.append(settings, "run", reason=f'"night" {number}', detail={"publication": f"P{number}", "figures": [1]})
    return settings


def test_entries_name_what_was_done_by_whom_when_and_why(settings):
    store.append(settings, "accept", reason="Télécom outage", detail={"source": "calls"})
    returned = store.append(settings, "run", outcome="failed")
    first, second = store.read(settings)
    assert tuple(first) == chain.FIELDS
    assert (first["seq"], first["action"], first["outcome"], first["reason"]) == (1, "accept", "done", "Télécom outage")
    assert first["user"]
    assert first["host"]
    assert first["version"]
    assert first["at"].endswith("+00:00")
    assert second == returned
    assert (second["previous"], second["seq"]) == (first["hash"], 2)
    assert store.faults(settings) == []


def test_the_login_comes_from_the_kernel_and_a_stated_one_says_so(tmp_path):
    name = pwd.getpwuid(0).pw_name
    uid, sudo = tmp_path / "loginuid", {"SUDO_USER": "alice"}
    assert who.login(uid, {}) == ""
    assert who.login(uid, sudo) == "alice (stated)"
    uid.write_text("4294967295", encoding="ascii")
    assert who.login(uid, {}) == ""
    assert who.login(uid, {"SUDO_USER": "al\nice" + "x" * 200}) == "al\\nice" + "x" * 58 + " (stated)"
    uid.write_text("0", encoding="ascii")
    assert who.login(uid, sudo) == name, "a stated name does not replace that of the login"
    uid.write_text("4294967294", encoding="ascii")
    assert who.login(uid, {}) == "4294967294", "a user that was deleted"


def test_an_entry_names_who_logged_in(settings, monkeypatch):
    monkeypatch.setattr(who, "login", lambda: "alice")
    entry = store.append(settings, "erase")
    assert (entry["user"], entry["login"]) == (pwd.getpwuid(os.getuid()).pw_name, "alice")
    assert chain.who_of(entry) == {name: entry[name] for name in ("user", "login", "host", "version")}


def test_the_record_and_its_key_are_private(record):
    for path in (record.record, *record.record.iterdir(), record.key_of_record):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


@pytest.mark.parametrize(("name", "mode"), [("", 0o777), ("record.jsonl", 0o666), ("head", 0o640), (".lock", 0o604)])
def test_a_record_that_is_open_to_others_is_a_fault_with_the_command_that_closes_it(record, name, mode):
    assert _of_record(record, []) == []
    file = record.record / name
    before = file.stat().st_mode
    file.chmod(mode)
    [finding] = _of_record(record, [])
    assert (finding.place, finding.what, finding.is_fault) == (
        str(file),
        f"mode {mode:04o}, so the record is open to other users",
        True,
    )
    subprocess.run(["bash", "-c", "chmod " + finding.advice.partition(": chmod ")[2]], check=True)
    assert (_of_record(record, []), file.stat().st_mode) == ([], before)


def test_a_data_root_without_a_record_has_no_fault(settings):
    assert store.faults(settings) == []
    assert list(store.read(settings)) == []


def lines_of(content: bytes) -> list[bytes]:
    return content.splitlines(keepends=True)


def flip(content, rng):
    changed = bytearray(content)
    changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def edit(content, rng):
    lines = lines_of(content)
    number = rng.randrange(len(lines))
    entry = json.loads(lines[number])
    name = rng.choice([name for name in chain.FIELDS if name != "hash"])
    entry[name] = entry[name] + 1 if name == "seq" else {} if name == "detail" else "else"
    lines[number] = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
    return b"".join(lines)


def delete(content, rng):
    lines = lines_of(content)
    del lines[rng.randrange(len(lines) - 1)]
    return b"".join(lines)


def duplicate(content, rng):
    lines = lines_of(content)
    lines.insert(rng.randrange(len(lines)), rng.choice(lines))
    return b"".join(lines)


def swap(content, rng):
    lines = lines_of(content)
    one, other = rng.sample(range(len(lines)), 2)
    lines[one], lines[other] = lines[other], lines[one]
    return b"".join(lines)


def rechain(entries: list[dict[str, object]], key: bytes) -> bytes:
    """Return entries with new numbers and hashes, as somebody without the key of the record can compute them."""
    content, previous = b"", ""
    for number, entry in enumerate(entries, 1):
        line = sealed(entry | {"seq": number, "previous": previous}, key)
        previous = json.loads(line)["hash"]
        content += line
    return content


def insert(content, rng):
    lines = lines_of(content)
    number = rng.randrange(len(lines))
    entry = json.loads(lines[number]) | {"reason": "forged"}
    lines.insert(number, sealed(entry, rng.randbytes(32)))
    return b"".join(lines)


def forge_at_the_end(content, rng):
    last = json.loads(lines_of(content)[-1])
    return content + sealed(last | {"seq": last["seq"] + 1, "previous": last["hash"]}, rng.randbytes(32))


def recompute(content, rng):
    entries = [json.loads(line) for line in lines_of(content)]
    entries[rng.randrange(len(entries))]["reason"] = "forged"
    return rechain(entries, rng.randbytes(32))


def truncate(content, rng):
    return content[: rng.randrange(len(content) - 1)]


def put_back_an_older_copy(content, rng):
    return b"".join(lines_of(content)[: rng.randrange(1, ENTRIES)])


CHANGES = (
    flip,
    edit,
    delete,
    duplicate,
    swap,
    insert,
    forge_at_the_end,
    recompute,
    truncate,
    put_back_an_older_copy,
)


def test_500_changes_are_all_found(record):
    """The entries alone find most; a record without its last entries is found by the head."""
    content, key = record.record_file.read_bytes(), bytes.fromhex(record.key_of_record.read_text().strip())
    anchor = Anchor("the head", store.head_in_file(record))
    assert chain.faults_of(content, key, [anchor]) == []
    missed, by_entries = [], Counter()
    for seed in range(500):
        change = CHANGES[seed % len(CHANGES)]
        changed = change(content, random.Random(seed))
        assert changed != content
        if not chain.faults_of(changed, key, [anchor]):
            missed.append((change.__name__, seed))
        by_entries[change.__name__] += bool(chain.faults_of(changed, key, []))
    assert missed == []
    needs_the_head = {change.__name__ for change in CHANGES if by_entries[change.__name__] < 500 / len(CHANGES)}
    assert needs_the_head <= {"put_back_an_older_copy", "truncate"}
    assert by_entries["put_back_an_older_copy"] == 0


def test_no_fault_shows_the_content_of_an_entry(record):
    record.record_file.write_bytes(record.record_file.read_bytes().replace(b"night", b"weird"))
    assert len(store.faults(record)) == ENTRIES
    assert not [fault for fault in store.faults(record) if "weird" in fault]


def test_an_older_copy_of_the_whole_folder_is_found_by_the_heads_in_the_warehouse(settings):
    with loading_connection(settings.warehouse) as connection:
        ensure_tables(connection, [])
        store.append(settings, "run", connection=connection)
        older = {path: path.read_bytes() for path in settings.record.iterdir()}
        store.append(settings, "erase", connection=connection)
        for path, content in older.items():
            path.write_bytes(content)
        assert store.faults(settings) == []
        [fault] = store.faults(settings, store.anchors_in_warehouse(connection))
        assert "audit.record_head of the warehouse names entry 2" in fault
        # The next entry leaves the gap, so it does not hide what is missing.
        store.append(settings, "run", connection=connection)
        assert [entry["seq"] for entry in store.read(settings)] == [1, 3]
        assert any("1 entry missing" in fault for fault in store.faults(settings))


def test_a_line_that_is_nested_without_end_is_a_fault(record):
    with record.record_file.open("a") as file:
        file.write("[" * 200_000 + "\n")
    assert any("is not JSON" in fault for fault in store.faults(record))
    assert len(list(store.read(record))) == ENTRIES


def test_a_removed_record_leaves_a_gap(record):
    record.record_file.unlink()
    assert any("entries are missing" in fault for fault in store.faults(record))
    store.append(record, "run")
    assert any(f"line 1 is entry {ENTRIES + 1}" in fault for fault in store.faults(record))


@pytest.mark.parametrize("arguments", [[], ["--all"], ["--json"]])
@pytest.mark.parametrize(
    "lose", [lambda file: file.unlink(), lambda file: file.write_bytes(b"")], ids=["gone", "empty"]
)
def test_a_lost_record_is_not_shown_as_one_that_has_not_begun(record, lose, arguments):
    lose(record.record_file)
    done = Command(record.home).run("record", *arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert f"{record.record_file} is missing or empty, although" in done.stderr
    assert 'fcir record --restart --reason "..."' in done.stderr


def test_a_record_that_has_not_begun_is_shown_as_that(settings):
    done = Command(settings.home).run("record")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Nothing is recorded yet in ")


@pytest.mark.parametrize("left", [1, 20, -2])
def test_an_incomplete_last_line_is_removed_by_the_next_entry_which_says_so(record, left):
    content = record.record_file.read_bytes()
    line = sealed(json.loads(lines_of(content)[-1]) | {"seq": ENTRIES + 1}, b"x" * 32)[:left]
    record.record_file.write_bytes(content + line)
    assert len(store.faults(record)) == 1
    store.append(record, "run")
    assert store.faults(record) == []
    *_, last = store.read(record)
    assert (last["seq"], last["detail"]) == (ENTRIES + 1, {"removed_incomplete_line_bytes": len(line)})


def test_an_entry_that_only_lacks_its_line_end_is_kept(record):
    record.record_file.write_bytes(record.record_file.read_bytes()[:-1])
    store.append(record, "run")
    assert store.faults(record) == []
    assert len(list(store.read(record))) == ENTRIES + 1


def test_a_command_killed_before_it_wrote_the_head_leaves_no_fault(record):
    head = (record.record / "head").read_bytes()
    store.append(record, "run")
    (record.record / "head").write_bytes(head)
    assert store.faults(record) == []
    store.append(record, "run")
    assert store.faults(record) == []


def test_a_cut_off_last_entry_is_found_even_after_the_next_one(record):
    record.record_file.write_bytes(record.record_file.read_bytes()[:-30])
    store.append(record, "run")
    assert any("1 entry missing" in fault for fault in store.faults(record))


def test_a_lost_key_is_a_fault_that_a_new_one_does_not_hide(record):
    record.key_of_record.unlink()
    assert "is missing" in store.faults(record)[0]
    store.append(record, "run")
    assert len(store.faults(record)) >= ENTRIES


def test_the_key_exists_before_the_first_entry_and_a_lost_one_is_not_replaced(settings):
    store.prepare(settings)
    key = settings.key_of_record.read_text()
    store.append(settings, "run")
    assert settings.key_of_record.read_text() == key
    assert store.faults(settings) == []
    settings.key_of_record.unlink()
    store.prepare(settings)
    assert not settings.key_of_record.exists()


def test_a_damaged_key_stops_an_entry_with_what_to_do(record):
    record.key_of_record.write_text("no key")
    with pytest.raises(PrivateKeyError, match="install -m 600"):
        store.append(record, "run")


def test_a_damaged_head_is_a_fault(record):
    (record.record / "head").write_text("{}")
    assert "not readable" in store.faults(record)[0]
    store.append(record, "run")
    *_, last = store.read(record)
    assert last["detail"] == {"head": "not readable"}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda settings: settings.record_file.write_bytes(
            settings.record_file.read_bytes().replace(b"night", b"weird")
        ),
        lambda settings: settings.record_file.write_bytes(b"no record"),
        lambda settings: settings.record_file.unlink(),
        lambda settings: settings.key_of_record.unlink(),
    ],
)
def test_a_new_record_begins_after_the_highest_number_that_is_known(record, spoil):
    elsewhere = Anchor("elsewhere", chain.Head(ENTRIES + 5, "ab"))
    spoil(record)
    before = record.record_file.read_bytes() if record.record_file.exists() else None
    count = len(store.faults(record, [elsewhere]))
    assert count
    aside = store.restart(record, [elsewhere], reason="the cause is known")
    assert (aside.read_bytes() if aside else None) == before
    (entry,) = store.read(record)
    assert (entry["seq"], entry["action"], entry["reason"]) == (ENTRIES + 6, chain.RESTART, "the cause is known")
    assert entry["detail"]["faults"] == count
    store.append(record, "run")
    assert store.faults(record, [elsewhere]) == []


@pytest.mark.parametrize(
    "head",
    ['{"seq":1e999,"hash":"x"}', '{"seq":true,"hash":"x"}', "[" * 100_000, f'{{"seq":1{"0" * 4000},"hash":"x"}}'],
)
def test_a_head_of_any_form_is_a_fault_and_the_record_goes_on(record, head):
    (record.record / "head").write_text(head)
    assert any("is not readable as the newest number and hash" in fault for fault in store.faults(record))
    store.append(record, "run")
    assert store.faults(record) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line + b" ",
        lambda line: line + b"\n",
        lambda line: line[:-1],
        lambda line: line.replace(b"\n", b"\r\n"),
        lambda line: b"\xef\xbb\xbf" + line,
        lambda line: line.decode().encode("utf-16"),
        lambda line: line.replace(b"}", b', "note": 1}'),
        lambda line: line.replace(b"{", b'{"seq": 1, '),
        lambda line: json.dumps(json.loads(line), indent=2).encode() + b"\n",
    ],
    ids=["blank", "line", "no end", "crlf", "mark", "utf-16", "key", "repeated", "indented"],
)
def test_a_head_that_is_written_otherwise_is_a_fault(record, change):
    head = record.record / "head"
    before = head.read_bytes()
    head.write_bytes(change(before))
    [fault] = store.faults(record)
    assert fault.startswith(f"{head} is not ")
    head.write_bytes(before)
    assert store.faults(record) == []


def test_a_head_one_entry_older_than_one_that_the_warehouse_has_is_a_fault(record):
    head = record.record / "head"
    before = head.read_bytes()
    newest = Anchor("the warehouse", chain.head_of(store.append(record, "run")))
    assert store.faults(record, [newest]) == []
    head.write_bytes(before)
    # As a command leaves it that is killed before it writes the head, and then does not note it in the warehouse.
    assert store.faults(record) == []
    [fault] = store.faults(record, [newest])
    assert fault.startswith(f"{head} names entry {ENTRIES}, and the record ends with entry {ENTRIES + 1}")
    head.unlink()
    assert any(f"{head} is missing" in fault for fault in store.faults(record, [newest]))


def test_the_warehouse_notes_a_head_only_after_the_file_has_it(settings, monkeypatch):
    noted = []
    monkeypatch.setattr(store, "note_head", lambda _, head: noted.append((head, store.head_in_file(settings))))
    with loading_connection(settings.warehouse) as connection:
        ensure_tables(connection, [])
        store.append(settings, "run", connection=connection)
    [(head, in_file)] = noted
    assert head == in_file


def test_an_older_or_missing_head_is_a_fault(record):
    head = record.record / "head"
    before = head.read_bytes()
    for _ in range(2):
        store.append(record, "run")
    head.write_bytes(before)
    assert any(f"{head} names entry {ENTRIES}" in fault for fault in store.faults(record))
    head.unlink()
    assert any(f"{head} is missing" in fault for fault in store.faults(record))


def test_numbers_that_no_entry_can_have_are_faults(record):
    lines = record.record_file.read_bytes().splitlines(keepends=True)
    for number in (b"-" + b"9" * 4000, b"9" * 4000, b"0", b"true"):
        changed = lines[1].replace(b'{"seq":2,', b'{"seq":' + number + b",")
        assert changed != lines[1]
        record.record_file.write_bytes(b"".join([lines[0], changed, *lines[2:]]))
        assert any("line 2 does not have the fields" in fault for fault in store.faults(record))


def test_an_earlier_record_stays_as_it_was_moved_aside(record):
    record.record_file.write_bytes(record.record_file.read_bytes().replace(b"night", b"weird"))
    aside = store.restart(record, [], reason="the cause is known")
    content = aside.read_bytes()
    aside.write_bytes(content.replace(b"weird", b"night"))
    assert [fault for fault in store.faults(record) if "is missing or was changed" in fault]
    aside.write_bytes(content)
    assert store.faults(record) == []
    # An erasure says how it leaves the file.
    redacted = store.redactions(record, lambda line: line.replace(b"weird", b"*****"))
    aside.write_bytes(content.replace(b"weird", b"*****"))
    assert store.faults(record)
    store.append(record, "erase", detail={chain.REDACTED: redacted})
    assert store.faults(record) == []


def test_a_record_can_begin_again_more_than_once(record):
    asides = []
    for number in range(3):
        asides.append(store.restart(record, [], reason="the cause is known"))
        store.append(record, "run")
        assert store.faults(record) == [], number
    # An erasure in a later record says how it leaves the first one, and its line is as before the next restart.
    redacted = store.redactions(record, lambda line: line.replace(b"night", b"*****"))
    before = asides[0].read_bytes()
    asides[0].write_bytes(before.replace(b"night", b"*****"))
    store.append(record, "erase", detail={chain.REDACTED: redacted})
    assert store.faults(record) == []
    store.restart(record, [], reason="the cause is known")
    assert store.faults(record) == []
    asides[0].write_bytes(before)
    assert [fault for fault in store.faults(record) if f"{asides[0]}, an earlier record, is missing or" in fault]


def test_a_file_that_no_command_wrote_is_a_fault(record):
    (record.record / "record-20260101T000000.000000Z.jsonl").write_text("{}")
    assert [fault for fault in store.faults(record) if "is not a file of the record" in fault]


@pytest.mark.parametrize("name", ["copy.jsonl", "record-1.jsonl", ".hidden", "record-20260101T000000.000000Z.jsonl~"])
@pytest.mark.parametrize("put", [shutil.copy, lambda file, name: name.symlink_to(file), os.link])
def test_a_copy_of_the_record_under_another_name_than_a_restart_gives_it_is_a_fault(record, name, put):
    put(record.record_file, record.record / name)
    [fault] = store.faults(record)
    assert fault == f"{record.record / name} is not a file of the record"


def test_a_link_to_the_record_under_the_name_of_a_restart_is_a_fault_and_a_copy_is_not(record):
    aside = record.record / "record-20260101T000000.000000Z.jsonl"
    aside.symlink_to(record.record_file)
    assert store.faults(record) == [f"{aside} is not a file of the record"]
    aside.unlink()
    # As a restart that was killed leaves it.
    shutil.copy(record.record_file, aside)
    assert store.faults(record) == []


def test_the_folder_of_the_record_may_be_a_link_to_another_disk(record, tmp_path):
    moved = record.record.rename(tmp_path / "disk")
    record.record.symlink_to(moved)
    store.append(record, "run")
    assert _of_record(record, []) == []


def test_a_link_in_place_of_an_earlier_record_is_a_fault(record, tmp_path):
    aside = store.restart(record, [], reason="the cause is known")
    moved = aside.replace(tmp_path / "elsewhere.jsonl")
    aside.symlink_to(moved)
    assert store.faults(record) == [f"{aside}, an earlier record, is missing or was changed"]


@pytest.mark.parametrize("lines", [1, ENTRIES])
def test_an_earlier_record_in_front_of_the_one_that_continues_it_is_a_fault(record, lines):
    aside = store.restart(record, [], reason="the cause is known")
    store.append(record, "run")
    before = b"".join(aside.read_bytes().splitlines(keepends=True)[-lines:])
    record.record_file.write_bytes(before + record.record_file.read_bytes())
    faults = store.faults(record)
    assert any(f"line {lines + 1}, entry {ENTRIES + 1}, begins a record" in fault for fault in faults)


@pytest.mark.parametrize("name", [".lock", ".head", ".record.jsonl"])
def test_hidden_files_of_the_record_with_other_content_are_faults(record, tmp_path, name):
    file = record.record / name
    for content in (b"planted", record.record_file.read_bytes().splitlines(keepends=True)[-1]):
        file.write_bytes(content)
        assert [fault for fault in store.faults(record) if f"{file} has what no command wrote" in fault]
    file.unlink()
    file.symlink_to(tmp_path / "elsewhere")
    assert [fault for fault in store.faults(record) if f"{file} has what no command wrote" in fault]


@pytest.mark.parametrize("bytes_written", [0, 10, 1000])
def test_drafts_that_a_killed_command_left_are_no_faults(record, monkeypatch, bytes_written):
    def killed(*_):
        raise InterruptedError

    head = (record.record / "head").read_bytes()
    (record.record / ".head").write_bytes(head[:bytes_written])
    assert store.faults(record) == []
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(InterruptedError):
            store.restart(record, [], reason="killed")
    assert (record.record / ".record.jsonl").stat().st_size
    assert store.faults(record) == []


def test_a_record_that_is_a_link_is_a_fault_and_a_device_is_not_read(record, tmp_path):
    moved = record.record_file.replace(tmp_path / "elsewhere.jsonl")
    record.record_file.symlink_to(moved)
    assert any("is a link" in fault for fault in store.faults(record))
    record.record_file.unlink()
    record.record_file.symlink_to("/dev/zero")
    with pytest.raises(OSError, match="not a regular file"):
        store.faults(record)


def test_entries_that_another_command_appends_during_the_check_are_no_fault(record):
    code = (
        "import sys; from pathlib import Path; from dagster_project.record import store; "
        "from dagster_project.settings import Settings; settings = Settings(home=Path(sys.argv[1]), _env_file=None)\n"
        "while True: store.append(settings, 'access')"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(record.home)], cwd=PROJECT) as process:
        try:
            until = ENTRIES + 200
            while (entries := len(list(store.read(record)))) < until:
                assert process.poll() is None
                if entries > ENTRIES:
                    assert store.faults(record) == []
        finally:
            process.kill()


def test_a_restart_that_was_killed_leaves_the_record_before_and_can_be_repeated(record, monkeypatch):
    record.record_file.write_bytes(record.record_file.read_bytes().replace(b"night", b"weird"))
    before, found = record.record_file.read_bytes(), store.faults(record)
    with monkeypatch.context() as patch:
        patch.setattr(store, "_write", lambda *_: (_ for _ in ()).throw(InterruptedError))
        with pytest.raises(InterruptedError):
            store.restart(record, [], reason="killed")
    assert record.record_file.read_bytes() == before
    assert store.faults(record) == found
    store.restart(record, [], reason="again")
    assert store.faults(record) == []
