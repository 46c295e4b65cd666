"""Which test files may find a fault. Nothing of the product is imported."""

from __future__ import annotations

import json
import re
from functools import cached_property
from pathlib import Path

# Not run by CI, or in a browser, or on Spark; or deleted soon.
_LEFT_OUT = {"leaving", "long", "spark", "pages"}
# Where figures and models are tested.
_OF_MODELS = {"dbt", "reference"}
# With fewer files than this, those that reach the module through another one are tried, too.
_FEW = 4
_IMPORT = re.compile(r"^\s*(?:from ([\w.]+) import (\([^)]*|[^\n#]*)|import ([\w.]+))", re.M)


class Tests:
    """The test files of a project, what they import and what they cost.

    Args:
        project: folder with the product and its tests.
        within: limits the test files to these files and folders, if there are any.
    """

    def __init__(self, project: Path, within: list[Path]) -> None:
        self.project, folder = project, project / "tests"
        every = sorted(folder.rglob("test_*.py"))
        self.files = [file for file in every if not _LEFT_OUT & set(file.relative_to(folder).parts)]
        if within:
            self.files = [file for file in every if any(file.is_relative_to(project / path) for path in within)]
        costs = project / ".lint" / "cpu_seconds.json"
        self._seconds: dict[str, float] = json.loads(costs.read_text(encoding="utf-8")) if costs.exists() else {}

    def of(self, changed: str, *, seconds: float) -> list[str]:
        """Return the test files for a fault that take so many CPU seconds together, the nearest and cheapest first."""
        chosen: list[str] = []
        for files in self._near(changed):
            names = {str(file.relative_to(self.project)) for file in files & {*self.files}} - {*chosen}
            for name in sorted(names, key=self._cost):
                if (seconds := seconds - self._cost(name)) < 0 and chosen:
                    return chosen
                chosen.append(name)
            if len(chosen) >= _FEW:
                break
        return chosen

    def _cost(self, name: str) -> float:
        """CPU seconds of a test file; one that was never measured costs a second for each 1,000 bytes."""
        return self._seconds.get(name, (self.project / name).stat().st_size / 1000)

    def _near(self, changed: str) -> list[set[Path]]:
        """Return test files by distance: that import the module, through a helper, through modules of the product."""
        path = self.project / changed
        name = path.name.partition(".")[0]
        if not changed.startswith("dagster_project/"):
            return [{file for file in self.files if _OF_MODELS & set(file.parts)}, self._naming(name)]
        product = {file for file in self._imports if file.is_relative_to(self.project / "dagster_project")}
        # A template or an asset: what names it stands for it.
        modules = {path} & product or {file for file in product if f'{path.name}"' in file.read_text("utf-8")}
        # Commands are imported by their name.
        found = [self._naming(f'"{name}"') if path.parent.name == "cli" else set()]
        seen = set(modules)
        while modules:
            reached = self._importing(modules)
            modules = reached & product - seen
            seen |= modules
            found += [reached, self._importing(reached - product)]
        return found

    def _naming(self, text: str) -> set[Path]:
        return {file for file in self.files if text in file.read_text(encoding="utf-8")}

    def _importing(self, modules: set[Path]) -> set[Path]:
        return {file for file, imported in self._imports.items() if imported & modules}

    @cached_property
    def _imports(self) -> dict[Path, set[Path]]:
        files = [file for part in ("dagster_project", "tests") for file in (self.project / part).rglob("*.py")]
        return {file: self._imported_by(file) for file in files}

    def _imported_by(self, file: Path) -> set[Path]:
        names: set[str] = set()
        for module, parts, alone in _IMPORT.findall(file.read_text(encoding="utf-8")):
            names |= {
                alone or module,
                *(f"{module}.{part.split()[0]}" for part in parts.strip("(").split(",") if part.strip()),
            }
        paths = [self.project / name.replace(".", "/") for name in names]
        return {path for base in paths for path in (base.with_suffix(".py"), base / "__init__.py") if path.exists()}
