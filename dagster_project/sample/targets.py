"""The monthly figures that the sample is calibrated to, read from the shipped files. Nothing is drawn here."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dagster_project.sample.forces import KENT, Force
from dagster_project.sample.timeline import Array, Timeline

PRINTED_FIGURES = Path(__file__).parent / "kent_fcir_2022-08_to_2023-01.csv"
# Statements of the same paper, formulated as tests by a reader.
PRINTED_STATEMENTS = Path(__file__).parent / "kent_fcir_statements.csv"
# Months without printed figures. Those of Kent agree with the paper's statements about them: shares and means of the
# financial year, the comparison with February to July 2022, the peak in July 2022. The others are invented.
ASSUMED_FIGURES = Path(__file__).parent / "assumed_months.csv"
REPORT_ID = "kent_fcir_2023-03-15"
PUBLISHED_ON = "2023-03-15"
_COLUMNS = ("section", "label", "measure", "unit")


@dataclass(frozen=True)
class Targets:
    """Monthly figures of one force as whole numbers: counts, and durations in seconds.

    Attributes:
        months: the months as YYYY-MM, in calendar order.
        values: figure by (section, measure, month); percentages are omitted, since they follow from the counts.
    """

    months: tuple[str, ...]
    values: Mapping[tuple[str, str, str], int]

    def of(self, section: str, measure: str) -> list[int]:
        """Return the figures of one measure, one for each month.

        Raises:
            KeyError: a month has no figure of the measure.
        """
        return [self.values[section, measure, month] for month in self.months]


def targets_of(force: str) -> Targets:
    """Return all months of a force (its police.uk identifier), printed and assumed."""
    values: dict[tuple[str, str, str], int] = {}
    with ASSUMED_FIGURES.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            if row["force_code"] == force:
                for name in row.keys() - {"force_code", "month"}:
                    section, _, measure = name.partition(".")
                    values[section, measure, row["month"]] = int(row[name])
    if force == KENT.code:
        values |= {
            (row["section"], row["measure"], row["month"]): _whole_number(row)
            for row in printed_figures()
            if row["unit"] != "percent"
        }
    return Targets(months=tuple(sorted({month for _, _, month in values})), values=values)


@dataclass(frozen=True)
class Month:
    """A month of a force, for which the events of each source are drawn.

    Attributes:
        force: the force.
        number: index of the month in the timeline.
        timeline: the days of the sample.
        targets: the figures of the force.
    """

    force: Force
    number: int
    timeline: Timeline
    targets: Targets

    def arrivals(self, rng: np.random.Generator, *, counts: Sequence[int], pattern: str) -> Array:
        """Draw the instants of the month's events; see `Timeline.arrivals`."""
        return self.timeline.arrivals(rng, month=self.number, counts=counts, pattern=pattern)


def printed_figures(path: Path = PRINTED_FIGURES) -> list[dict[str, str]]:
    """Return the printed figures of a paper, one row for each measure and month.

    Args:
        path: CSV laid out as the paper: the columns section, label, measure and unit, then one for each month.
    """
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    return [
        {name: row[name] for name in _COLUMNS} | {"month": month, "published_value": row[month]}
        for row in rows
        for month in row
        if month not in _COLUMNS
    ]


def _whole_number(row: Mapping[str, str]) -> int:
    """Return a printed count, or a printed duration in seconds.

    Raises:
        ValueError: it is not in the paper's spelling.
    """
    printed = row["published_value"]
    if row["unit"] == "count":
        return int(printed.replace(",", ""))
    parts = re.fullmatch(r"(?:(\d+)h )?(?:(\d+)m )?(\d+)s", printed)
    if parts is None:
        raise ValueError(f"{printed!r} is not a duration such as '4m 56s'")
    hours, minutes, seconds = (int(part or 0) for part in parts.groups())
    return hours * 3600 + minutes * 60 + seconds
