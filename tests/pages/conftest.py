"""Lets these tests use the browser beside them, whatever part of the suite runs."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
