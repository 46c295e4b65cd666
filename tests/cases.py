"""Data of tests that stands beside them in a file of the same name. No tests here."""

from pathlib import Path
from typing import Any

import yaml


def cases_of(test: str, **values: str) -> dict[str, Any]:
    """Tables of cases by name, from the YAML file of a test file (`__file__`), with values for its `{names}`."""
    text = Path(test).with_suffix(".yaml").read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return yaml.safe_load(text)


def sql_of(test: str) -> str:
    """The SQL file of a test file."""
    return Path(test).with_suffix(".sql").read_text(encoding="utf-8")
