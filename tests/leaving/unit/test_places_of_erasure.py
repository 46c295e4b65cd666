"""An erasure goes through every file of the data root and of backups, and names what it cannot read or write."""

import json
import os
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
import typst

from dagster_project.privacy import replacing
from dagster_project.privacy.replacing import rewrite_files
from dagster_project.publication.files import CONTENT, MANIFEST
from dagster_project.record.store import read
from dagster_project.settings import Settings
from tests.leaving.unit.erasing_helpers import erase_person
from tests.leaving.unit.loading_helpers import Installation, row

CRIME = "46/777777/22"


@pytest.fixture
def root(installation, monkeypatch):
    """A data root with a person in it."""
    monkeypatch.setattr(replacing, "orders_of", lambda _: {})
    installation.land("2022-11-01", row("a", visitor=CRIME), row("b", visitor="bob"))
    installation.run()
    return installation


def erased(settings):
    """Erase the person; return the certificate, with the outcome in the record."""
    certificate = json.loads(erase_person(settings, CRIME).read_text())
    assert not settings.replacement_intent.exists()
    (outcome,) = (entry["outcome"] for entry in read(settings) if entry["action"] == "erase")
    assert outcome == ("done" if certificate["is_clean"] else "incomplete")
    return certificate


@pytest.mark.parametrize("content", ['{"tool": "backup 1.2"}', "[]", "x", '{"files": {}, "tables": {}}'])
def test_a_manifest_of_another_program_makes_no_publication(root, tmp_path, content):
    backup = tmp_path / "backup"
    backup.mkdir()
    (backup / "warehouse.duckdb").write_bytes(root.settings.warehouse.read_bytes())
    folders = [backup, root.settings.home / "site", root.settings.home / "dbt"]
    for folder in folders:
        folder.mkdir(exist_ok=True)
        (folder / MANIFEST).write_text(content)
        (folder / "page.html").write_text(f"<p>{CRIME}</p>")
    certificate = erased(root.settings.model_copy(update={"backups": (backup,)}))
    assert certificate["is_clean"]
    assert certificate["held_before"]["files"] == {"site/page.html": 1, "dbt/page.html": 1}
    assert certificate["held_before"]["publications"] == {}
    for folder in folders:
        assert CRIME not in (folder / "page.html").read_text()
        assert (folder / MANIFEST).read_text() == content


@pytest.mark.parametrize(
    ("content", "damage"),
    [
        ('{"files": [{"path"', "JSONDecodeError"),
        ("[]", "TypeError"),
        ('{"files": [{"path": "fcir.duckdb"}], "tables": {"gone": 1}}', "CatalogException"),
    ],
)
def test_a_publication_whose_manifest_is_damaged_is_rewritten_and_listed(root, content, damage):
    folder = root.settings.published / "20221101T000000Z-aaaaaaaa"
    folder.mkdir(parents=True)
    (folder / "page.html").write_text(f"<p>{CRIME}</p>")
    (folder / "fcir.duckdb").write_bytes(root.settings.warehouse.read_bytes())
    (folder / MANIFEST).write_text(content)
    certificate = erased(root.settings)
    assert certificate["remaining"]["unreadable"] == [f"{folder / MANIFEST} (damaged: {damage})"]
    assert certificate["remaining"]["publications"] == {}
    assert (folder / MANIFEST).read_text() == content
    assert CRIME not in (folder / "page.html").read_text()


