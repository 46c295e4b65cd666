"""Code that upgrades data roots of an earlier version has an end (CONTRIBUTING.md, Updates)."""

import re
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
# In a comment of Python, SQL or Jinja.
_MARK = re.compile(r"(?:#|--|\{#-) Until (\d+)\.(\d+): ")


def overdue(folder: Path, version: str) -> list[str]:
    """Where code stands that a version does without, by its mark."""
    now = tuple(map(int, version.split(".")[:2]))
    return [
        f"{file.relative_to(folder)}:{number}"
        for file in sorted(folder.rglob("*"))
        if file.suffix in (".py", ".sql")
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if (mark := _MARK.search(line)) and tuple(map(int, mark.groups())) <= now
    ]


def test_code_that_upgrades_data_roots_is_gone_in_the_version_that_its_mark_names():
    version = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert [place for name in ("dagster_project", "dbt") for place in overdue(PROJECT / name, version)] == []


def test_a_mark_that_the_version_has_reached_is_found(tmp_path):
    (tmp_path / "a.py").write_text(
        "x = 1\n    # Until 0.3: why\n-- Until 0.4: why\n# Until 0.10: why\n# Until then: why\n"
    )
    (tmp_path / "b.sql").write_text("{#- Until 0.4: why -#}\n")
    assert overdue(tmp_path, "0.2.9") == []
    assert overdue(tmp_path, "0.4.0") == ["a.py:2", "a.py:3", "b.sql:1"]
