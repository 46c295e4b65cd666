"""Contracts of no real source, for tests: one daily source of a few columns."""

from typing import Any

from dagster_project.contracts import Column, Contract


def small_contract(source: str, *columns: Column, **others: Any) -> Contract:
    """A contract of these columns; what else it says is as plain as can be unless given."""
    plain: dict[str, Any] = {
        **dict.fromkeys(("domain", "owner", "description", "grain"), ""),
        **dict.fromkeys(("tags", "rules"), ()),
        **dict.fromkeys(("start_column", "event_column", "sheets")),
        "version": "1.0.0",
        "cadence": "daily",
        "delivery_measures": {},
        "faulty_share_limit": 0.05,
        "faulty_rows_limit": 20,
        "volume_floor": 0.3,
    }
    return Contract(source=source, columns=columns, **plain | others)