def test_a_backup_that_cannot_be_written_is_listed_and_the_rest_is_done(root, tmp_path):
    """Folders in place of the drafts stand for a disk that may only be read."""
    backup = tmp_path / "backup"
    backup.mkdir()
    for name in ("page.html", "warehouse.duckdb"):
        content = root.settings.warehouse.read_bytes() if name.endswith("duckdb") else f"<p>{CRIME}</p>".encode()
        (backup / name).write_bytes(content)
        (backup / f"other_{name}").write_bytes(content)
        (backup / f".{name}.draft").mkdir()
    (root.settings.home / "page.html").write_text(CRIME)
    certificate = erased(root.settings.model_copy(update={"backups": (backup,)}))
    remaining = certificate["remaining"]
    assert set(remaining["backups"]) == {str(backup / "page.html"), str(backup / "warehouse.duckdb")}
    listed = [f"{backup / name} (not written: Is a directory)" for name in ("page.html", "warehouse.duckdb")]
    assert remaining["unreadable"] == listed
    assert (remaining["files"], remaining["warehouse"]) == ({}, {})


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(30, "Read-only file system", "x"), "Read-only file system"),
        (OSError(28, "No space left on device"), "its disk is full"),
        (duckdb.IOException('Could not write file "/x": No space left on device'), "its disk is full"),
        (duckdb.IOException("Cannot open file"), "IOException"),
        (sqlite3.OperationalError("attempt to write a readonly database"), "OperationalError"),
    ],
)
def test_a_file_that_cannot_be_written_stops_only_the_data_root(tmp_path, monkeypatch, error, reason):
    monkeypatch.setattr(replacing, "orders_of", lambda _: {})
    settings, backup = Settings(home=tmp_path / "home", _env_file=None), tmp_path / "backup"
    for folder in (settings.home, backup):
        folder.mkdir()
        (folder / "a.txt").write_text("a")
    (backup / ".a.txt.draft").write_text("half")

    def change(*_):
        raise error

    arguments = {"change": change, "noted": tmp_path / "noted"}
    rewritten = rewrite_files(settings, [(backup, backup / "a.txt")], **arguments)
    assert rewritten.unreadable == {backup / "a.txt": f"not written: {reason}"}
    assert not (backup / ".a.txt.draft").exists()
    with pytest.raises(type(error)):
        rewrite_files(settings, [(settings.home, settings.home / "a.txt")], **arguments)


def test_drafts_that_a_killed_erasure_left_in_a_backup_are_removed(root, tmp_path):
    backup = tmp_path / "backup"
    backup.mkdir()
    for name in ("a.txt", ".a.txt.draft", ".a.txt.draft.wal", ".other.draft"):
        (backup / name).write_text("x")
    assert erased(root.settings.model_copy(update={"backups": (backup,)}))["is_clean"]
    assert sorted(path.name for path in backup.iterdir()) == [".other.draft", "a.txt"]


def test_a_folder_that_cannot_be_read_is_listed(root, tmp_path, monkeypatch):
    backup, scandir = tmp_path / "backup", os.scandir
    closed = [backup / "lost+found", root.settings.landing / "lost+found", root.settings.home / "damaged" / "one"]
    for folder in closed:
        folder.mkdir(parents=True)
    (backup / "page.html").write_text(CRIME)

    def scan(path="."):
        if path in closed:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", scan)
    certificate = erased(root.settings.model_copy(update={"backups": (backup,)}))
    assert certificate["remaining"]["unreadable"] == [str(closed[2]), str(closed[0])]
    assert certificate["held_before"]["landing"] == {"visits/visits_2022-11-01.csv": 1, "lost+found (not readable)": 0}
    assert certificate["remaining"]["backups"] == {}
    assert all(folder.is_dir() for folder in closed)


def test_only_the_landing_folder_and_the_lake_of_a_copied_data_root_are_passed_over(root, tmp_path):
    backup = tmp_path / "backup"
    for name in ("landing", "spark", "copied/landing/visits", "copied/spark", "copied/record"):
        (backup / name).mkdir(parents=True)
        (backup / name / "notes.txt").write_text(f"about {CRIME}")
    certificate = erased(root.settings.model_copy(update={"backups": (backup,)}))
    left = [str(file.relative_to(backup)) for file in backup.rglob("*.txt") if CRIME in file.read_text()]
    assert sorted(left) == ["copied/landing/visits/notes.txt", "copied/spark/notes.txt"]
    lake = f"{backup}/copied/spark (a copied lake, which is not searched: delete it, Spark builds it again)"
    assert (certificate["remaining"]["unreadable"], certificate["is_clean"]) == ([lake], False)
    in_landing = {"visits/visits_2022-11-01.csv": 1, f"{backup}/copied/landing/visits/notes.txt": 1}
    assert certificate["held_before"]["landing"] == in_landing
    assert sorted(certificate["held_before"]["backups"]) == [
        str(backup / name / "notes.txt") for name in ("copied/record", "landing", "spark")
    ]


def changed_without_checkpoint(file, visitor):
    """Give all rows a visitor, in a process that leaves the change in the log."""
    code = (
        "import os, sys, duckdb; connection = duckdb.connect(sys.argv[1]);"
        "connection.execute(\"set wal_autocheckpoint = '1TB'\");"
        "connection.execute('update raw.visits set visitor = ?', [sys.argv[2]]); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", code, str(file), visitor], check=True)


