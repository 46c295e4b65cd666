"""`fcir verify` finds every changed, missing or additional file, and a warehouse that differs from its audit."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest
import typer

from dagster_project.cli import verify as verify_command
from dagster_project.contracts import load_contracts
from dagster_project.publication.files import damaged_file
from dagster_project.record import store
from dagster_project.settings import CONTRACTS, Settings
from dagster_project.verification import publications
from dagster_project.verification.finding import Finding
from dagster_project.verification.publications import Verified, verify_publications
from dagster_project.verification.warehouse import verify_warehouse
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.lock import WarehouseLocked
from tests.leaving.end_to_end.command import Command
from tests.leaving.unit.test_lock import held_elsewhere


@pytest.fixture(scope="module")
def settings(undisturbed, tmp_path_factory):
    home = tmp_path_factory.mktemp("verify") / "home"
    shutil.copytree(undisturbed.home, home, symlinks=True)
    return Settings(home=home, _env_file=None)


@pytest.fixture
def folder(settings):
    return (settings.published / "current").resolve()


@pytest.fixture(autouse=True)
def usual_umask():
    """The tests write files into publications, which are writable for their owner only."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def found(settings):
    return verify_publications(settings, list(store.read(settings))).findings


def in_warehouse(settings):
    return verify_warehouse(settings, load_contracts(CONTRACTS))[0]


