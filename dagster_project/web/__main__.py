"""Dagster's web server on loopback, behind `Guard`; `fcir ui` starts it as `python -m dagster_project.web --port N`."""

import argparse
import signal

import dagster as dg
import uvicorn

# dagster-webserver's own command uses these names. It accepts no middleware, and the names have no public location; the
# release of Dagster is pinned.
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._utils.log import configure_loggers
from dagster_webserver.app import create_app_from_workspace_process_context

from dagster_project.settings import WORKSPACE, LogFormat, read_settings
from dagster_project.web.guard import Guard, names_of_server

# How often a page polls for changes of its assets, in milliseconds; the default of dagster-webserver.
_POLL_MILLISECONDS = 2000
# Seconds to wait for open pages, which keep a WebSocket each; `fcir ui` waits 20 seconds before it kills the server.
_STOP_SECONDS = 5


def main() -> None:
    """Serve until stopped by SIGINT or SIGTERM.

    Raises:
        SettingsError: a setting cannot be used.
    """
    parser = argparse.ArgumentParser(prog="python -m dagster_project.web", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1")
    parser.add_argument("--workspace", default=str(WORKSPACE), help="Dagster's file of code locations")
    parser.add_argument("--read-only", action="store_true", help="refuse every change")
    arguments = parser.parse_args()
    settings = read_settings()
    configure_loggers(formatter="json" if settings.log_format is LogFormat.JSON else "colored")
    # Uvicorn raises the signal that stopped it again. As an exception, it also ends the code server.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with (
        dg.DagsterInstance.get() as instance,
        WorkspaceProcessContext(
            instance,
            WorkspaceFileTarget(paths=[arguments.workspace]),
            version=dg.__version__,
            read_only=arguments.read_only,
        ) as context,
    ):
        app = create_app_from_workspace_process_context(context, live_data_poll_rate=_POLL_MILLISECONDS)
        uvicorn.run(
            Guard(app, names_of_server(arguments.port, settings.ui_hosts)),
            host="127.0.0.1",
            port=arguments.port,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=_STOP_SECONDS,
        )


if __name__ == "__main__":
    main()
