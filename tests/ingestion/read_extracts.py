"""Read many extracts as loading does, each as the delivery of its own day, and write the results to a file.

Runs as `read_extracts.py FOLDER OUT` in its own process, to measure its memory and to end files that hang.
FOLDER has a folder of files for each source; OUT becomes a pickle.
"""

from __future__ import annotations

import faulthandler
import os
import pickle
import resource
import sys
from itertools import count
from pathlib import Path

from dagster_project.contracts import load_contracts
from dagster_project.loading.candidate import read_deliveries
from dagster_project.loading.landing import LandedFile, extract_date_of
from dagster_project.loading.plan import Delivery
from dagster_project.loading.pseudonyms import PseudonymKey
from dagster_project.sql import rows_as_dicts
from dagster_project.warehouse.connection import dry_connection
from dagster_project.warehouse.tables import ensure_tables, incoming

# A file that takes longer ends the process with a traceback of where it hangs.
SECONDS_PER_FILE, SECONDS_FOR_JUDGING = 10, 60
KEY = PseudonymKey(bytes(range(32)))


def main(folder: Path, out: Path) -> None:
    """Read all files."""
    contracts = load_contracts(Path(__file__).parents[2] / "expectations")
    found, peak = {}, 0
    for source in sorted(path.name for path in folder.iterdir()):
        contract = contracts[source]
        deliveries = []
        for path in sorted((folder / source).iterdir()):
            day = extract_date_of(path.name, source)
            assert day is not None
            status = path.stat()
            landed = LandedFile(source, day, path, status.st_size, status.st_mtime_ns)
            deliveries.append(Delivery(source, day, (landed,), ()))
        with dry_connection() as connection:
            ensure_tables(connection, [contract])
            last = len(deliveries)

            def watch(done: int, last: int = last) -> None:
                faulthandler.dump_traceback_later(SECONDS_PER_FILE if done < last else SECONDS_FOR_JUDGING, exit=True)

            watch(0)
            candidate = read_deliveries(
                connection,
                contract,
                deliveries,
                key=KEY,
                default_force="surrey",
                load_ids=count(1),
                on_progress=watch,
            )
            peak = max(peak, _peak_bytes())
            tables = {}
            for part in (None, "quarantine", "deliveries"):
                result = connection.execute(f"select * from {incoming(contract, part)}")  # noqa: S608
                tables[part] = rows_as_dicts(result)
            faulthandler.cancel_dump_traceback_later()
        found[source] = {"files": [vars(file) for file in candidate.files], "tables": tables}
    out.write_bytes(pickle.dumps({"sources": found, "peak": peak}))


def _peak_bytes() -> int:
    """The most memory that this process had, and each that reads for it.

    Linux counts in `ru_maxrss` what the parent had when it started this process; the high-water mark does not.
    """
    if not Path("/proc").is_dir():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    states = [Path(f"/proc/{process}/status").read_text() for process in ("self", *children)]
    return sum(int(line.split()[1]) << 10 for state in states for line in state.splitlines() if "VmHWM" in line)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
