"""Messages reach the addresses of a private file, and nothing of an address is ever message."""

import logging
import os
import shlex
from pathlib import Path

import pytest
from apprise.decorators import notify

from dagster_project.defs.notifications import NotifyFileError, Sent, send

received: list[tuple[str, str]] = []


@notify(on="fcirgood")
def take(body: str, title: str, *_: object, **__: object) -> bool:
    received.append((title, body))
    return True


@notify(on="fcirbad")
def fail(*_: object, **__: object) -> bool:
    raise RuntimeError("the address fcirbad://secret@host cannot be reached")


def addresses(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "notify.urls"
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)
    return file


def test_a_message_reaches_every_address_although_one_fails(tmp_path, caplog):
    received.clear()
    caplog.set_level(logging.DEBUG)
    file = addresses(
        tmp_path, "# duty officer\n\nfcirgood://one\nfcirbad://secret@host\nnonsense://secret\nfcirgood://two\n"
    )
    assert send(file, title="fcir: 1 source is overdue", body="crimes: overdue") == Sent(reached=2, failed=2)
    assert received == [("fcir: 1 source is overdue", "crimes: overdue")] * 2
    assert "secret" not in caplog.text
    assert "fcirgood" not in caplog.text


@pytest.mark.parametrize(
    ("text", "mode", "message"),
    [
        ("fcirgood://secret\n", 0o640, "chmod 600"),
        ("fcirgood://secret\n", 0o604, "chmod 600"),
        ("# nobody\n", 0o600, "contains no address"),
    ],
)
def test_a_readable_or_empty_file_of_addresses_sends_nothing(tmp_path, text, mode, message):
    received.clear()
    folder = tmp_path / "duty; officer's"
    folder.mkdir()
    with pytest.raises(NotifyFileError, match=message) as refused:
        send(addresses(folder, text, mode), title="t", body="b")
    assert "secret" not in str(refused.value)
    command = str(refused.value).partition("Run: ")[2]
    assert shlex.split(command) in ([], ["chmod", "600", str(folder / "notify.urls")])
    assert received == []


def test_a_missing_file_and_other_entries_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name in ("none", ".", "pipe"):
        with pytest.raises(NotifyFileError, match=r"cannot be opened|not a regular file"):
            send(tmp_path / name, title="t", body="b")