def test_an_undisturbed_data_root_has_no_fault(settings):
    command = Command(settings.home)
    done = command.run("verify")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Verified 1 publication (")
    assert done.stdout.endswith(": no fault.\n")


@pytest.mark.parametrize("name", ["board_paper.pdf", "index.html", "fcir.duckdb", "parquet", "manifest.json"])
def test_a_flipped_bit_in_a_published_file_is_found(settings, folder, name):
    file = folder / name if name != "parquet" else sorted(folder.glob("parquet/**/*.parquet"))[0]
    content, times = file.read_bytes(), file.stat()
    for seed in range(10):
        rng = random.Random(seed)
        changed = bytearray(content)
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
        file.write_bytes(changed)
        assert {finding.place for finding in found(settings)} >= {str(file)}
    [finding] = [finding for finding in found(settings) if finding.place == str(file)]
    assert "fcir publish" in finding.advice
    file.write_bytes(content)
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert found(settings) == []


def test_missing_additional_and_replaced_files_are_found(settings, folder):
    page = folder / "index.html"
    content = page.read_bytes()
    page.unlink()
    assert [(item.place, item.what) for item in found(settings)] == [(str(page), "missing")]
    page.symlink_to("/etc/hostname")
    assert "not a file" in {item.what for item in found(settings)}
    page.unlink()
    page.write_bytes(content)
    extra = folder / "quality" / "extra.html"
    extra.write_text("")
    [finding] = found(settings)
    assert (finding.place, finding.advice.endswith(f"rm {extra}")) == (str(extra), True)
    extra.unlink()


def test_a_link_in_place_of_a_folder_of_a_publication_is_not_advised_to_be_removed(settings, folder, tmp_path):
    moved = tmp_path / "quality"
    shutil.move(folder / "quality", moved)
    (folder / "quality").symlink_to(moved)
    [finding] = found(settings)
    assert (finding.place, "a link in place of a folder" in finding.what) == (str(folder / "quality"), True)
    assert " rm " not in finding.advice
    assert finding.advice.endswith("fcir publish")
    (folder / "quality").unlink()
    shutil.move(moved, folder / "quality")
    assert found(settings) == []


@pytest.mark.parametrize(
    ("mode", "name", "what"),
    [
        (0o777, "", "mode 0777, so other users may change it"),
        (0o664, "index.html", "mode 0664, so other users may change it"),
        (0o646, "manifest.json", "mode 0646, so other users may change it"),
        (0o600, "fcir.duckdb", "mode 0600, so readers cannot open it"),
        (0o750, "quality", "mode 0750, so readers cannot open it"),
    ],
)
def test_a_mode_of_a_publication_that_opens_or_closes_it_is_found(settings, folder, mode, name, what):
    place = folder / name
    before = place.stat().st_mode
    place.chmod(mode)
    [finding] = found(settings)
    assert (finding.place, finding.what, finding.is_fault) == (str(place), what, True)
    subprocess.run(["bash", "-c", "chmod " + finding.advice.partition(": chmod ")[2]], check=True)
    assert found(settings) == []
    place.chmod(before)


def test_many_open_files_of_a_publication_are_one_finding(settings, folder):
    pages = sorted(folder.glob("*.html"))
    for page in pages:
        page.chmod(0o666)
    [finding] = found(settings)
    assert finding.what.endswith(f"(as {len(pages) - 1} more of this publication)")
    for page in pages:
        page.chmod(0o644)


def test_an_open_folder_of_publications_and_open_databases_are_found(settings):
    opened = {settings.published: 0o777, settings.warehouse: 0o666, settings.marts: 0o640}
    before = {path: path.stat().st_mode for path in opened}
    for path, mode in opened.items():
        path.chmod(mode)
    findings = [*found(settings), *in_warehouse(settings)]
    assert {Path(finding.place): f"mode {opened[Path(finding.place)]:04o}" for finding in findings} == {
        Path(finding.place): finding.what[:9] for finding in findings
    }
    assert [Path(finding.place) for finding in findings] == list(opened)
    for finding in findings:
        subprocess.run(["bash", "-c", "chmod " + finding.advice.partition(": chmod ")[2]], check=True)
    assert [*found(settings), *in_warehouse(settings)] == []
    for path, mode in before.items():
        path.chmod(mode)


def test_a_manifest_that_was_changed_with_its_file_is_found_by_the_record(settings, folder):
    page, manifest = folder / "index.html", folder / "manifest.json"
    before = page.read_bytes(), manifest.read_bytes()
    page.write_bytes(b"forged")
    from hashlib import sha256

    content = json.loads(before[1])
    [entry] = [file for file in content["files"] if file["path"] == "index.html"]
    entry |= {"bytes": 6, "sha256": sha256(b"forged").hexdigest()}
    manifest.write_text(json.dumps(content))
    [finding] = found(settings)
    assert finding.place == str(manifest)
    assert "the record of actions has SHA-256" in finding.what
    entry["path"] = "../../warehouse.duckdb"
    manifest.write_text(json.dumps(content))
    assert any("not readable as a manifest" in item.what for item in found(settings))
    page.write_bytes(before[0])
    manifest.write_bytes(before[1])


def test_a_publication_that_the_record_does_not_have_is_found(settings, folder):
    forged = folder.with_name("20991231T000000Z-0f0f0f0f")
    shutil.copytree(folder, forged)
    [finding] = found(settings)
    assert finding.place == str(forged / "manifest.json")
    assert "no entry for this publication" in finding.what
    shutil.rmtree(forged)


@pytest.mark.parametrize("name", ["a; touch owned", "$(touch owned)", "it's `touch owned`", "two\nlines 'x'"])
def test_a_copied_command_about_a_hostile_name_removes_only_that_file(settings, folder, tmp_path, name):
    extra = folder / name
    extra.write_text("")
    [finding] = found(settings)
    assert "\n" not in str(finding)
    command = "rm " + finding.advice.partition(": rm ")[2]
    subprocess.run(["bash", "-c", command], cwd=tmp_path, check=True)
    assert list(tmp_path.iterdir()) == []
    assert found(settings) == []


def test_a_link_in_place_of_a_publication_and_a_file_beside_it_are_found(settings, folder, tmp_path):
    moved = tmp_path / folder.name
    shutil.move(folder, moved)
    folder.symlink_to(moved)
    stray = settings.published / "index.html"
    stray.write_text("")
    places = {item.place: item.what for item in found(settings)}
    assert "a link" in places[str(folder)]
    assert "not a folder" in places[str(stray)]
    stray.unlink()
    folder.unlink()
    shutil.move(moved, folder)
    assert found(settings) == []


def test_a_folder_of_publications_that_is_a_link_is_verified_through_it(settings, folder, tmp_path):
    moved = tmp_path / "published"
    shutil.move(settings.published, moved)
    settings.published.symlink_to(moved)
    assert found(settings) == []
    manifest = moved / folder.name / "manifest.json"
    content = manifest.read_bytes()
    manifest.write_text("{}")
    assert "Readers have it as it is" in found(settings)[0].advice
    manifest.write_bytes(content)
    settings.published.unlink()
    shutil.move(moved, settings.published)
    assert found(settings) == []


def test_a_pointer_to_itself_is_found(settings, folder):
    pointer = settings.published / "current"
    pointer.unlink()
    pointer.symlink_to("current")
    assert [item.place for item in found(settings)] == [str(pointer)]
    pointer.unlink()
    pointer.symlink_to(folder.name)


def test_a_lost_folder_of_publications_is_found(settings, tmp_path):
    newest = (settings.published / "current").resolve().name
    shutil.move(settings.published, tmp_path / "published")
    assert [(item.place, item.what.partition(";")[0]) for item in found(settings)] == [
        (str(settings.published / newest), "missing")
    ]
    shutil.move(tmp_path / "published", settings.published)


def record_with(settings, *publications):
    """The entries of the record, and those of other publications."""
    entries = list(store.read(settings))
    new = [{"action": "manifest", "detail": {"publication": name, "sha256": "0"}} for name in publications]
    return [*entries, *new]


def test_readers_who_are_pointed_to_an_earlier_publication_are_a_warning(settings, folder):
    later = folder.with_name("20991231T000000Z-0f0f0f0f")
    shutil.copytree(folder, later)
    entries = record_with(settings, f"published/{later.name}")
    [pointer] = [item for item in verify_publications(settings, entries).findings if item.place.endswith("/current")]
    assert (pointer.what, pointer.is_fault) == (
        f"leads to {folder.name}, an earlier publication than {later.name}",
        False,
    )
    shutil.rmtree(later)
    # Without the newest folder, the pointer would seem right.
    [missing] = [item for item in verify_publications(settings, entries).findings if item.is_fault]
    assert missing.place == str(later)


def test_an_edition_that_is_no_longer_there_is_a_warning_and_an_empty_one_a_fault(settings):
    entries = record_with(settings, "published_public/20991231T000000Z-0f0f0f0f")
    [finding] = verify_publications(settings, entries).findings
    assert (finding.place, finding.is_fault) == (str(settings.published_public), False)
    settings.published_public.mkdir()
    [finding] = verify_publications(settings, entries).findings
    settings.published_public.rmdir()
    assert finding.is_fault


@pytest.mark.parametrize("name", ["published/.evil.html", "published/.evil/page.html", "published_force/zz/page.html"])
def test_what_is_hidden_beside_publications_is_found(settings, name):
    file = settings.home / name
    file.parent.mkdir(exist_ok=True, parents=True)
    file.write_text("<b>")
    faults = [item.place for item in found(settings) if item.is_fault]
    top = settings.home / Path(name).parts[0]
    file.unlink()
    while file.parent != settings.home and not any(file.parent.iterdir()):
        file = file.parent
        file.rmdir()
    assert faults
    assert all(place.startswith(str(top)) for place in faults)


def test_a_pipe_in_place_of_a_manifest_does_not_stop_the_comparison(settings, folder):
    manifest = folder / "manifest.json"
    manifest.rename(folder.parent / "kept.json")
    os.mkfifo(manifest)
    places = {item.place for item in found(settings)}
    done = Command(settings.home).run("verify")
    manifest.unlink()
    (folder.parent / "kept.json").rename(manifest)
    assert str(manifest) in places
    assert (done.returncode, done.stdout) == (2, "")
    assert "manifest.json is a named pipe" in done.stderr


@pytest.mark.parametrize(
    ("content", "damaged"),
    [
        ("[" * 200_000, "manifest.json"),
        ('{"files": [{"path": "a\\u0000", "bytes": 1, "sha256": ""}]}', "manifest.json"),
        ("[]", "manifest.json"),
        # These name a file that is missing.
        ('{"files": [{"path": "a", "bytes": 1e999, "sha256": ""}]}', "a"),
        (f'{{"files": [{{"path": "{"a" * 300}", "bytes": 1, "sha256": ""}}]}}', "a" * 300),
    ],
)
def test_a_manifest_of_any_form_is_a_finding(settings, folder, content, damaged):
    manifest = folder / "manifest.json"
    before = manifest.read_bytes()
    manifest.write_text(content)
    assert str(manifest) in {item.place for item in found(settings)}
    assert damaged_file(folder)[0] == folder / damaged
    manifest.write_bytes(before)


@pytest.mark.parametrize(
    ("field", "value"), [("detail", {}), ("detail", "x"), ("detail", {"publication": []}), ("at", 5), ("previous", {})]
)
def test_a_changed_entry_of_a_manifest_is_a_fault_and_not_an_error(settings, tmp_path, field, value):
    shutil.copytree(settings.home, tmp_path / "home", symlinks=True)
    command = Command(tmp_path / "home")
    record = command.home / "record" / "record.jsonl"
    lines = record.read_text().splitlines(keepends=True)
    number = next(number for number, line in enumerate(lines) if '"action":"manifest"' in line)
    lines[number] = json.dumps(json.loads(lines[number]) | {field: value}, separators=(",", ":")) + "\n"
    record.write_text("".join(lines))
    done = command.run("verify")
    assert (done.returncode, done.stderr) == (1, "")
    assert f"{record}: line {number + 1}" in done.stdout
    assert command.run("record").returncode == 0


def test_a_pointer_to_nothing_is_found(settings, folder):
    pointer = settings.published / "current"
    pointer.unlink()
    [finding] = found(settings)
    assert finding.place == str(pointer)
    pointer.symlink_to(folder.name)


CHANGES = {
    "raw.live_chats": "delete from raw.live_chats where source_row = 2",
    "staging.stg_crimes": "delete from raw.crimes where extract_date = '2022-10-30'",
    "audit.load, load": "update audit.load set rows_read = rows_read + 1 where source = 'crimes'",
    "marts.duckdb": "update audit.marts_file set size = size + 1",
}


@pytest.mark.parametrize("place", CHANGES)
def test_a_warehouse_that_differs_from_its_audit_is_found(settings, tmp_path, place):
    shutil.copytree(settings.home, tmp_path / "home", symlinks=True)
    changed = settings.model_copy(update={"home": tmp_path / "home"})
    assert in_warehouse(changed) == []
    with loading_connection(changed.warehouse) as connection:
        connection.execute(CHANGES[place])
    findings = in_warehouse(changed)
    assert [item for item in findings if place in item.place], findings
    assert all(item.is_fault for item in findings)


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda file: shutil.rmtree(file.parent), "missing"),
        (lambda file: file.write_bytes(b""), "not a whole database"),
        (lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]), "audit.duckdb"),
    ],
)
def test_a_lost_copy_of_the_audit_is_found_and_written_again_although_nothing_is_new(settings, tmp_path, spoil, what):
    shutil.copytree(settings.home, tmp_path / "home", symlinks=True)
    command = Command(tmp_path / "home")
    file = command.home / "history" / "audit.duckdb"
    spoil(file)
    verified = command.run("verify")
    assert verified.returncode == 1
    assert str(file) in verified.stdout
    assert what in verified.stdout
    done = command.run("run")
    assert "Nothing is new" in done.stdout
    assert f"warning: {file}: " in done.stdout
    assert command.run("verify").returncode == 0


