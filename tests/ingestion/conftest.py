"""Lets these tests use the pieces of `tests/end_to_end/unseen_extracts.py`, whatever part of the suite runs."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "end_to_end"))
