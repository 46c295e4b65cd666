"""Lets these tests use the compiled project and the histories of `tests/oracle/`, whatever part of the suite runs."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "oracle"))
