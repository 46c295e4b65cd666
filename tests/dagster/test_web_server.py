"""The web server is for this machine alone, and its pages need no other."""

import fcntl
import json
import re
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path
from urllib.parse import quote

import dagster as dg
import dagster_webserver
import pytest
import yaml

from dagster_project.cli import ui
from dagster_project.cli.jobs import prepare_dagster_home
from dagster_project.errors import UsageError
from dagster_project.settings import WORKSPACE, Settings, read_settings
from dagster_project.warehouse import lock
from tests.end_to_end.command import Command


class Ended:
    """Stands for a process that has ended; keeps its command."""

    started: list[list[str]]

    def __init__(self, command: list[str], **options: object) -> None:
        assert options["env"]["DAGSTER_HOME"]
        type(self).started.append(command)

    def poll(self) -> int:
        return 0

    def terminate(self) -> None:
        """Nothing to end."""

    def wait(self, timeout: float) -> int:
        assert timeout > 0
        return 0


@pytest.fixture
def serve(settings, monkeypatch) -> Callable[..., list[list[str]]]:
    """Serve the UI with processes that end at once; return the commands that were started."""
    monkeypatch.setattr(ui.subprocess, "Popen", Ended)
    monkeypatch.setattr(ui.signal, "signal", lambda *_: None)

    def serve(*, read_only: bool = False, settings: Settings = settings) -> list[list[str]]:
        Ended.started = []
        ui.serve_ui(settings, port=3999, read_only=read_only)
        return Ended.started

    return serve


def test_web_server_and_daemon_are_started_with_the_code_location(serve, settings):
    [web, daemon] = serve()
    workspace = settings.dagster_home / "workspace.yaml"
    assert web[1:] == ["-P", "-m", "dagster_project.web", "--port", "3999", "--workspace", str(workspace)]
    assert daemon[1:] == ["run", "--workspace", str(workspace)]
    assert workspace.read_bytes() == WORKSPACE.read_bytes()


def test_the_code_location_is_loaded_by_its_name():
    [location] = yaml.safe_load(WORKSPACE.read_text(encoding="utf-8"))["load_from"]
    module = {"module_name": "dagster_project.definitions", "location_name": "dagster_project"}
    assert location["python_module"] == module


def test_the_daemon_logs_json_where_the_program_does(serve, monkeypatch):
    monkeypatch.setenv("FCIR_LOG_FORMAT", "json")
    started = serve(settings=read_settings())
    assert [command[-2:] for command in started if "dagster-daemon" in command[0]] == [["--log-format", "json"]]


def test_a_port_in_use_is_reported_before_anything_starts():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port} of 127.0.0.1 is in use; nothing was started"):
            ui.require_free_port(port)
    ui.require_free_port(port)


def test_viewers_get_a_server_that_can_start_nothing(serve):
    [web] = serve(read_only=True)
    assert web[-1] == "--read-only"


def test_viewers_need_no_lock_once_there_is_something_to_read(serve, settings, monkeypatch):
    assert len(serve()) == 2
    monkeypatch.setattr(lock, "_PATIENCE_SECONDS", 0.0)
    with settings.lock_file.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert len(serve(read_only=True)) == 1
        with pytest.raises(lock.WarehouseLocked):
            serve()
    assert Ended.started == []


def test_the_address_is_printed_only_if_the_ui_is_started(serve, settings, monkeypatch, capsys):
    monkeypatch.setattr(lock, "_PATIENCE_SECONDS", 0.0)
    serve()
    assert capsys.readouterr().out.startswith("Lineage UI   http://127.0.0.1:3999   (Ctrl-C stops it")
    with settings.lock_file.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(lock.WarehouseLocked):
            serve()
    assert not capsys.readouterr().out


def test_runs_that_were_killed_with_their_code_server_are_closed_by_the_next_start(serve):
    serve()
    own, other = ({".dagster/repository": f"__repository__@{name}"} for name in ("dagster_project", "essex"))
    server = {".dagster/grpc_info": "{}"}
    started = dg.DagsterRunStatus.STARTED
    runs = {
        "killed": dg.DagsterRun(job_name="nightly", run_id=str(uuid.UUID(int=2)), status=started, tags=own | server),
        "of another root": dg.DagsterRun(
            job_name="nightly", run_id=str(uuid.UUID(int=3)), status=started, tags=other | server
        ),
        # Kubernetes looks after it.
        "a pod": dg.DagsterRun(job_name="nightly", run_id=str(uuid.UUID(int=4)), status=started, tags=own),
    }
    with dg.DagsterInstance.get() as instance:
        for run in runs.values():
            instance.run_storage.add_run(run)
    serve()
    with dg.DagsterInstance.get() as instance:
        found = {name: instance.get_run_by_id(run.run_id) for name, run in runs.items()}
        states = {name: run.status.value for name, run in found.items() if run}
        for run in runs.values():
            instance.delete_run(run.run_id)
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

    def ask(self, request: str, *headers: str, host: str | None = None, body: str = "") -> tuple[int, str]:
        """Status and body of the answer to a request with these headers, Host and no others."""
        head = [f"{request} HTTP/1.1", f"Host: {host or f'127.0.0.1:{self.port}'}", *headers]
        head += [f"Content-Length: {len(body)}"] if body else []
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            connection.sendall("\r\n".join([*head, "", body]).encode())
            answer = HTTPResponse(connection, method=request.partition(" ")[0])
            answer.begin()
            return answer.status, "" if answer.status == 101 else answer.read().decode()

    def change(self, mutation: str, *headers: str, host: str | None = None) -> tuple[int, str]:
        """As `ask`, of a mutation that a page sends by POST."""
        return self.ask("POST /graphql", *headers, host=host, body=json.dumps({"query": mutation}))

    def runs(self) -> dict[str, str]:
        """Job of each run by its id."""
        query = "{ runsOrError { ... on Runs { results { runId jobName } } } }"
        _, body = self.ask("POST /graphql", JSON, body=json.dumps({"query": query}))
        return {run["runId"]: run["jobName"] for run in json.loads(body)["data"]["runsOrError"]["results"]}


