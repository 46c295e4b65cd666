"""The forces that rows may be of: the list that `dim_force` is made of."""

from __future__ import annotations

import csv
from functools import cache

from dagster_project.settings import DBT_PROJECT


@cache
def known_forces() -> tuple[str, ...]:
    """Force codes, by their police.uk identifiers, from `dbt/seeds/police_forces.csv`."""
    with (DBT_PROJECT / "seeds" / "police_forces.csv").open(encoding="utf-8", newline="") as stream:
        return tuple(row["force_code"] for row in csv.DictReader(stream))
