"""Delivered files as text rows (`reading.py`), and what their cells mean (`cells.py`, `rows.py`)."""