def test_a_backup_with_its_log_can_be_opened_afterwards(root, tmp_path):
    file = tmp_path / "backup" / "copy.duckdb"
    file.parent.mkdir()
    ((key,),) = root.query("select visitor from raw.visits where visit_id = 'a'")
    file.write_bytes(root.settings.warehouse.read_bytes())
    changed_without_checkpoint(file, key)
    log = file.with_name("copy.duckdb.wal")
    assert key.encode() in log.read_bytes()
    certificate = erased(root.settings.model_copy(update={"backups": (file.parent,)}))
    assert certificate["is_clean"]
    assert list(file.parent.iterdir()) == [file]
    with duckdb.connect(str(file), read_only=True) as connection:
        rows = connection.execute("select count(*), count(distinct visitor) from raw.visits").fetchall()
        assert rows == [(2, 1)]
        assert connection.execute("select count(*) from raw.visits where visitor = ?", [key]).fetchall() == [(0,)]


@pytest.mark.parametrize("database", [None, b"damaged"])
def test_a_log_without_its_database_is_not_readable_and_not_changed(root, tmp_path, database):
    backup = tmp_path / "backup"
    backup.mkdir()
    log = backup / "copy.duckdb.wal"
    log.write_text(f"bytes of {CRIME}")
    if database:
        (backup / "copy.duckdb").write_bytes(database)
    certificate = erased(root.settings.model_copy(update={"backups": (backup,)}))
    assert str(log) in certificate["remaining"]["unreadable"]
    assert log.read_text() == f"bytes of {CRIME}"


def fill(folder: Path) -> None:
    """Write texts that begin with their names, each with hard links in other folders, as backups by `rsync` have."""
    for number in range(6):
        (folder / f"day{number}").mkdir(parents=True)
    for number in range(4):
        for day in (0, 3):
            file = folder / f"day{day}" / f"{day}-{number}.html"
            file.write_text(f"{file.stem} by {CRIME}")
            for later in (1, 2):
                os.link(file, folder / f"day{day + later}" / file.name)


@pytest.mark.parametrize(
    ("filled", "link", "backups"),
    [
        ("backup", None, ["backup"]),
        ("backup/daily", None, ["backup", "backup/daily"]),
        ("backup/daily", "mounted -> backup", ["backup", "mounted"]),
        ("home/disk2/published", "home/published -> disk2/published", []),
    ],
)
def test_hard_links_get_the_content_of_their_own_file(root, tmp_path, filled, link, backups):
    fill(tmp_path / filled)
    if link:
        name, target = link.split(" -> ")
        (tmp_path / name).symlink_to(target)
    folders = tuple(tmp_path / folder for folder in backups)
    assert erased(root.settings.model_copy(update={"backups": folders}))["is_clean"]
    files = [*tmp_path.rglob("*.html")]
    assert len(files) == 24
    for file in files:
        text = file.read_text()
        assert text.startswith(f"{file.stem} by ")
        assert CRIME not in text
        assert file.stat().st_nlink == 3
    assert not [*tmp_path.rglob("*.draft")]


@pytest.mark.parametrize("name", ["board.pdf", "board.docx"])
def test_a_link_outside_publications_to_a_removed_paper_is_a_file_of_its_own(root, tmp_path, name):
    """The other forms of a paper cannot be rewritten, and are removed with its page; a Word document itself can be."""
    folder, mine = root.settings.published / "20221101T000000Z-aaaaaaaa", tmp_path / "backup" / "mine"
    folder.mkdir(parents=True)
    mine.mkdir(parents=True)
    (folder / MANIFEST).write_text('{"files": [], "tables": {}}')
    (folder / "board.html").write_text(f"<p>{CRIME}</p>")
    if name.endswith("pdf"):
        (folder / name).write_bytes(typst.compile(CRIME.replace("/", "\\/").encode()))
    else:
        with zipfile.ZipFile(folder / name, "w") as document:
            document.writestr("word/document.xml", f"<w:t>{CRIME}</w:t>")
    os.link(folder / name, mine / "sent_to_board")
    (mine / CONTENT).write_text("mine")
    certificate = erased(root.settings.model_copy(update={"backups": (mine.parent,)}))
    assert not (folder / name).exists()
    assert (mine / CONTENT).read_text() == "mine"
    left = {str(mine / "sent_to_board"): 1} if name.endswith("pdf") else {}
    assert certificate["remaining"]["backups"] == left
    assert certificate["is_clean"] == (not left)
    assert (mine / "sent_to_board").exists()


