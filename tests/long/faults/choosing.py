"""Which test files may find a fault, and in which order they are tried. Nothing of the product is imported."""

from __future__ import annotations

import ast
import json
import re
from functools import cached_property
from pathlib import Path

# Not run by CI, or in a browser, or on Spark; or deleted soon.
_LEFT_OUT = {"leaving", "long", "spark", "pages", "fuzz"}
# Where figures and models are tested: first for a fault in SQL.
_OF_MODELS = {"dbt", "reference"}
# With fewer files than this, those that reach the module through another one are tried, too.
_FEW = 4


class Tests:
    """The test files of a project, what they import and what they cost.

    Args:
        project: folder with the product and its tests.
        within: limits the test files to these files and folders, if there are any.
        costs: CPU seconds by test file as JSON; None: those that the suite last measured.
    """

    def __init__(self, project: Path, within: list[Path], costs: Path | None) -> None:
        self.project, folder = project, project / "tests"
        every = sorted(folder.rglob("test_*.py"))
        self.files = [file for file in every if not _LEFT_OUT & set(file.relative_to(folder).parts)]
        if within:
            self.files = [file for file in every if any(file.is_relative_to(project / path) for path in within)]
        costs = costs or project / ".lint" / "cpu_seconds.json"
        self.seconds: dict[str, float] = json.loads(costs.read_text(encoding="utf-8")) if costs.exists() else {}

    def cost(self, file: Path) -> float:
        """CPU seconds of a test file; one that was never measured costs a second for each 1,000 bytes."""
        measured = self.seconds.get(str(file.relative_to(self.project)))
        return file.stat().st_size / 1000 if measured is None else measured

    def of(self, changed: str, *, seconds: float, everything: bool) -> list[Path]:
        """Return the test files for a fault: those nearest to the changed file first, then the cheapest.

        Args:
            changed: file, relative to the project.
            seconds: test files that cost more are left out.
            everything: also those without any known connection, at the end.
        """
        ranks: dict[Path, int] = {}
        for rank, files in enumerate(self._near(changed)):
            ranks |= dict.fromkeys(files & {*self.files} - {*ranks}, rank)
            if rank and len(ranks) >= _FEW and not everything:
                break
        if everything:
            ranks = dict.fromkeys(self.files, 99) | ranks
        cheap = [file for file in ranks if self.cost(file) <= seconds]
        return sorted(cheap, key=lambda file: (ranks[file], self.cost(file)))

    def _near(self, changed: str) -> list[set[Path]]:
        """Return test files by distance: that import the module, through a helper, through modules of the product."""
        path = self.project / changed
        name = path.name.partition(".")[0]
        if changed.startswith("expectations/"):
            return [_containing(name, self.files)]
        if changed.startswith("dbt/"):
            models = {file for file in self.files if _OF_MODELS & set(file.parts)}
            return [models, _containing(name, self.files)]
        # Commands are imported by their name.
        found = [_containing(f'"{name}"', self.files) if path.parent.name == "cli" else set()]
        product = {file for file in self._imports if file.is_relative_to(self.project / "dagster_project")}
        # A template or an asset: what names it, or else its folder, stands for it.
        modules = {path} & product or _containing(f'{path.name}"', product) or _containing(path.parent.name, product)
        seen = set(modules)
        while modules:
            reached = self._importing(modules)
            modules = reached & product - seen
            seen |= modules
            found += [reached, self._importing(reached - product)]
        return found

    def _importing(self, modules: set[Path]) -> set[Path]:
        return {file for file, imported in self._imports.items() if imported & modules}

    @cached_property
    def _imports(self) -> dict[Path, set[Path]]:
        files = [file for part in ("dagster_project", "tests") for file in (self.project / part).rglob("*.py")]
        return {file: self._imported_by(file) for file in files}

    def _imported_by(self, file: Path) -> set[Path]:
        names: set[str] = set()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.ImportFrom(module=str(module), names=aliases):
                    names |= {module, *(f"{module}.{alias.name}" for alias in aliases)}
                case ast.Import(names=aliases):
                    names |= {alias.name for alias in aliases}
                case ast.Constant(value=str(text)) if re.fullmatch(r"(dagster_project|tests)\.[\w.]+", text):
                    names.add(text)
        modules = [self.project / name.replace(".", "/") for name in names]
        files = [module / part for module in modules for part in ("__init__.py", "__main__.py")]
        return {file for file in (*files, *(Path(f"{module}.py") for module in modules)) if file.exists()}


def _containing(text: str, files: list[Path] | set[Path]) -> set[Path]:
    return {file for file in files if text in file.read_text(encoding="utf-8")}
