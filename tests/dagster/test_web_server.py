"""The web server is for this machine alone, and its pages need no other."""

import re
import socket
from pathlib import Path

import dagster_webserver
import pytest
import yaml

from dagster_project import operations
from dagster_project.errors import UsageError
from dagster_project.settings import PROJECT_ROOT, read_settings


class Ended:
    """Stands for a process that has ended; keeps what it was started with."""

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
def started(settings, monkeypatch) -> list[list[str]]:
    Ended.started = []
    monkeypatch.setattr(operations.subprocess, "Popen", Ended)
    monkeypatch.setattr(operations.signal, "signal", lambda *_: None)
    operations.serve_ui(settings, port=3999, read_only=False)
    return Ended.started


def test_the_web_server_listens_on_loopback_only(started):
    [web] = [command for command in started if "dagster-webserver" in command[0]]
    assert web[web.index("--host") + 1] == "127.0.0.1"
    assert web[web.index("--port") + 1] == "3999"


def test_web_server_and_daemon_load_the_same_code_location_by_its_name(started):
    files = {command[command.index("--workspace") + 1] for command in started}
    assert len(started) == 2
    [file] = files
    [location] = yaml.safe_load(Path(file).read_text(encoding="utf-8"))["load_from"]
    assert location["python_module"] == {
        "module_name": "dagster_project.definitions",
        "location_name": "dagster_project",
    }


@pytest.mark.usefixtures("settings")
def test_the_servers_speak_json_where_the_log_does(monkeypatch):
    Ended.started = []
    monkeypatch.setattr(operations.subprocess, "Popen", Ended)
    monkeypatch.setattr(operations.signal, "signal", lambda *_: None)
    monkeypatch.setenv("FCIR_LOG_FORMAT", "json")
    operations.serve_ui(read_settings(), port=3999, read_only=False)
    assert [command[-2:] for command in Ended.started] == [["--log-format", "json"]] * 2


def test_a_port_that_is_in_use_is_told_before_anything_starts():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port} of 127.0.0.1 is in use; nothing was started"):
            operations.claim_port(port)
    operations.claim_port(port)


def test_viewers_get_a_server_that_can_start_nothing(settings, monkeypatch):
    Ended.started = []
    monkeypatch.setattr(operations.subprocess, "Popen", Ended)
    monkeypatch.setattr(operations.signal, "signal", lambda *_: None)
    operations.serve_ui(settings, port=3999, read_only=True)
    [web] = [command for command in Ended.started if "dagster-webserver" in command[0]]
    assert "--read-only" in web


def test_the_page_loads_its_parts_from_this_machine():
    page = (Path(dagster_webserver.__file__).parent / "webapp" / "build" / "index.html").read_text(encoding="utf-8")
    loaded = re.findall(r"<(?:script|link|img)[^>]*?(?:src|href)=\"([^\"]+)\"", page)
    assert loaded
    assert [address for address in loaded if re.match(r"(https?:)?//", address)] == []


def test_no_unit_in_deploy_listens_on_another_address():
    for unit in (PROJECT_ROOT / "deploy").glob("*.service"):
        for address in re.findall(r"--host[ =](\S+)", unit.read_text(encoding="utf-8")):
            assert address == "127.0.0.1", unit.name
