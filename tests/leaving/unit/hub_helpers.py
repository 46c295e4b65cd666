"""A hub with the data roots of two forces, and what both sides hold. No tests here."""

from datetime import date
from pathlib import Path
from typing import Any

from dagster_project.warehouse.connection import loading_connection
from tests.leaving.unit.loading_helpers import Installation


def purge_day(member: Installation, day: date, rows: int) -> None:
    """Remove rows of a day from a data root, and note it with their load, as a purge does."""
    with loading_connection(member.settings.warehouse) as connection:
        connection.execute(
            "delete from raw.visits where extract_date = $day and source_row in "
            "(select source_row from raw.visits where extract_date = $day order by source_row limit $rows)",
            {"day": day, "rows": rows},
        )
        connection.execute(
            "update audit.load set rows_purged = ?, purged_at = now()::timestamp where extract_date = ?", [rows, day]
        )


class Hub:
    """Data roots of forces and a hub in one folder."""

    def __init__(self, folder: Path, forces: tuple[str, ...] = ("kent", "surrey"), first: int = 1) -> None:
        self.members = {
            force: Installation(folder / force, root_number=number, force=force)
            for number, force in enumerate(forces, first)
        }
        self.hub = Installation(folder / "hub", members=tuple(root.settings.home for root in self.members.values()))

    def __getitem__(self, force: str) -> Installation:
        return self.members[force]

    def run(self):
        """Take in the visits of all members."""
        return self.hub.run()

    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Rows of a query of the hub."""
        return self.hub.query(sql, parameters)

    def problems(self) -> dict[str, str]:
        """Why members were left out, by the name of their folder."""
        found = self.query("select folder, problem from audit.member where problem is not null")
        return {Path(folder).name: problem for folder, problem in found}

    def assert_same(self, *forces: str) -> None:
        """The hub has what its members have, whatever the numbers of changes, and nothing else."""
        for sql in (
            "select * exclude (change_seq, first_change_seq) from audit.load where source = 'visits'",
            "from audit.load_column",
            "from audit.load_force",
            "from audit.quarantine",
            "select * exclude (change_seq) from audit.correction",
            "from audit.expectation_result",
            # Rows of rejected loads are deleted, those of a killed run are of no load.
            "select * from raw.visits where load_id in (select load_id from audit.load)",
        ):
            theirs = [row for force in forces or self.members for row in self[force].query(sql)]
            assert sorted(self.query(sql), key=repr) == sorted(theirs, key=repr), sql
