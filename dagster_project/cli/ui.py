"""`fcir ui`: Dagster's web server and daemon on this machine."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from dagster_project.cli.data_root import start
from dagster_project.cli.jobs import close_killed_runs, prepare_dagster_home
from dagster_project.console import say
from dagster_project.errors import UsageError
from dagster_project.settings import WORKSPACE, LogFormat, Settings
from dagster_project.transformation.project import ensure_manifest, is_parsed
from dagster_project.warehouse.lock import note_step, writer_lock
from dagster_project.words import in_shell
from dagster_project.writing import private_files

# Of Linux; the address has 108 bytes, and ends with a zero.
_LONGEST_SOCKET = 107


def ui(
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port on 127.0.0.1.")] = 3000,
    socket_path: Annotated[
        Path | None,
        typer.Option("--socket", metavar="PATH", help="Unix socket in place of a port, for the group of a proxy."),
    ] = None,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Allow no changes and start no runs, for viewers.")
    ] = False,
) -> None:
    """Run the lineage UI and the scheduler on this machine until stopped with Ctrl-C.

    Listens only on 127.0.0.1, or on a Unix socket, which no account but that of this command and the members of its
    group can open.

    Examples:
      fcir ui
      fcir ui --port 3001 --read-only
      fcir ui --socket /run/fcir-ui/ui.sock
    """
    settings = start()
    if socket_path:
        require_free_socket(socket_path, settings)
    else:
        require_free_port(port)
    raise typer.Exit(serve_ui(settings, at=socket_path or port, read_only=read_only))


def serve_ui(settings: Settings, *, at: int | Path, read_only: bool) -> int:
    """Run Dagster's web server, with the daemon unless read-only, until one ends or the user stops them.

    Args:
        settings: the data root.
        at: port of 127.0.0.1, or path of a Unix socket.
        read_only: whether the server refuses changes.

    Returns:
        The exit code of the process that ended first; 0 if the user stopped them.

    Raises:
        WarehouseLocked: a run holds the warehouse, and something must be created first or the UI is not read-only.
    """
    prepare_dagster_home(settings)
    if not (read_only and _is_ready_for_viewers(settings)):
        _prepare_project(settings)
    # Processes of Dagster need these settings even if they come from a .env file.
    environment = os.environ | {"FCIR_HOME": str(settings.home), "FCIR_FORCE": settings.force}
    # -P: modules come from the environment, not from the current folder.
    place = ["--socket" if isinstance(at, Path) else "--port", str(at)]
    web = [sys.executable, "-P", "-m", "dagster_project.web", *place]
    form = ["--log-format", "json"] if settings.log_format is LogFormat.JSON else []
    daemon = [str(Path(sys.executable).with_name("dagster-daemon")), "run", "--workspace", str(WORKSPACE), *form]
    # Viewers get no daemon: it would be a second scheduler besides the operator's.
    commands = [[*web, "--read-only"]] if read_only else [web, daemon]
    schedule = "no schedule runs" if read_only else "the nightly schedule runs while it is up"
    say(f"Lineage UI   {at if isinstance(at, Path) else f'http://127.0.0.1:{at}'}   (Ctrl-C stops it; {schedule})")
    sys.stdout.flush()
    # A shell that starts this in the background passes on an ignored SIGINT; the servers would then stop only by
    # SIGKILL.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for command in commands:
            # Dagster's files are private; runs set the modes of their publications themselves.
            process = subprocess.Popen(command, env=environment, start_new_session=True, umask=0o077)  # noqa: S603 - own tools
            processes.append(process)
        while True:
            for process in processes:
                if (ended := process.poll()) is not None:
                    return ended
            time.sleep(0.5)
    except KeyboardInterrupt:
        return 0
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()


def _prepare_project(settings: Settings) -> None:
    """Create storage and manifest, before several processes do so at the same time.

    Raises:
        WarehouseLocked: a run holds the warehouse.
    """
    import dagster as dg

    locked = writer_lock(settings.lock_file, command="fcir ui")
    with locked, private_files(), dg.DagsterInstance.get() as instance:
        note_step(settings.lock_file, "preparing the lineage UI")
        close_killed_runs(instance, settings, of_code_server=True)
        ensure_manifest(settings)


def _is_ready_for_viewers(settings: Settings) -> bool:
    """Return whether a run or `fcir ui` has created all that the read-only server needs, so that it only reads."""
    storage = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")
    return all((settings.dagster_home / file).exists() for file in storage) and is_parsed(settings)


def require_free_port(port: int) -> None:
    """Check that a port is free, before servers start that would fail only half a minute later.

    Raises:
        UsageError: another program listens on it.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise UsageError(
                f"port {port} of 127.0.0.1 is in use; nothing was started. Stop what uses it (another fcir ui?) or "
                f"use another port: fcir ui --port {port + 1 if port < 65535 else 3000}"
            ) from None


def require_free_socket(path: Path, settings: Settings) -> None:
    """Check that a server can listen at a path, and that a proxy can reach it, before servers start.

    Raises:
        UsageError: another server listens there, something else is in its place, or no name of the proxy is known.
    """
    if not settings.ui_hosts:
        raise UsageError(
            "FCIR_UI_HOSTS is not set, so every request of the proxy would be refused; nothing was started. Set it to "
            "the names under which the proxy is reached: FCIR_UI_HOSTS=fcir-operators.example"
        )
    if not path.parent.is_dir() or (os.path.lexists(path) and not path.is_socket()):
        place = "is not a socket" if path.parent.is_dir() else f"has no folder {in_shell(path.parent)}"
        raise UsageError(f"--socket {in_shell(path)}: {place}; nothing was started. State the path of a new file")
    if len(os.fsencode(path)) > _LONGEST_SOCKET:
        raise UsageError(f"--socket {in_shell(path)}: longer than {_LONGEST_SOCKET} bytes; state a shorter path")
    with socket.socket(socket.AF_UNIX) as probe:
        if probe.connect_ex(str(path)) == 0:
            raise UsageError(
                f"--socket {in_shell(path)}: another server listens on it; nothing was started. Stop it (another fcir "
                "ui?) or state another path"
            )
