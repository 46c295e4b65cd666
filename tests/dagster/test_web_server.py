"""The web server is for this machine alone, and its pages need no other."""

import fcntl
import json
import re
import socket
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path
from urllib.parse import quote

import dagster as dg
import dagster_webserver
import pytest

from dagster_project.cli import ui
from dagster_project.cli.jobs import prepare_dagster_home
from dagster_project.errors import UsageError
from dagster_project.settings import WORKSPACE
from dagster_project.warehouse import lock
from tests.dagster.conftest import use
from tests.roots import DataRoot

JSON = "Content-Type: application/json"
STARTED = dg.DagsterRunStatus.STARTED


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
        assert ui.serve_ui(enter(DataRoot(root.home, settings)), port=3999, read_only=read_only) == 3
        return Ended.started

    return serve


@contextmanager
def held(folder: Path) -> Iterator[None]:
    with (folder / "warehouse.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def test_web_server_and_daemon_are_started_with_the_code_location(serve, tmp_path, capsys):
    [web, daemon] = serve()
    workspace = tmp_path / "home" / "dagster" / "workspace.yaml"
    assert web[1:] == ["-P", "-m", "dagster_project.web", "--port", "3999", "--workspace", str(workspace)]
    assert daemon[1:] == ["run", "--workspace", str(workspace)]
    assert workspace.read_bytes() == WORKSPACE.read_bytes()
    assert capsys.readouterr().out.startswith("Lineage UI   http://127.0.0.1:3999   (Ctrl-C stops it")
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
    server = {".dagster/grpc_info": "{}"}
    runs = {}
    # Kubernetes looks after a pod.
    for name, of in (("killed", server), ("of another root", server), ("a pod", {})):
        label = "__repository__@" + ("essex" if "other" in name else "dagster_project")
        tags = {".dagster/repository": label} | of
        runs[name] = dg.DagsterRun(job_name="nightly", run_id=str(uuid.uuid4()), status=STARTED, tags=tags)
    with dg.DagsterInstance.get() as instance:
        for run in runs.values():
            instance.run_storage.add_run(run)
    serve()
    with dg.DagsterInstance.get() as instance:
        states = {name: instance.get_run_by_id(run.run_id).status.value for name, run in runs.items()}
    assert states == {"killed": "FAILURE", "of another root": "STARTED", "a pod": "STARTED"}


def test_the_page_loads_its_parts_from_this_machine():
    page = (Path(dagster_webserver.__file__).parent / "webapp" / "build" / "index.html").read_text(encoding="utf-8")
    loaded = re.findall(r"<(?:script|link|img)[^>]*?(?:src|href)=\"([^\"]+)\"", page)
    assert loaded
    assert [address for address in loaded if re.match(r"(https?:)?//", address)] == []


@dataclass
class Server:
    """A running `fcir ui`."""

    port: int

    def ask(self, request: str, *headers: str, host: str = "", body: str = "") -> tuple[int, str]:
        """Status and body of the answer to a request with these headers, Host and no others."""
        head = [f"{request} HTTP/1.1", f"Host: {host or f'127.0.0.1:{self.port}'}", *headers]
        head += [f"Content-Length: {len(body)}"] if request.startswith("POST") else []
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            connection.sendall("\r\n".join([*head, "", body]).encode())
            answer = HTTPResponse(connection, method=request.partition(" ")[0])
            answer.begin()
            return answer.status, "" if answer.status == 101 else answer.read().decode()

    def runs(self) -> dict[str, str]:
        """Job of each run by its id."""
        query = "{ runsOrError { ... on Runs { results { runId jobName } } } }"
        _, body = self.ask("POST /graphql", JSON, body=json.dumps({"query": query}))
        return {run["runId"]: run["jobName"] for run in json.loads(body)["data"]["runsOrError"]["results"]}


# The run queue takes no other while this one seems to be under way.
RUNNING = dg.DagsterRun(job_name="nightly", run_id=str(uuid.UUID(int=1)), status=STARTED)
DELETE = f'mutation {{ deletePipelineRun(runId: "{RUNNING.run_id}") {{ __typename }} }}'
SELECTOR = 'repositoryLocationName: "dagster_project", repositoryName: "__repository__", jobName: "publish"'
LAUNCH = f"mutation {{ launchRun(executionParams: {{ selector: {{ {SELECTOR} }} }}) {{ __typename }} }}"


def listens(port: int, address: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) == 0


@pytest.fixture(scope="module")
def server(tmp_path_factory, parsed_project) -> Iterator[Server]:
    """`fcir ui`, web server and daemon, with a run in its history."""
    root = DataRoot.knowing(parsed_project, tmp_path_factory.mktemp("ui") / "home")
    with pytest.MonkeyPatch.context() as patch:
        prepare_dagster_home(use(patch, root))
        with dg.DagsterInstance.get() as instance:
            instance.run_storage.add_run(RUNNING)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        server = Server(probe.getsockname()[1])
    # Its own words are a few lines, which a pipe holds.
    process = root.start("ui", "--port", str(server.port))
    try:
        while not listens(server.port):
            assert process.poll() is None, process.communicate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.2)
        yield server
    finally:
        process.terminate()
        process.communicate()


def test_no_foreign_page_can_change_or_hear_anything_and_no_other_machine_connects(server):
    own, foreign = f"Origin: http://127.0.0.1:{server.port}", "Origin: http://evil.example"
    body = json.dumps({"query": DELETE})
    shake = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
    shake += ["Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Protocol: graphql-ws"]
    answers = {
        "by its address": (405, server.ask(f"GET /graphql?query={quote(DELETE)}")),
        "encoded": (405, server.ask(f"GET /%67raphql%0A?query={quote(DELETE)}")),
        "from another page": (403, server.ask("POST /graphql", JSON, foreign, body=body)),
        "under another name": (421, server.ask("POST /graphql", JSON, host="evil.example", body=body)),
        "as text": (415, server.ask("POST /graphql", "Content-Type: text/plain", body=body)),
        "without a body": (415, server.ask("POST /report_asset_materialization/raw/crimes")),
        "a WebSocket": (403, server.ask("GET /graphql", *shake, foreign)),
        "a WebSocket of its own": (101, server.ask("GET /graphql", *shake, own)),
    }
    assert {name: answer[0] for name, (_, answer) in answers.items()} == {
        name: status for name, (status, _) in answers.items()
    }
    assert server.runs() == {RUNNING.run_id: "nightly"}
    # A server of all addresses answers here too.
    assert (listens(server.port), listens(server.port, "127.0.0.2")) == (True, False)


def test_a_page_of_the_ui_can_start_a_run(server):
    assert "Dagster" in server.ask("GET /runs", "Accept: text/html")[1]
    assert json.loads(server.ask("GET /graphql?query=%7Bversion%7D")[1])["data"] == {"version": dg.__version__}
    origin = f"Origin: http://127.0.0.1:{server.port}"
    status, body = server.ask("POST /graphql", JSON, origin, body=json.dumps({"query": LAUNCH}))
    assert (status, json.loads(body)) == (200, {"data": {"launchRun": {"__typename": "LaunchRunSuccess"}}})
    assert sorted(server.runs().values()) == ["nightly", "publish"]
