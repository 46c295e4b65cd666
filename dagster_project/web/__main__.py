"""Dagster's web server behind `Guard`, on a port of loopback or a Unix socket; `fcir ui` starts it."""

import argparse
import signal
import socket
from contextlib import suppress
from pathlib import Path

import dagster as dg
import uvicorn

# dagster-webserver's own command uses these names. It accepts no middleware, and the names have no public location; the
# release of Dagster is pinned.
from dagster._core.workspace.context import WorkspaceProcessContext, WorkspaceRequestContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._utils.log import configure_loggers
from dagster_webserver.app import create_app_from_workspace_process_context
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from dagster_project.defs.automation import login_tags
from dagster_project.settings import WORKSPACE, LogFormat, read_settings
from dagster_project.web.guard import Guard, names_of_server

# Calls from the extract to their measures: 20 assets, where the page of all has more than 200.
_FIRST_PAGE = "/locations/__repository__@dagster_project/asset-groups/calls"
# How often a page polls for changes of its assets, in milliseconds; the default of dagster-webserver.
_POLL_MILLISECONDS = 2000
# Seconds to wait for open pages, which keep a WebSocket each; `fcir ui` waits 20 seconds before it kills the server.
_STOP_SECONDS = 5


class _RequestContext(WorkspaceRequestContext):
    """What Dagster knows of a request; also tags backfills and reported events with the login that the proxy states."""

    def get_viewer_tags(self) -> dict[str, str]:
        return login_tags(getattr(self.source, "headers", {}).get)

    get_reporting_user_tags = get_viewer_tags


class _ProcessContext(WorkspaceProcessContext):
    def create_request_context(self, source: object | None = None) -> WorkspaceRequestContext:
        return _RequestContext(
            instance=self.instance,
            current_workspace=self.get_current_workspace(),
            process_context=self,
            version=self.version,
            source=source,
            read_only=self.read_only,
        )


def main() -> None:
    """Serve until stopped by SIGINT or SIGTERM.

    Raises:
        SettingsError: a setting cannot be used.
    """
    parser = argparse.ArgumentParser(prog="python -m dagster_project.web", description=__doc__)
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--port", type=int, help="port on 127.0.0.1")
    place.add_argument("--socket", type=Path, help="path of a Unix socket for the group of this process")
    parser.add_argument("--read-only", action="store_true", help="refuse every change")
    arguments = parser.parse_args()
    settings = read_settings()
    configure_loggers(formatter="json" if settings.log_format is LogFormat.JSON else "colored")
    # Uvicorn raises the signal that stopped it again. As an exception, it also ends the code server.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with (
        dg.DagsterInstance.get() as instance,
        _ProcessContext(
            instance,
            WorkspaceFileTarget(paths=[str(WORKSPACE)]),
            version=dg.__version__,
            read_only=arguments.read_only,
        ) as context,
    ):
        app = create_app_from_workspace_process_context(context, live_data_poll_rate=_POLL_MILLISECONDS)
        guard = Guard(
            _opened_at_first_page(app),
            names_of_server(arguments.port, settings.ui_hosts),
            is_behind_proxy=arguments.socket is not None,
        )
        config = uvicorn.Config(
            guard, log_level="warning", server_header=False, timeout_graceful_shutdown=_STOP_SECONDS
        )
        if arguments.socket:
            listening = _listen_at(arguments.socket)
        else:
            listening = socket.create_server(("127.0.0.1", arguments.port))
        # Uvicorn raises the signal that stopped it again.
        with listening, suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listening])


def _opened_at_first_page(app: ASGIApp) -> ASGIApp:
    """Return the server, which leads a visitor without a page to the first one."""

    async def opened(scope: Scope, receive: Receive, send: Send) -> None:
        is_bare = scope["type"] == "http" and scope["path"] == "/"
        await (RedirectResponse(_FIRST_PAGE) if is_bare else app)(scope, receive, send)

    return opened


def _listen_at(path: Path) -> socket.socket:
    """Listen on a Unix socket that the owner and the group of this process can open; one that was left is replaced."""
    with suppress(FileNotFoundError):
        path.unlink()
    listening = socket.socket(socket.AF_UNIX)
    # Uvicorn itself would open it to every account.
    listening.bind(str(path))
    path.chmod(0o660)
    listening.listen(socket.SOMAXCONN)
    return listening


if __name__ == "__main__":
    main()