def test_an_unreadable_part_of_the_warehouse_is_found_and_names_the_next_command(settings, tmp_path):
    shutil.copytree(settings.home, tmp_path / "home", symlinks=True)
    command = Command(tmp_path / "home")
    file = command.home / "warehouse.duckdb"
    content = bytearray(file.read_bytes())
    for offset in range(3 * 4096 + 100, len(content), 4096):
        content[offset] ^= 0xFF
    file.write_bytes(content)
    done = command.run("verify")
    assert done.returncode == 1
    assert str(file) in done.stdout
    assert "fcir rebuild" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_another_key_and_a_changed_record_are_found(settings, tmp_path):
    shutil.copytree(settings.home, tmp_path / "home", symlinks=True)
    command = Command(tmp_path / "home")
    (command.home / "secrets" / "pseudonym.key").write_text("ab" * 32)
    record = command.home / "record" / "record.jsonl"
    record.write_bytes(record.read_bytes().replace(b"nightly", b"monthly"))
    done = command.run("verify")
    assert done.returncode == 1
    assert "not the key that this warehouse was loaded with" in done.stdout
    assert "changed after it was written" in done.stdout
    with duckdb.connect(str(command.home / "warehouse.duckdb")) as connection:
        connection.execute("update audit.record_head set hash = 'x'")
    assert "audit.record_head of the warehouse names another entry" in command.run("verify").stdout


