"""What `fcir ui` starts and refuses to start. Its pages and what reaches them are in tests/pages."""

import fcntl
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest

from dagster_project.cli import ui
from dagster_project.errors import UsageError
from dagster_project.settings import WORKSPACE
from dagster_project.warehouse import lock
from tests.roots import DataRoot


class Ended:
    """Stands for a process that has ended; keeps its command."""

    started: list[list[str]]

    def __init__(self, command: list[str], **options: object) -> None:
        assert options["env"]["DAGSTER_HOME"]
        assert options["umask"] == 0o077
        type(self).started.append(command)

    def poll(self) -> int:
        return 3

    def terminate(self) -> None: ...

    def wait(self, timeout: float) -> None: ...


@pytest.fixture
def serve(parsed_project, tmp_path, enter, monkeypatch) -> Callable[..., list[list[str]]]:
    """Return a function that serves the UI with processes that end at once; it gives the commands that started."""
    monkeypatch.setattr(ui.subprocess, "Popen", Ended)
    monkeypatch.setattr(ui.signal, "signal", lambda *_: None)
    monkeypatch.setattr(lock, "_PATIENCE_SECONDS", 0.0)
    root = DataRoot.knowing(parsed_project, tmp_path / "home")

    def serve(*, read_only: bool = False, **settings: str) -> list[list[str]]:
        Ended.started = []
        assert ui.serve_ui(enter(DataRoot(root.home, settings)), at=3999, read_only=read_only) == 3
        return Ended.started

    return serve


@contextmanager
def held(folder: Path) -> Iterator[None]:
    with (folder / "warehouse.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def test_web_server_and_daemon_are_started_with_the_code_location(serve):
    [web, daemon] = serve()
    assert web[1:] == ["-P", "-m", "dagster_project.web", "--port", "3999"]
    assert daemon[1:] == ["run", "--workspace", str(WORKSPACE)]
    assert serve(FCIR_LOG_FORMAT="json")[1][-2:] == ["--log-format", "json"]


def test_viewers_get_a_server_that_starts_nothing_and_needs_no_lock_where_something_can_be_read(
    serve, tmp_path, capsys
):
    with held(tmp_path / "home"):
        for read_only in (True, False):
            with pytest.raises(lock.WarehouseLocked):
                serve(read_only=read_only)
        assert (Ended.started, capsys.readouterr().out) == ([], ""), "the address is printed only if the UI is started"
    serve()
    with held(tmp_path / "home"):
        [web] = serve(read_only=True)
        assert web[-1] == "--read-only"
        with pytest.raises(lock.WarehouseLocked):
            serve()


def test_a_port_in_use_is_reported_before_anything_starts():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port} of 127.0.0.1 is in use; nothing was started"):
            ui.require_free_port(port)
    ui.require_free_port(port)


def test_runs_that_were_killed_with_their_code_server_are_closed_by_the_next_start(serve):
    serve()
    tags = {".dagster/grpc_info": "{}"}
    run = dg.DagsterRun("nightly", str(uuid.uuid4()), status=dg.DagsterRunStatus.STARTED, tags=tags)
    with dg.DagsterInstance.get() as instance:
        instance.run_storage.add_run(run)
    serve()
    with dg.DagsterInstance.get() as instance:
        assert instance.get_run_by_id(run.run_id).status is dg.DagsterRunStatus.FAILURE
