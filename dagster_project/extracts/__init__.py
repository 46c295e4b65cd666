"""Read delivered files as rows of text (`reading.py`), and interpret their cells (`cells.py`, `rows.py`)."""
