"""What takes seconds to make and is the same in every data root: the parsed dbt project and the explorer's library.

`python -m dagster_project.prepared`, which `make env` runs, makes both with the environment, so that no first run has
to: five of its 35 CPU seconds. Where that was not done, or the project has changed since, they are made when needed.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from dagster_project.errors import OperatorError
from dagster_project.publication.explorer import VEGA, write_vega
from dagster_project.settings import PREPARED, Settings
from dagster_project.transformation.project import keep_parsed


def prepare(folder: Path) -> None:
    """Make what a folder lacks, or has of another state of the project or another version of the library.

    Raises:
        DbtError: the project does not parse.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder) as scratch:
        # Of an installation it needs the data root alone, and what its environment says of the rest may be anything.
        keep_parsed(Settings.model_construct(home=Path(scratch)), folder)
        write_vega(Path(scratch), prepared=folder)
        (folder / VEGA).parent.mkdir(exist_ok=True)
        (Path(scratch) / VEGA).replace(folder / VEGA)


def main() -> None:
    """Prepare the environment, or say why it is not: everything works without it."""
    try:
        prepare(PREPARED)
    except (OperatorError, OSError) as error:
        sys.stderr.write(f"Nothing was prepared, so first runs take some seconds longer: {error}\n")


if __name__ == "__main__":
    main()
