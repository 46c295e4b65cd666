"""Messages about overdue sources, extracts that arrived late, failed runs, new papers and what stands out in them."""

import json
import logging
import shlex
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from apprise import AppriseAttachment
from apprise.decorators import notify

from dagster_project.clock import london_today
from dagster_project.defs import notifications
from dagster_project.defs.new_paper import new_paper
from dagster_project.defs.notifications import NotifyFileError, Sent, failed_runs, overdue_deliveries, send
from dagster_project.defs.thresholds import thresholds
from dagster_project.warehouse.connection import insert_rows, loading_connection
from dagster_project.warehouse.tables import ensure_tables
from tests.cases import sql_of
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
        *(("fcirgood://secret", mode, "chmod 600") for mode in (0o640, 0o604)),
        ("# nobody", 0o600, "contains no address"),
    ],
)
def test_a_file_of_addresses_that_others_read_or_without_one_sends_nothing(addresses, text, mode, message):
    file = addresses(text, mode)
    with pytest.raises(NotifyFileError, match=message) as error:
        send(file, title="t", body="b")
    assert "secret" not in str(error.value)
    assert shlex.split(str(error.value).partition("Run: ")[2]) in ([], ["chmod", "600", str(file)])
    assert received == []


def test_what_is_no_file_of_addresses_is_named(tmp_path):
    for name, message in (("none", "No such file"), (".", "Is a directory")):
        with pytest.raises(NotifyFileError, match=f"{name}: cannot be read: {message}"):
            send(tmp_path / name, title="t", body="b")


@pytest.fixture
def tick(monkeypatch) -> Callable[..., tuple[str, dict[str, list[str]]]]:
    """Return a function that ticks the sensor of overdue deliveries, with the cursor that the daemon keeps.

    It gives what the sensor says, and the days that were reported and are still missing.
    """
    cursor = None

    def tick(day: date, hour: int = 12) -> tuple[str, dict[str, list[str]]]:
        nonlocal cursor
        monkeypatch.setattr(notifications, "utc_now", lambda: datetime(day.year, day.month, day.day, hour, tzinfo=UTC))
        monkeypatch.setattr(notifications, "london_today", lambda: day)
        with dg.build_sensor_context(cursor=cursor) as context:
            result = overdue_deliveries(context)
            cursor = context.cursor
        return result.skip_message or "", json.loads(cursor or "{}")

    return tick


def test_an_overdue_extract_is_one_message_and_its_arrival_another(root, tick):
    root.land(f"crimes_{DAY}.csv", "header")
    assert tick(NEXT) == ("no source is overdue", {})
    assert received == []
    for _ in range(3):
        said, missing = tick(MORNING)
        assert (f"extract of {NEXT}" in said, missing) == (True, {"crimes": [str(NEXT)]})
    root.land(f"crimes_{NEXT}.csv", "header")
    for _ in range(2):
        assert tick(MORNING, 15)[1] == {}
    assert received == [
        ("fcir: 1 source is overdue", f"crimes: overdue, extract of {NEXT}\nNext: fcir status", b""),
        ("fcir: no source is overdue any more", f"crimes: delivered, extract of {NEXT}\nNext: fcir status", b""),
    ]


def test_each_day_on_which_all_sources_stop_is_one_message(root, tick):
    for source in ("crimes", "live_chats"):
        root.land(f"{source}_{DAY}.csv", "header")
    for after in (2, 2, 3, 3, 4, 4):
        _, missing = tick(DAY + timedelta(days=after))
    assert [title for title, *_ in received] == ["fcir: 2 sources are overdue"] * 3
    assert [len(days) for days in missing.values()] == [3, 3]


def test_a_gap_of_long_ago_is_one_short_message_and_synthetic_extracts_are_never_overdue(root, tick):
    root.land(f"crimes_{DAY - timedelta(days=400)}.csv", "header")
    _, missing = tick(NEXT)
    [(_, body, _)] = received
    assert "and 19 more" in body
    assert len(missing["crimes"]) == 31
    (root.home / "landing" / "SYNTHETIC").touch()
    assert tick(NEXT)[0] == "no source is overdue"


def test_an_alert_that_could_not_be_sent_is_sent_again(root, tick, addresses, monkeypatch):
    root.land(f"crimes_{DAY}.csv", "header")
    for text, mode in (("fcirbad://secret", 0o600), ("fcirgood://secret", 0o644)):
        addresses(text, mode)
        assert (tick(MORNING)[1], received) == ({}, [])
    addresses("fcirgood://secret\nfcirbad://secret")
    assert (tick(MORNING)[1], len(received)) == ({"crimes": [str(NEXT)]}, 1)
    # Without a file of addresses the log of the sensor is all there is.
    monkeypatch.delenv("FCIR_NOTIFY_FILE")
    assert (tick(MORNING + timedelta(days=1))[1], len(received)) == ({"crimes": [str(NEXT), str(MORNING)]}, 1)


def test_a_failed_run_is_a_message_with_steps_and_deliveries_and_without_the_error(root):
    with loading_connection(root.home / "warehouse.duckdb") as connection:
        ensure_tables(connection, [])
        load = {"source": "crimes", "status": "rejected", "reason": "secret reason", "is_synthetic": False}
        load |= dict.fromkeys(("rows_read", "rows_loaded", "rows_quarantined", "change_seq"), 0)
        load |= {"loaded_at": datetime(2022, 11, 1, tzinfo=UTC), "run_id": "run"}
        days = [{"load_id": n, "extract_date": date(2022, 10, 30) - timedelta(n)} for n in range(13)]
        insert_rows(connection, "audit.load", [load | day for day in days])

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
        tick(tick(cursor))
    [(title, body, _)] = received
    lines = body.splitlines()
    assert (title, lines[:2]) == ("fcir: nightly failed", [f"run {failed.run_id}", "failed steps: load_crimes"])
    assert lines[2] == "crimes 2022-10-18 rejected"
    assert (len(lines), lines[-2:]) == (16, ["and 1 more", "Next: fcir status"])
    assert "secret" not in body


def publish(root: DataRoot, name: str, paper: bytes = b"", file: str = "board_paper.pdf") -> None:
    folder = root.home / "published" / name
    folder.mkdir(parents=True)
    (folder / file).write_bytes(paper)
    manifest = {"files": [{"path": file, "sha256": sha256(paper).hexdigest()}]}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
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
    publish(root, "1", file="board_paper.html")
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


def test_what_stands_out_in_the_newest_month_is_sent_once(root):
    cursor = None

    def tick() -> str:
        nonlocal cursor
        with dg.build_sensor_context(cursor=cursor) as context:
            said, cursor = thresholds(context).skip_message, context.cursor
        return said

    assert "nothing is published yet" in tick()
    publish(root, "1")
    with duckdb.connect(str(root.current / "fcir.duckdb")) as connection:
        connection.execute(sql_of(__file__))
    assert tick() == "2 of 2 measures that stand out are new"
    assert tick() == "1 has been read"
    publish(root, "2")
    shutil.copy(root.home / "published" / "1" / "fcir.duckdb", root.current)
    assert tick() == "0 of 2 measures that stand out are new"
    page = root.home / "published" / "1" / "index.html"
    assert received == [
        (
            "fcir: headline measures that stand out",
            "Kent Police, 2022-10: a newly misses its target and is worse than usual (1.97%)\n"
            f"Kent Police, 2022-10: b newly meets its target (1.97%)\nThe page: {page}",
            b"",
        )
    ]
