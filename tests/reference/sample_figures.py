"""The figures that the files of a sample hold: read as loading reads them, and computed by `measures`."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from itertools import count, groupby
from pathlib import Path

from dagster_project.contracts import Contract, load_contracts
from dagster_project.loading.candidate import Candidate, read_deliveries
from dagster_project.loading.landing import LandedFile, extract_date_of
from dagster_project.loading.plan import Delivery
from dagster_project.loading.pseudonyms import PseudonymKey
from dagster_project.settings import CONTRACTS, DBT_PROJECT
from dagster_project.sql import rows_as_dicts
from dagster_project.warehouse.connection import dry_connection
from dagster_project.warehouse.tables import ensure_tables, incoming
from tests.reference.history import DAILY_SOURCES, History
from tests.reference.marts import printed
from tests.reference.measures import Calendar, Figures, NaiveWarehouse, Row


@dataclass(frozen=True)
class Sample:
    """What the files of a sample hold."""

    history: History
    rows: Mapping[str, int]
    """Data rows by source, of all forces."""
    quarantined: Mapping[str, int]

    def figures(self, force: str) -> dict[tuple[str, str], str]:
        """Printed text by measure of the catalogue and month, `2022-08`."""
        with (DBT_PROJECT / "seeds" / "measure_catalogue.csv").open(encoding="utf-8", newline="") as lines:
            catalogue = {row["measure"]: row for row in csv.DictReader(lines)}
        naive = NaiveWarehouse(self.history, force)
        found = {}
        for name, measure in naive.measures.items():
            figures = Figures(measure, Calendar(measure.sources, naive.delivered))
            for year, month in figures.calendar.span:
                unit, decimals = catalogue[name]["unit"], int(catalogue[name]["decimals"])
                text = printed(figures.exact((year, month)), unit, decimals)
                if text is not None:
                    found[name, f"{year}-{month:02}"] = text
        return found


def read_sample(landing: Path) -> Sample:
    """Read the daily sources below a landing folder; rows without a force are Kent's."""
    history, rows, quarantined = History(), {}, {}
    contracts = load_contracts(CONTRACTS)
    for source in DAILY_SOURCES:
        deliveries = _deliveries(landing / source)
        history.delivered[source] = {delivery.extract_date for delivery in deliveries}
        history.rows[source], candidate = _read(contracts[source], deliveries)
        rows[source] = sum(file.rows_read for file in candidate.files)
        quarantined[source] = sum(file.rows_quarantined for file in candidate.files)
    return Sample(history, rows, quarantined)


def _deliveries(folder: Path) -> list[Delivery]:
    """The files of each day, of those with one content the first."""
    files = sorted((path for path in folder.iterdir()), key=lambda path: path.name)
    deliveries = []
    for day, of_day in groupby(files, key=lambda path: extract_date_of(path.name, folder.name)):
        assert isinstance(day, date)
        by_content = {path.read_bytes(): path for path in reversed(list(of_day))}
        landed = [
            LandedFile(folder.name, day, path, path.stat().st_size, path.stat().st_mtime_ns)
            for path in sorted(by_content.values())
        ]
        deliveries.append(Delivery(folder.name, day, tuple(landed), ()))
    return deliveries


def _read(contract: Contract, deliveries: list[Delivery]) -> tuple[list[Row], Candidate]:
    with dry_connection() as connection:
        ensure_tables(connection, [contract])
        candidate = read_deliveries(
            connection,
            contract,
            deliveries,
            key=PseudonymKey(bytes(32)),
            default_force="kent",
            load_ids=count(1),
        )
        return rows_as_dicts(connection.execute(f"select * from {incoming(contract)}")), candidate  # noqa: S608