def test_a_database_of_sqlite_stays_one_file_with_its_links(root, tmp_path):
    backup = tmp_path / "backup"
    backup.mkdir()
    with closing(sqlite3.connect(backup / "a.db")) as connection, connection:
        connection.execute("create table notes as select ? as note", [CRIME])
    os.link(backup / "a.db", backup / "b.db")
    assert erased(root.settings.model_copy(update={"backups": (backup,)}))["is_clean"]
    assert sorted(path.name for path in backup.iterdir()) == ["a.db", "b.db"]
    assert (backup / "a.db").samefile(backup / "b.db")


NUMBER = "07700900123"


def numbers(visitor):
    """Return columns that a program made of an identifier of digits, which lost its first zero."""
    number = visitor.lstrip("0")
    return (
        f"{number}::bigint as a, {number}::double as b, {number}::decimal(18, 2) as c, [1, {number}::bigint] as d, "
        f"{number}1 as longer, 5 as n"
    )


def test_numbers_and_uuids_of_a_person_in_other_tables_are_named(root, tmp_path):
    """No program can tell a number of a person in them, so they are left to the person who made the table."""
    root.land("2022-11-02", row("c", day="2022-11-02", visitor=NUMBER))
    root.run()
    ((key,),) = root.query("select visitor from raw.visits where visit_id = 'c'")
    backup = tmp_path / "backup"
    backup.mkdir()
    with duckdb.connect(str(backup / "own.duckdb")) as connection:
        connection.execute(f"create table t as select {numbers(NUMBER)}")
        connection.execute(f"create table u as select uuid '{key}' as who, ['{key}'::uuid] as several, '{key}' as note")
    duckdb.sql(f"copy (select {numbers(NUMBER)}) to '{root.settings.home / 'own.parquet'}'")
    root.settings = root.settings.model_copy(update={"backups": (backup,)})
    certificate = json.loads(erase_person(root.settings, NUMBER).read_text())
    assert certificate["held_before"]["backups"] == {str(backup / "own.duckdb"): 7}
    assert certificate["remaining"]["backups"] == {str(backup / "own.duckdb"): 6}
    assert certificate["remaining"]["files"] == {"own.parquet": 4}
    assert certificate["remaining"]["unreadable"] == [str(backup / "own.duckdb")]
    assert not certificate["is_clean"]
    with duckdb.connect(str(backup / "own.duckdb"), read_only=True) as connection:
        assert connection.execute("select note = ? from u", [key]).fetchall() == [(False,)]


def test_numbers_of_the_project_are_no_identifiers(root, tmp_path):
    backup = tmp_path / "backup"
    backup.mkdir()
    publication = root.settings.published / "20221101T000000Z-aaaaaaaa"
    publication.mkdir(parents=True)
    (publication / MANIFEST).write_text('{"files": [], "tables": {}}')
    duckdb.sql(f"copy (select {numbers(NUMBER)}) to '{publication / 'calls.parquet'}'")
    with duckdb.connect(str(root.settings.warehouse)) as connection:
        connection.execute(f"create table sizes as select {numbers(NUMBER)}")
    (backup / "copy.duckdb").write_bytes(root.settings.warehouse.read_bytes())
    root.settings = root.settings.model_copy(update={"backups": (backup,)})
    assert json.loads(erase_person(root.settings, NUMBER).read_text())["is_clean"]


@pytest.mark.parametrize("name", [b"r\xe9sum\xe9.html", "a\u2028b.html".encode(), b"a\nb.html", b"a\x0cb.html"])
def test_a_published_file_of_any_name_is_rewritten_and_noted(root, tmp_path, name):
    folder = tmp_path / "backup" / "published" / "20221101T000000Z-aaaaaaaa"
    folder.mkdir(parents=True)
    file = folder / os.fsdecode(name)
    file.write_text(f"<p>{CRIME}</p>")
    (folder / MANIFEST).write_text(json.dumps({"files": [{"path": file.name, "bytes": 1}], "tables": {}}))
    assert erased(root.settings.model_copy(update={"backups": (tmp_path / "backup",)}))["is_clean"]
    assert CRIME not in file.read_text()
    (entry,) = json.loads((folder / MANIFEST).read_text())["files"]
    assert entry["bytes"] == file.stat().st_size


@pytest.mark.parametrize("above", [".partial-restore", "copy.duckdb.tmp"])
def test_a_data_root_below_a_folder_with_the_name_of_a_draft_stays(tmp_path, monkeypatch, above):
    monkeypatch.setattr(replacing, "orders_of", lambda _: {})
    root = Installation(tmp_path / above / "home")
    root.land("2022-11-01", row("a", visitor=CRIME))
    root.run()
    assert erased(root.settings)["is_clean"]
    assert len(root.current()) == 1
