"""dbt in a process of its own, which `dbt.py` starts: for the data root FCIR_HOME, with the force's own lists."""

import gc
import os
import sys
import threading
import time
from collections.abc import Sequence

from dagster_project.errors import OperatorError
from dagster_project.settings import Settings, read_settings
from dagster_project.transformation.project import RESULTS, invoke, parse, target_path


def main() -> int:
    """Run the command of dbt in the arguments; return its exit code."""
    threading.Thread(target=_end_with, args=[os.getppid()], daemon=True).start()
    # As in `fcir` itself: a run creates objects that live until its end.
    gc.set_threshold(2_000_000)
    return run(read_settings(), sys.argv[1:])


def run(settings: Settings, arguments: Sequence[str]) -> int:
    """Run a command of dbt, and write its results: dbt would write two more files each time.

    Returns:
        The exit code: 1 if a node failed, 2 if dbt could not start; then the last line says why.
    """
    try:
        parsed = parse(settings)
        # The documentation page shows the SQL that builds whole tables; dbt writes it into the manifest.
        options = ["--no-use-colors", *([] if "--full-refresh" in arguments else ["--no-write-json"])]
        results = invoke(settings, [*arguments, *options], manifest=parsed, log_level="info")
    except OperatorError as error:
        sys.stdout.write(f"{error}\n")
        return 2
    results.write(str(target_path(settings) / RESULTS))
    return 1 if any(str(result.status) in ("error", "fail", "skipped") for result in results.results) else 0


def _end_with(parent: int) -> None:
    """End this process when its parent ends, also by SIGKILL: the next run needs the warehouse."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