JSON = "Content-Type: application/json"
SELECTOR = 'repositoryLocationName: "dagster_project", repositoryName: "__repository__", jobName: "publish"'
LAUNCH = f"mutation {{ launchRun(executionParams: {{ selector: {{ {SELECTOR} }} }}) {{ __typename }} }}"
# The run queue takes no other while this one seems to be under way.
RUNNING = dg.DagsterRun(job_name="nightly", run_id=str(uuid.UUID(int=1)), status=dg.DagsterRunStatus.STARTED)
DELETE = f'mutation {{ deletePipelineRun(runId: "{RUNNING.run_id}") {{ __typename }} }}'


def listens(port: int, address: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) == 0


@pytest.fixture(scope="module")
def server(tmp_path_factory, parsed_project) -> Iterator[Server]:
    """`fcir ui`, web server and daemon, with a run in its history."""
    command = Command(tmp_path_factory.mktemp("ui") / "home")
    command.know_the_project(parsed_project)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", "")
        prepare_dagster_home(Settings(home=command.home, _env_file=None))
        with dg.DagsterInstance.get() as instance:
            instance.run_storage.add_run(RUNNING)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        server = Server(probe.getsockname()[1])
    # Its own words are a few lines, which a pipe holds.
    process = command.start("ui", "--port", str(server.port))
    try:
        while not listens(server.port):
            assert process.poll() is None, process.communicate()
            time.sleep(0.2)
        yield server
    finally:
        process.terminate()
        process.communicate()


@pytest.mark.parametrize("mutation", [LAUNCH, DELETE])
def test_no_foreign_page_can_change_anything(server, mutation):
    get, post = (f"{method} /graphql?query={quote(mutation)}" for method in ("GET", "POST"))
    of_query = quote("query A { version } " + mutation.replace(" ", " B ", 1))
    foreign, form = "Origin: http://evil.example", "Content-Type: application/x-www-form-urlencoded"
    answers = [
        server.ask(get),
        server.ask(get, "Accept: image/*"),
        server.ask(get.replace("/graphql", "/graphql%0A")),
        server.ask(get.replace("/graphql", "/%67raphql")),
        server.ask(get.replace("GET", "HEAD")),
        server.ask(f"GET /graphql?operationName=B&query={of_query}"),
        server.change(mutation, JSON, foreign),
        server.change(mutation, JSON, "Origin: null"),
        server.change(mutation, JSON, f"Origin: http://127.0.0.1:{server.port + 1}"),
        server.change(mutation, JSON, host="evil.example"),
        server.change(mutation, JSON, "X-Forwarded-Host: 127.0.0.1", host=f"evil.example:{server.port}"),
        server.change(mutation, "Content-Type: text/plain; application/json"),
        server.ask(post, form, body="a=1"),
        server.ask(post, "Content-Length: 0"),
        server.ask("POST /report_asset_materialization/raw/crimes", "Content-Length: 0"),
        server.ask("POST /report_asset_check/raw/crimes?check_name=a&passed=true", foreign, "Content-Length: 0"),
        server.ask("PUT /graphql", JSON),
    ]
    assert {status for status, _ in answers} <= {403, 405, 415, 421}
    assert server.runs() == {RUNNING.run_id: "nightly"}


def test_the_web_server_listens_on_loopback_only(server):
    # A server of all addresses answers here too.
    assert listens(server.port)
    assert not listens(server.port, "127.0.0.2")


def test_no_foreign_page_can_listen(server):
    shake = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
    shake += ["Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Protocol: graphql-ws"]
    own = f"http://127.0.0.1:{server.port}"
    assert server.ask("GET /graphql", *shake, f"Origin: {own}")[0] == 101
    assert server.ask("GET /graphql", *shake, "Origin: http://evil.example")[0] == 403
    assert server.ask("GET /graphql", *shake, "Origin: null")[0] == 403
    assert server.ask("GET /graphql", *shake, "Origin: http://evil.example", host="evil.example")[0] == 421


def test_a_page_of_the_ui_can_start_a_run(server):
    origin = f"Origin: http://127.0.0.1:{server.port}"
    assert "Dagster" in server.ask("GET /runs", "Accept: text/html")[1]
    assert json.loads(server.ask("GET /graphql?query=%7Bversion%7D")[1])["data"] == {"version": dg.__version__}
    status, body = server.change(LAUNCH, JSON, origin)
    assert (status, json.loads(body)) == (200, {"data": {"launchRun": {"__typename": "LaunchRunSuccess"}}})
    assert sorted(server.runs().values()) == ["nightly", "publish"]
