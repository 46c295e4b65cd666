"""Delivered files as text rows (`reading.py`), and what their cells mean (`cells.py`, `rows.py`)."""

from dagster_project.extracts.errors import UnreadableExtract
from dagster_project.extracts.reading import Extract, open_extract

__all__ = ["Extract", "UnreadableExtract", "open_extract"]
