"""Messages about overdue sources, extracts that arrived late, failed runs and new papers, and how they are sent."""

import json
import logging
import os
import shlex
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import dagster as dg
import pytest
from apprise import AppriseAttachment
from apprise.decorators import notify

from dagster_project.clock import london_today
from dagster_project.defs import notifications
from dagster_project.defs.new_paper import new_paper
from dagster_project.defs.notifications import NotifyFileError, Sent, failed_runs, overdue_deliveries, send
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.tables import ensure_tables
from tests.roots import DataRoot

DAY = london_today() - timedelta(days=10)
NEXT, MORNING = DAY + timedelta(days=1), DAY + timedelta(days=2)
received: list[tuple[str, str, bytes]] = []


@notify(on="fcirgood")
def receive(body: str, title: str, *_: object, attach: AppriseAttachment | None = None, **__: object) -> bool:
    received.append((title, body, b"".join(Path(file.path).read_bytes() for file in attach or [])))
    return True


@notify(on="fcirbad")
def fail(*_: object, **__: object) -> bool:
    raise RuntimeError("the address fcirbad://secret@host cannot be reached")


@pytest.fixture
def addresses(tmp_path) -> Callable[..., Path]:
    """Return a function that writes the file of addresses."""

    def write(text: str, mode: int = 0o600) -> Path:
        file = tmp_path / "duty; officer's.urls"
        file.write_text(f"{text}\n", encoding="utf-8")
        file.chmod(mode)
        return file

    received.clear()
    return write


@pytest.fixture
def root(tmp_path, enter, addresses) -> DataRoot:
    """A data root with one good address for each kind of message."""
    file = str(addresses("fcirgood://secret"))
    root = DataRoot(tmp_path / "home", {"FCIR_NOTIFY_FILE": file, "FCIR_PAPER_NOTIFY_FILE": file})
    root.home.mkdir()
    enter(root)
    return root


def test_a_message_reaches_every_address_although_one_fails_and_no_address_is_logged(addresses, caplog):
    caplog.set_level(logging.DEBUG)
    file = addresses("# duty officer\n\nfcirgood://one\nfcirbad://secret@host\nnonsense://secret\nfcirgood://two")
    assert send(file, title="t", body="b") == Sent(reached=2, failed=2)
    assert received == [("t", "b", b"")] * 2
    assert str(Sent(2, 2)) == "2 of 4 addresses"
    assert "secret" not in caplog.text
    assert "fcirgood" not in caplog.text


@pytest.mark.parametrize(
    ("text", "mode", "message"),
    [
        ("fcirgood://secret", 0o640, "chmod 600"),
        ("fcirgood://secret", 0o604, "chmod 600"),
        ("# nobody", 0o600, "contains no address"),
    ],
)
def test_a_readable_or_empty_file_of_addresses_sends_nothing(addresses, text, mode, message):
    file = addresses(text, mode)
    with pytest.raises(NotifyFileError, match=message) as refused:
        send(file, title="t", body="b")
    assert "secret" not in str(refused.value)
    assert shlex.split(str(refused.value).partition("Run: ")[2]) in ([], ["chmod", "600", str(file)])
    assert received == []


def test_what_is_no_file_of_addresses_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name in ("none", ".", "pipe"):
        with pytest.raises(NotifyFileError, match=r"cannot be opened|not a regular file"):
            send(tmp_path / name, title="t", body="b")


