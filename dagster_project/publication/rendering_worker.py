"""The process that renders files. It is started by `rendering.py`, never imported.

A request is a pickled function with its arguments. A reply is JSON that states success or failure, followed on success
by the bytes of the file.
"""

import json
import pickle
import resource
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection

from dagster_project.child_process import connect_to_parent

# Imported here so that the time of the imports does not count for the first rendering.
from dagster_project.publication import charts, html  # noqa: F401
from dagster_project.publication.characters import cleaned
from dagster_project.publication.rendering import Rendered

# A paper with its charts takes 0.3 GiB.
_MEMORY = 2 << 30


def main() -> None:
    """Serve requests until the parent closes the connection."""
    connection = connect_to_parent({resource.RLIMIT_DATA: _MEMORY})
    connection.send_bytes(b"ready")
    # If the parent has ended, no process can receive an error.
    with suppress(EOFError, ConnectionError):
        while True:
            _serve(connection)


def _serve(connection: Connection) -> None:
    request = connection.recv_bytes()
    try:
        rendered = _call(request)
    except Exception as error:
        text = traceback.format_exc()
        connection.send_bytes(json.dumps({"error": type(error).__name__, "traceback": text}).encode())
        return
    connection.send_bytes(json.dumps({"error": None, "replaced": rendered.replaced}).encode())
    connection.send_bytes(rendered.content)


def _call(request: bytes) -> Rendered:
    function, arguments = pickle.loads(request)  # noqa: S301 - from the parent, over a private connection
    file = function(*cleaned(arguments))
    if isinstance(file, Rendered):
        return file
    return Rendered(file.encode("utf-8", "replace") if isinstance(file, str) else file, {})


if __name__ == "__main__":
    main()
