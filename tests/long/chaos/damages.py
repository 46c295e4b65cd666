"""Damage to a data root: `verify`, `status` and `run` name it with a command that helps, or the run repairs it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from tests.long.chaos.roots import COMMANDS, NUMBERS, Roots, content_of, land_later, run_of, start, tail
from tests.roots import DataRoot

_WAREHOUSE, _VAULT, _KEY, _ERASED = (
    Path(name) for name in ("warehouse.duckdb", "secrets/people.duckdb", "secrets/pseudonym.key", "secrets/erased.key")
)
_COMMANDS = ("verify", "status", "run")


@dataclass(frozen=True)
class Damage:
    """Damage to a data root where all is loaded and published."""

    make: Callable[[Path, Roots], object]
    """Makes it in a data root."""
    exits: tuple[int, int, int]
    """Exit codes of `verify`, `status` and `run`: 0 of the last is a repair."""
    named: str
    """What those that do not end with 0 say, among them the command that helps."""
    cure: str = "run"
    """The command that they name; `restore` puts the files of before into their place."""


def _other(path: Path) -> Callable[[Path, Roots], object]:
    """Take a file of another data root that has loaded the same."""
    return lambda home, roots: shutil.copy(roots.other.home / path, home / path)


def _older(path: Path) -> Callable[[Path, Roots], object]:
    """Take the file of before the last run."""
    return lambda home, roots: shutil.copy(roots.first.home / path, home / path)


def _missing(path: Path) -> Callable[[Path, Roots], object]:
    def remove(home: Path, _: Roots) -> None:
        shutil.rmtree(home / path) if (home / path).is_dir() else (home / path).unlink()

    return remove


def _short(pattern: str) -> Callable[[Path, Roots], object]:
    """Cut the first of some files in half."""

    def cut(home: Path, _: Roots) -> None:
        file = min(home.glob(pattern))
        os.truncate(file, file.stat().st_size // 2)

    return cut


def _changed(pattern: str) -> Callable[[Path, Roots], object]:
    """Change a byte in the middle of the first of some files."""

    def change(home: Path, _: Roots) -> None:
        file = min(home.glob(pattern))
        content, middle = file.read_bytes(), file.stat().st_size // 2
        # A publication may share the file with another.
        file.unlink()
        file.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])

    return change


def _empty_database(home: Path, _: Roots) -> None:
    (home / _WAREHOUSE).unlink()
    duckdb.connect(str(home / _WAREHOUSE)).close()


def _dangling(home: Path, _: Roots) -> None:
    (home / "published/current").unlink()
    (home / "published/current").symlink_to("20200101T000000Z-00000000")


def _draft(home: Path, _: Roots) -> None:
    shutil.copytree(home / "published/current/parquet", home / "published/.partial-20200101T000000Z-00000000/parquet")


def _before(*arguments: str) -> Callable[[Path, Roots], object]:
    """Take the vault of before a command, without which nothing is loaded."""

    def restore(home: Path, roots: Roots) -> None:
        run_of(DataRoot(home), *arguments)
        shutil.copy(roots.complete.home / _VAULT, home / _VAULT)

    return restore


def _truncated_list(home: Path, roots: Roots) -> None:
    run_of(DataRoot(home), *COMMANDS["erase"])
    _short("history/vault.erased-*")(home, roots)


_REBUILD, _COPY = "fcir rebuild", "install -m 600 COPY_OF_THE_KEYS"
DAMAGES = {
    "warehouse missing": Damage(_missing(_WAREHOUSE), (1, 1, 1), _REBUILD, "rebuild"),
    "warehouse without a byte": Damage(
        lambda home, _: os.truncate(home / _WAREHOUSE, 0), (1, 1, 1), _REBUILD, "rebuild"
    ),
    "warehouse empty": Damage(_empty_database, (1, 1, 1), _REBUILD, "rebuild"),
    "warehouse of another root": Damage(_other(_WAREHOUSE), (1, 1, 1), _REBUILD, "rebuild"),
    "warehouse older": Damage(_older(_WAREHOUSE), (1, 1, 1), _REBUILD, "rebuild"),
    "warehouse truncated": Damage(_short(str(_WAREHOUSE)), (1, 1, 1), _REBUILD, "rebuild"),
    "vault missing": Damage(_missing(_VAULT), (1, 2, 2), _REBUILD, "rebuild"),
    "vault older": Damage(_older(_VAULT), (1, 2, 2), _REBUILD, "rebuild"),
    "vault older, restored": Damage(_older(_VAULT), (1, 2, 2), "Restore its newest copy", "restore"),
    "vault of another root": Damage(_other(_VAULT), (1, 2, 2), _REBUILD, "rebuild"),
    "vault truncated": Damage(_short(str(_VAULT)), (1, 2, 2), _REBUILD, "rebuild"),
    "vault before an erasure": Damage(_before(*COMMANDS["erase"]), (0, 0, 0), ""),
    "vault before a rotation": Damage(_before(*COMMANDS["rotate"]), (0, 0, 0), ""),
    "key missing": Damage(_missing(_KEY), (1, 2, 2), _COPY, "restore"),
    "key of another root": Damage(_other(_KEY), (1, 2, 2), _COPY, "restore"),
    "second key missing": Damage(_missing(_ERASED), (1, 2, 2), _COPY, "restore"),
    "history missing": Damage(_missing(Path("history")), (1, 0, 0), "fcir run"),
    "history truncated": Damage(_short("history/audit.load-*"), (1, 0, 0), "fcir run"),
    "erased in history truncated": Damage(_truncated_list, (1, 0, 0), "fcir run"),
    "history without manifest": Damage(_missing(Path("history/manifest.json")), (1, 0, 0), "fcir run"),
    "history's manifest changed": Damage(_changed("history/manifest.json"), (1, 0, 0), "fcir run"),
    "published file changed": Damage(_changed("published/2*/index.html"), (1, 0, 0), "fcir publish", "publish"),
    "published database truncated": Damage(_short("published/2*/fcir.duckdb"), (1, 1, 0), "fcir"),
    "published file removed": Damage(_missing(Path("published/current/index.html")), (1, 1, 0), "fcir"),
    "publication without manifest": Damage(_missing(Path("published/current/manifest.json")), (1, 1, 0), "fcir"),
    "pointer to nothing": Damage(_dangling, (1, 1, 0), "fcir"),
    "draft left": Damage(_draft, (0, 0, 0), "", "publish"),
    "landing file missing": Damage(_missing(Path("landing/crimes/crimes_2022-10-30.csv")), (0, 0, 0), ""),
}


def damage(name: str, roots: Roots, home: Path) -> None:
    """Damage a data root, follow what the commands say, and require the content and the numbers of before."""
    shutil.rmtree(home, ignore_errors=True)
    case, root = DAMAGES[name], roots.complete.copy(home)
    before = root.warehouse(NUMBERS)
    case.make(root.home, roots)
    expected = roots.prepared("erase").content if "eras" in name else content_of(roots.complete)
    if case.exits[2]:
        land_later(root)
    done = {command: start(root, command) for command in _COMMANDS}
    codes = tuple(result.code for result in done.values())
    assert codes == case.exits, f"exit codes {codes}: {[tail(result)[-700:] for result in done.values()]}"
    for command, result in done.items():
        assert not result.code or case.named in result.out + result.err, f"{command}: {tail(result)}"
        assert "Traceback" not in result.out + result.err, f"{command}: {tail(result)}"
    if case.cure == "restore":
        for path in (_VAULT, _KEY, _ERASED):
            shutil.copy(roots.complete.home / path, root.home / path)
    run_of(root, "run" if case.cure == "restore" else case.cure)
    run_of(root, "verify")
    run_of(root, "status")
    # One person for each event or operator: a number that was somebody's must not be of an event that is new.
    owners: dict[int, set[str]] = {}
    for event, number in before:
        owners.setdefault(number, set()).add(event)
    mixed = [event for event, number in root.warehouse(NUMBERS) if event not in owners.get(number, {event})]
    assert not mixed, f"{mixed} have numbers of other people"
    if case.exits[2]:
        assert root.figures() == roots.later.figures()
    else:
        different = [key for key, value in content_of(root).items() if value != expected.get(key)]
        assert not different, f"differs from before: {different[:8]}"
