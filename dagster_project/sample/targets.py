"""The printed figures that the sample is calibrated to, read from the shipped file. Nothing is drawn here."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PRINTED_FIGURES = Path(__file__).parent / "kent_fcir_2022-08_to_2023-01.csv"
# What the same paper says in words, put into tests by a reader; no event is drawn by it.
PRINTED_STATEMENTS = Path(__file__).parent / "kent_fcir_statements.csv"
REPORT_ID = "kent_fcir_2023-03-15"
PUBLISHED_ON = "2023-03-15"


@dataclass(frozen=True)
class Targets:
    """The printed figures as whole numbers: counts, and durations in seconds.

    Attributes:
        months: the months as YYYY-MM in the order of the calendar.
        values: figure by (section, measure, month); percentages are left out, since they follow from the counts.
    """

    months: tuple[str, ...]
    values: Mapping[tuple[str, str, str], int]

    def of(self, section: str, measure: str) -> list[int]:
        """The figures of one measure, one for each month.

        Raises:
            KeyError: the paper does not print the measure for every month.
        """
        return [self.values[section, measure, month] for month in self.months]


def read_targets(path: Path) -> Targets:
    """Read the printed figures of a paper.

    Args:
        path: CSV with the columns section, measure, unit, month and published_value.

    Raises:
        ValueError: a count or duration that is not in the paper's spelling.
    """
    values: dict[tuple[str, str, str], int] = {}
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            if row["unit"] == "count":
                figure = int(row["published_value"].replace(",", ""))
            elif row["unit"] == "duration":
                figure = _seconds(row["published_value"])
            else:
                continue
            values[row["section"], row["measure"], row["month"]] = figure
    return Targets(months=tuple(sorted({month for _, _, month in values})), values=values)


def _seconds(printed: str) -> int:
    parts = re.fullmatch(r"(?:(\d+)h )?(?:(\d+)m )?(\d+)s", printed)
    if parts is None:
        raise ValueError(f"{printed!r} is not a duration such as '4m 56s'")
    hours, minutes, seconds = (int(part or 0) for part in parts.groups())
    return hours * 3600 + minutes * 60 + seconds
