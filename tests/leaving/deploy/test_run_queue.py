"""Two data roots share a UI: their runs go side by side, one of each at a time, and a killed run is tried again."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import pytest

from dagster_project.warehouse.lock import holder_of
from tests.leaving.deploy.postgres import Database, free_port, running_postgres
from tests.leaving.deploy.programs import wait_for
from tests.leaving.end_to_end.command import START, Command, figures, land_correction, land_three_days

FORCES = ("kent", "essex")
RUNS = """
    select runs.run_id, status, start_time, end_time, location.value, coalesce(retry.value, '')
    from runs
    join run_tags location on location.run_id = runs.run_id and location.key = 'dagster/code_location'
    join run_tags force on force.run_id = runs.run_id and force.key = 'fcir/force' and force.value = location.value
    left join run_tags retry on retry.run_id = runs.run_id and retry.key = 'dagster/retry_number'
    order by start_time
"""


@dataclass(frozen=True)
class Run:
    """A run as Dagster's storage has it; its times are seconds since 1970."""

    run_id: str
    status: str
    start: float | None
    end: float | None
    location: str
    retry_number: str


@dataclass(frozen=True)
class Roots:
    """Data roots by force, their UI, and the storage that they share."""

    commands: dict[str, Command]
    port: int
    database: Database

    def launch(self, force: str, job: str) -> str:
        """Put a run of a root into the queue, as a page of the UI does; return its id."""
        selector = f'repositoryLocationName: "{force}", repositoryName: "__repository__", jobName: "{job}"'
        run = "... on LaunchRunSuccess { run { runId } } ... on PythonError { message }"
        query = f"mutation {{ launchRun(executionParams: {{ selector: {{ {selector} }} }}) {{ __typename {run} }} }}"
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request("POST", "/graphql", json.dumps({"query": query}), {"Content-Type": "application/json"})
            answer = json.loads(connection.getresponse().read())
        run_id: str = answer["data"]["launchRun"]["run"]["runId"]
        return run_id

    def runs(self) -> list[Run]:
        """All runs, in the order of their starts."""
        return [Run(*row) for row in self.database.rows(RUNS)]


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory, parsed_project: Path, undisturbed: Command) -> Iterator[Roots]:
    """Two roots with deliveries that are not loaded, a code server for each, and one `fcir ui`."""
    folder = tmp_path_factory.mktemp("roots")
    with ExitStack() as stack:
        database = stack.enter_context(running_postgres(folder))

        def start(command: Command, *arguments: str) -> Path:
            # Not a pipe, which would fill up unread: runs of a code server log to it.
            log = command.home.parent / f"{arguments[0]}.log"
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", START, *arguments],
                    cwd=command.home.parent,
                    env=command.environment,
                    stdout=stack.enter_context(log.open("w")),
                    stderr=subprocess.STDOUT,
                )
            )
            stack.callback(process.terminate)
            return log

        commands, locations = {}, []
        for force in FORCES:
            # With the same key, the same pseudonyms.
            key = str(undisturbed.home / "secrets" / "pseudonym.key")
            settings = {"FCIR_FORCE": force, "FCIR_DAGSTER_STORAGE": database.address, "FCIR_PSEUDONYM_KEY_FILE": key}
            commands[force] = command = Command(folder / force / "home", settings=settings)
            command.know_the_project(parsed_project)
            land_three_days(command)
            land_correction(command)
            port = free_port()
            log = start(command, "code-server", "--port", str(port))
            wait_for(f"the code server of {force}", lambda port=port: listens(port), log)
            locations.append(f"- grpc_server: {{host: 127.0.0.1, port: {port}, location_name: {force}}}\n")
        workspace = folder / "workspace.yaml"
        workspace.write_text("load_from:\n" + "".join(locations), encoding="utf-8")
        port = free_port()
        log = start(commands["kent"], "ui", "--port", str(port), "--workspace", str(workspace))
        wait_for("the UI", lambda: listens(port), log)
        yield Roots(commands, port, database)


def test_a_killed_run_is_tried_again_while_another_root_loads(roots: Roots, undisturbed: Command):
    kent = roots.commands["kent"]
    killed = roots.launch("kent", "nightly")
    roots.launch("kent", "nightly")
    other = roots.launch("essex", "nightly")
    lock = kent.home / "warehouse.lock"
    wait_for("a step of the run", lambda: (holder := holder_of(lock)) and holder.step)
    holder = holder_of(lock)
    assert holder is not None
    assert holder.command == f"Dagster run {killed[:8]}"
    os.kill(holder.pid, signal.SIGKILL)
    at = time.time()
    wait_for("the end of all runs", lambda: len(roots.runs()) == 4 and all(run.end for run in roots.runs()))
    of_kent = [run for run in roots.runs() if run.location == "kent"]
    assert [(run.run_id == killed, run.status) for run in of_kent if not run.retry_number] == [
        (True, "FAILURE"),
        (False, "SUCCESS"),
    ]
    assert [(run.retry_number, run.status) for run in of_kent if run.retry_number] == [("1", "SUCCESS")]
    noticed = next(run.end for run in of_kent if run.run_id == killed)
    assert noticed is not None
    assert noticed - at < 30
    # One run of a root at a time; those of the other root do not wait.
    ends, starts = [run.end for run in of_kent], [run.start for run in of_kent]
    assert all(end <= start for end, start in zip(ends[:-1], starts[1:], strict=True) if end and start)
    [essex] = [run for run in roots.runs() if run.location == "essex"]
    assert (essex.run_id, essex.status) == (other, "SUCCESS")
    assert essex.start is not None
    assert essex.end is not None
    assert any(run.start and run.end and run.start < essex.end and essex.start < run.end for run in of_kent)
    # A kill leaves nothing half done, and what a retry publishes is what one run would have published.
    assert kent.damage() == []
    assert figures(kent) == figures(undisturbed)
