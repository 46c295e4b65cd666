"""A board paper is sent to its readers once, and again when it has changed."""

import json
from hashlib import sha256
from pathlib import Path

import dagster as dg
import pytest
from apprise import AppriseAttachment
from apprise.decorators import notify

from dagster_project.defs.new_paper import new_paper

received: list[tuple[str, str, bytes]] = []


@notify(on="fcirpaper")
def receive(body: str, title: str, *_: object, attach: AppriseAttachment | None = None, **__: object) -> bool:
    [file] = attach or []
    received.append((title, body, Path(file.path).read_bytes()))
    return True


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FCIR_HOME", str(tmp_path))
    monkeypatch.setenv("FCIR_PAPER_NOTIFY_FILE", str(tmp_path / "readers.urls"))
    addresses = tmp_path / "readers.urls"
    addresses.write_text("fcirpaper://secret\n", encoding="utf-8")
    addresses.chmod(0o600)
    received.clear()
    return tmp_path


def publish(home: Path, name: str, paper: bytes | None) -> None:
    folder = home / "published" / name
    folder.mkdir(parents=True)
    files = []
    if paper is not None:
        (folder / "board_paper.pdf").write_bytes(paper)
        files.append({"path": "board_paper.pdf", "sha256": sha256(paper).hexdigest()})
    (folder / "manifest.json").write_text(json.dumps({"files": files}), encoding="utf-8")
    pointer = home / "published" / "current"
    pointer.unlink(missing_ok=True)
    pointer.symlink_to(name)


def tick(cursor: str | None = None) -> tuple[str, str | None]:
    with dg.build_sensor_context(cursor=cursor) as context:
        return new_paper(context).skip_message, context.cursor


def test_a_paper_is_sent_once_and_again_when_it_changed(home):
    publish(home, "1", b"first")
    said, cursor = tick()
    assert said == "the paper was sent to 1 of 1 addresses"
    publish(home, "2", b"first")
    assert tick(cursor) == ("the paper has not changed since it was sent", cursor)
    publish(home, "3", b"second")
    tick(cursor)
    assert [paper for _, _, paper in received] == [b"first", b"second"]
    assert received[1][0] == "New board paper: contact and crime performance"
    assert received[1][1].endswith("Publication 3")


def test_the_web_address_of_the_site_is_named_where_it_is_known(home, monkeypatch):
    monkeypatch.setenv("FCIR_SITE_URL", "https://fcir.example/site/")
    publish(home, "1", b"first")
    tick()
    assert "https://fcir.example/site/index.html" in received[0][1]


def test_nothing_is_sent_without_addresses_a_publication_or_a_paper(home, monkeypatch):
    assert "nothing is published yet" in tick()[0]
    publish(home, "1", None)
    assert tick() == ("1 has no board_paper.pdf", None)
    monkeypatch.delenv("FCIR_PAPER_NOTIFY_FILE")
    publish(home, "2", b"first")
    assert tick() == ("FCIR_PAPER_NOTIFY_FILE names no addresses", None)
    assert received == []


def test_a_paper_that_reached_nobody_is_sent_again(home):
    publish(home, "1", b"first")
    (home / "readers.urls").chmod(0o644)
    assert tick() == ("the paper was not sent", None)
    (home / "readers.urls").chmod(0o600)
    assert tick()[0] == "the paper was sent to 1 of 1 addresses"