def test_a_missing_earlier_key_that_rows_were_loaded_with_is_found(settings, tmp_path):
    shutil.copytree(settings.home, tmp_path / "home", symlinks=True)
    command = Command(tmp_path / "home")
    with duckdb.connect(str(command.home / "warehouse.duckdb")) as connection:
        connection.execute("update audit.load set key_id = '0123abcd' where load_id = 1")
    done = command.run("verify")
    assert (done.returncode, "the key 0123abcd is missing" in done.stdout) == (1, True), done.stdout
    assert "install -m 600 COPY_OF_THE_KEY" in done.stdout


def test_a_new_record_begins_for_a_reason_and_knows_the_publications_that_were_recorded(settings, tmp_path):
    shutil.copytree(settings.home, tmp_path / "home", symlinks=True)
    command = Command(tmp_path / "home")
    restart = ("record", "--restart", "--reason", "the disk was lost")
    refused = command.run(*restart)
    assert (refused.returncode, "has no fault; nothing was done" in refused.stderr) == (2, True)
    record = command.home / "record" / "record.jsonl"
    record.write_bytes(record.read_bytes().replace(b"nightly", b"monthly"))
    assert "fcir record --restart" in command.run("verify").stdout
    without_reason = command.run("record", "--restart")
    assert (without_reason.returncode, "--reason is required" in without_reason.stderr) == (2, True)
    done = command.run(*restart)
    assert (done.returncode, "A new record begins" in done.stdout) == (0, True), done.stdout + done.stderr
    verified = command.run("verify")
    assert (verified.returncode, verified.stdout.endswith(": no fault.\n")) == (0, True), verified.stdout