class Clock:
    """Ticks of the sensor of overdue deliveries, one after the other, with the cursor that the daemon keeps."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch
        self._cursor: str | None = None

    def tick(self, day: date, hour: int = 12) -> str:
        moment = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
        self._patch.setattr(notifications, "utc_now", lambda: moment)
        self._patch.setattr(notifications, "london_today", lambda: day)
        with dg.build_sensor_context(cursor=self._cursor) as context:
            result = overdue_deliveries(context)
            self._cursor = context.cursor
        return result.skip_message or ""

    @property
    def sent(self) -> dict[str, list[str]]:
        return json.loads(self._cursor or "{}")


@pytest.fixture
def clock(monkeypatch) -> Clock:
    return Clock(monkeypatch)


def test_an_overdue_extract_is_one_message_and_its_arrival_another(root, clock):
    root.land(f"crimes_{DAY}.csv", "header")
    assert clock.tick(NEXT) == "no source is overdue"
    assert received == []
    for _ in range(3):
        assert f"extract of {NEXT}" in clock.tick(MORNING)
    assert received == [("fcir: 1 source is overdue", f"crimes: overdue, extract of {NEXT}\nNext: fcir status", b"")]
    root.land(f"crimes_{NEXT}.csv", "header")
    for _ in range(2):
        clock.tick(MORNING, 15)
    assert received[1:] == [
        ("fcir: no source is overdue any more", f"crimes: delivered, extract of {NEXT}\nNext: fcir status", b"")
    ]
    assert clock.sent == {}


def test_each_day_on_which_all_sources_stop_is_one_message(root, clock):
    for source in ("crimes", "live_chats"):
        root.land(f"{source}_{DAY}.csv", "header")
    for after in range(2, 5):
        for _ in range(2):
            clock.tick(DAY + timedelta(days=after))
    assert [title for title, *_ in received] == ["fcir: 2 sources are overdue"] * 3
    assert [len(days) for days in clock.sent.values()] == [3, 3]


def test_a_gap_of_long_ago_is_one_short_message_and_synthetic_extracts_are_never_overdue(root, clock):
    root.land(f"crimes_{DAY - timedelta(days=400)}.csv", "header")
    clock.tick(NEXT)
    [(_, body, _)] = received
    assert "and 19 more" in body
    assert len(clock.sent["crimes"]) == 31
    (root.home / "landing" / "SYNTHETIC").touch()
    assert clock.tick(NEXT) == "no source is overdue"


def test_an_alert_that_could_not_be_sent_is_sent_again(root, clock, addresses, monkeypatch):
    root.land(f"crimes_{DAY}.csv", "header")
    for text, mode in (("fcirbad://secret", 0o600), ("fcirgood://secret", 0o644)):
        addresses(text, mode)
        clock.tick(MORNING)
        assert (clock.sent, received) == ({}, [])
    addresses("fcirgood://secret\nfcirbad://secret")
    clock.tick(MORNING)
    assert (clock.sent, len(received)) == ({"crimes": [str(NEXT)]}, 1)
    # Without a file of addresses the log of the sensor is all there is.
    monkeypatch.delenv("FCIR_NOTIFY_FILE")
    clock.tick(MORNING + timedelta(days=1))
    assert (clock.sent, len(received)) == ({"crimes": [str(NEXT), str(MORNING)]}, 1)


def test_a_failed_run_is_a_message_with_steps_and_deliveries_and_without_the_error(root):
    with loading_connection(root.home / "warehouse.duckdb") as connection:
        ensure_tables(connection, [])
        connection.execute(
            """
            insert into audit.load (
                load_id, source, extract_date, rows_read, rows_loaded, rows_quarantined, status, reason, is_synthetic,
                loaded_at, run_id, change_seq
            )
            select
                n, 'crimes', date '2022-10-30' - cast(n as integer), 0, 0, 0, 'rejected', 'secret reason', false,
                now(), 'run', 1
            from range(13) as t (n)
            """
        )

    @dg.op
    def load_crimes() -> None:
        raise ValueError("secret value")

    @dg.job
    def nightly() -> None:
        load_crimes()

    repository = dg.Definitions(jobs=[nightly], sensors=[failed_runs]).get_repository_def()
    with dg.DagsterInstance.ephemeral() as instance:

        def tick(cursor: str | None) -> str | None:
            with dg.build_sensor_context(instance=instance, cursor=cursor, repository_def=repository) as context:
                return failed_runs.evaluate_tick(context).cursor

        nightly.execute_in_process(instance=instance, raise_on_error=False)
        # Failures before the sensor was first switched on are not reported.
        cursor = tick(None)
        failed = nightly.execute_in_process(instance=instance, raise_on_error=False)
        cursor = tick(tick(cursor))
        # A run of another data root that shares the storage is reported by its own sensor.
        tags = {"dagster/code_location": "essex"}
        nightly.execute_in_process(instance=instance, raise_on_error=False, tags=tags)
        tick(cursor)
    [(title, body, _)] = received
    lines = body.splitlines()
    assert (title, lines[:2]) == ("fcir: nightly failed", [f"run {failed.run_id}", "failed steps: load_crimes"])
    assert lines[2] == "crimes 2022-10-18 rejected"
    assert (len(lines), lines[-2:]) == (16, ["and 1 more", "Next: fcir status"])
    assert "secret" not in body


def publish(root: DataRoot, name: str, paper: bytes | None) -> None:
    folder = root.home / "published" / name
    folder.mkdir(parents=True)
    files = []
    if paper is not None:
        (folder / "board_paper.pdf").write_bytes(paper)
        files.append({"path": "board_paper.pdf", "sha256": sha256(paper).hexdigest()})
    (folder / "manifest.json").write_text(json.dumps({"files": files}), encoding="utf-8")
    root.current.unlink(missing_ok=True)
    root.current.symlink_to(name)


def test_a_paper_is_sent_until_it_reached_somebody_and_again_when_it_changed(root, addresses, monkeypatch):
    cursor = None

    def tick() -> str:
        nonlocal cursor
        with dg.build_sensor_context(cursor=cursor) as context:
            said, cursor = new_paper(context).skip_message, context.cursor
        return said

    assert "nothing is published yet" in tick()
    publish(root, "1", None)
    assert tick() == "1 has no board_paper.pdf"
    publish(root, "2", b"first")
    addresses("fcirgood://secret", 0o644)
    assert (tick(), cursor) == ("the paper was not sent", None)
    addresses("fcirbad://secret")
    assert (tick(), cursor) == ("the paper was sent to 0 of 1 addresses", None)
    addresses("fcirgood://secret")
    assert tick() == "the paper was sent to 1 of 1 addresses"
    publish(root, "3", b"first")
    assert tick() == "the paper has not changed since it was sent"
    monkeypatch.setenv("FCIR_SITE_URL", "https://fcir.example/site/")
    publish(root, "4", b"second")
    tick()
    title, begin = "New board paper: contact and crime performance", "The paper is attached. The pages behind it:"
    folder = root.home / "published" / "2"
    assert received == [
        (title, f"{begin} {folder / 'index.html'}\nPublication 2", b"first"),
        (title, f"{begin} https://fcir.example/site/index.html\nPublication 4", b"second"),
    ]
    monkeypatch.delenv("FCIR_PAPER_NOTIFY_FILE")
    publish(root, "5", b"third")
    assert tick() == "FCIR_PAPER_NOTIFY_FILE names no addresses"
