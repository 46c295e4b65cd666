"""The entry point of `fcir`. Handles stop signals before importing `cli/app.py`, which takes 0.3 s."""

import os
import resource
import sys
from contextlib import suppress

from dagster_project.cli.signals import stop_on_signals

_SAY_NO_MEMORY = ("annot allocate memory", "failed to map segment")


def main() -> None:
    """Run the command."""
    # A core dump would contain identifiers. The processes that it starts inherit this; a system may refuse to set it.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    stop_on_signals(sys.argv[1:])
    # Nothing here multiplies matrices, and NumPy and SciPy each reserve 40 MiB for every processor.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        from dagster_project.cli.app import main as run_command
    except (ImportError, MemoryError) as error:
        # A library that finds no memory for its code says so in an ImportError.
        if isinstance(error, ImportError) and not any(words in str(error) for words in _SAY_NO_MEMORY):
            raise
        sys.exit("fcir: too little memory to start. Nothing was done. Free memory, or raise its limit, and run again")

    run_command()


if __name__ == "__main__":
    main()