def test_a_new_record_does_not_know_a_manifest_that_the_one_before_contradicts(settings, folder, tmp_path):
    shutil.copytree(settings.home, tmp_path / "home", symlinks=True)
    command = Command(tmp_path / "home")
    manifest = command.home / folder.relative_to(settings.home) / "manifest.json"
    manifest.write_bytes(manifest.read_bytes() + b"\n")
    record = command.home / "record" / "record.jsonl"
    record.write_bytes(record.read_bytes().replace(b"nightly", b"monthly"))
    done = command.run("record", "--restart", "--reason", "the cause is known")
    assert "is not the one that was recorded" in done.stdout, done.stdout + done.stderr
    verified = command.run("verify")
    assert verified.returncode == 1
    assert "has no entry for this publication" in verified.stdout


@pytest.mark.parametrize("meanwhile", ["nothing", "a publication", "a run that has not ended"])
def test_what_another_command_changes_meanwhile_is_no_fault(tmp_path, monkeypatch, capsys, meanwhile):
    settings = Settings(home=tmp_path, _env_file=None)
    monkeypatch.setattr(verify_command, "start", lambda **_: settings)
    store.append(settings, "run")
    with contextlib.ExitStack() as stack:

        def verified(*_):
            if meanwhile == "a publication":
                store.append(settings, "manifest")
            elif meanwhile != "nothing":
                stack.enter_context(held_elsewhere(settings.lock_file))
            return Verified(findings=[Finding("published/one/manifest.json", "not in the record", "Publish again")])

        monkeypatch.setattr(publications, "verify_publications", verified)
        context = SimpleNamespace(obj=False)
        if meanwhile == "nothing":
            with pytest.raises(typer.Exit):
                verify_command.verify(context)
            assert "1 fault" in capsys.readouterr().out
        else:
            with pytest.raises(WarehouseLocked, match=r"while it was verified.* run again: fcir verify"):
                verify_command.verify(context)
