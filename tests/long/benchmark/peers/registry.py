"""Which other ways of doing the same work there are, and which of them can be measured here.

A peer reads a landing folder as `data.py` writes it and makes a DuckDB file with tables of the reference, at least the
facts in the schema `marts`: their columns and rows in whatever order, `load_id` numbered as it likes. It hashes
personal values with the key in the key file (HMAC-SHA-256, 32 hexadecimal digits), so that its pseudonyms are the same.
Figures are only shown when its tables equal those of the reference.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tests.long.benchmark.equality import FACTS, LOADING, MONTHLY, Comparison
from tests.long.benchmark.peers.sqlmesh_project import SQLMESH

INSTALL = "make env-peers"
"""What installs the libraries of all peers."""

CORE, FACTS_ALONE = "reference, core", "reference, facts"
"""What the table calls the references that peers are held against."""


@dataclass(frozen=True)
class Peer:
    """A program that does the work of the reference.

    Attributes:
        name: what the table calls it.
        module: of the program, within this package.
        needs: Python module or file that has to be there.
        against: the reference that does as much as it does.
        comparisons: what of its file has to equal the reference's.
        sizes: of the extracts that it can work on. Scripts hold all rows in memory: 0.4 GB a million rows in Polars and
            0.7 GB in pandas, 45 and 80 GB at L.
    """

    name: str
    module: str
    needs: str | Path
    against: str
    comparisons: tuple[Comparison, ...]
    sizes: str = "SML"

    def is_installed(self) -> bool:
        """Whether what it needs is there."""
        return self.needs.exists() if isinstance(self.needs, Path) else find_spec(self.needs) is not None

    def obstacle(self, size: str) -> str | None:
        """Why it cannot be measured at a size; None when it can."""
        if size not in self.sizes:
            return f"it holds all rows in memory, which are too many at size {size}"
        return None if self.is_installed() else f"it is not installed; {INSTALL} installs it"

    def command(self, landing: Path, database: Path, *, key: Path, force: str) -> Sequence[str]:
        """Program and arguments.

        Args:
            landing: folder of the extracts.
            database: DuckDB file to make; it does not exist.
            key: file of the pseudonym key.
            force: of extracts without a force column.
        """
        module = f"{__package__}.{self.module}"
        return [sys.executable, "-m", module, str(landing), str(database), "--key", str(key), "--force", force]


_ALL = (*LOADING, *FACTS, *MONTHLY)
# Scripts count no files.
_OF_SCRIPTS = (*(comparison for comparison in LOADING if comparison.name != "audit.load"), *FACTS)

PEERS = (
    Peer("Polars script, facts", "polars_script", "polars", FACTS_ALONE, _OF_SCRIPTS, sizes="SM"),
    Peer("dbt alone", "dbt_alone", "dbt.adapters.duckdb", CORE, _ALL),
    Peer("SQLMesh", "sqlmesh_project", SQLMESH, CORE, _ALL),
    Peer("dlt and dbt", "dlt_dbt", "dlt", CORE, _ALL),
    Peer("pandas script, facts", "pandas_script", "pandas", FACTS_ALONE, _OF_SCRIPTS, sizes="SM"),
)
"""All peers in the order of the table."""
