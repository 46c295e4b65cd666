"""Damage to a data root: `verify`, `status` and `run` name it with a command that helps, or the run repairs it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import duckdb

from tests.long.chaos.roots import COMMANDS, NUMBERS, Roots, content_of, land_later, run_of, start, tail
from tests.roots import DataRoot

_WAREHOUSE, _VAULT, _KEY, _ERASED = (
    Path(name) for name in ("warehouse.duckdb", "secrets/people.duckdb", "secrets/pseudonym.key", "secrets/erased.key")
)
_Make = Callable[[Path, Roots], object]


class Damage(NamedTuple):
    """Damage to a data root where all is loaded and published."""

    make: _Make
    # Exit codes of `verify`, `status` and `run`: 0 of the last is a repair.
    exits: tuple[int, int, int] = (1, 2, 2)
    # What those that do not end with 0 say, and the command; `restore` puts vault and keys of before into their place.
    named: str = "fcir rebuild"
    cure: str = "rebuild"


def _of(root: str, path: Path) -> _Make:
    return lambda home, roots: shutil.copy(getattr(roots, root).home / path, home / path)


def _missing(path: Path | str) -> _Make:
    return lambda home, _: shutil.rmtree(home / path) if (home / path).is_dir() else (home / path).unlink()


def _short(pattern: str, length: int | None = None) -> _Make:
    def cut(home: Path, _: Roots) -> None:
        file = min(home.glob(pattern))
        os.truncate(file, file.stat().st_size // 2 if length is None else length)

    return cut


def _changed(pattern: str) -> _Make:
    def change(home: Path, _: Roots) -> None:
        file = min(home.glob(pattern))
        content, middle = file.read_bytes(), file.stat().st_size // 2
        file.unlink()
        file.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])

    return change


def _after(command: str, make: _Make) -> _Make:
    def run_and_make(home: Path, roots: Roots) -> None:
        run_of(DataRoot(home), *COMMANDS[command])
        make(home, roots)

    return run_and_make


_REFUSED, _HISTORY, _PUBLISHED = (1, 1, 1), ((1, 0, 0), "fcir run", "run"), ((1, 1, 0), "fcir", "run")
_KEYS, _NOTHING = ((1, 2, 2), "install -m 600 COPY_OF_THE_KEYS", "restore"), ((0, 0, 0), "", "run")
DAMAGES = {
    "warehouse missing": Damage(_missing(_WAREHOUSE), _REFUSED),
    "warehouse without a byte": Damage(_short(str(_WAREHOUSE), 0), _REFUSED),
    "warehouse empty": Damage(
        lambda home, _: (_missing(_WAREHOUSE)(home, _), duckdb.connect(home / _WAREHOUSE).close()), _REFUSED
    ),
    "warehouse of another root": Damage(_of("other", _WAREHOUSE), _REFUSED),
    "warehouse older": Damage(_of("first", _WAREHOUSE), _REFUSED),
    "warehouse truncated": Damage(_short(str(_WAREHOUSE)), _REFUSED),
    "vault missing": Damage(_missing(_VAULT)),
    "vault older": Damage(_of("first", _VAULT)),
    "vault older, restored": Damage(_of("first", _VAULT), named="Restore its newest copy", cure="restore"),
    "vault of another root": Damage(_of("other", _VAULT)),
    "vault truncated": Damage(_short(str(_VAULT))),
    "vault before an erasure": Damage(_after("erase", _of("complete", _VAULT)), *_NOTHING),
    "vault before a rotation": Damage(_after("rotate", _of("complete", _VAULT)), *_NOTHING),
    "key missing": Damage(_missing(_KEY), *_KEYS),
    "key of another root": Damage(_of("other", _KEY), *_KEYS),
    "second key missing": Damage(_missing(_ERASED), *_KEYS),
    "history missing": Damage(_missing("history"), *_HISTORY),
    "history truncated": Damage(_short("history/audit.load-*"), *_HISTORY),
    "erased in history truncated": Damage(_after("erase", _short("history/vault.erased-*")), *_HISTORY),
    "history without manifest": Damage(_missing("history/manifest.json"), *_HISTORY),
    "history's manifest changed": Damage(_changed("history/manifest.json"), *_HISTORY),
    "published file changed": Damage(_changed("published/current/index.html"), (1, 0, 0), "fcir publish", "publish"),
    "published database truncated": Damage(_short("published/current/fcir.duckdb"), *_PUBLISHED),
    "published file removed": Damage(_missing("published/current/index.html"), *_PUBLISHED),
    "publication without manifest": Damage(_missing("published/current/manifest.json"), *_PUBLISHED),
    "pointer to nothing": Damage(
        lambda home, _: (home / "published/current").resolve().rename(home / "away"), *_PUBLISHED
    ),
    "draft left": Damage(lambda home, _: (home / "published/.partial-20200101T000000Z-00000000").mkdir(), *_NOTHING),
    "landing file missing": Damage(_missing("landing/crimes/crimes_2022-10-30.csv"), *_NOTHING),
}


def damage(name: str, roots: Roots, home: Path) -> None:
    """Damage a data root, follow what the commands say, and require the content and the numbers of before."""
    shutil.rmtree(home, ignore_errors=True)
    case, root = DAMAGES[name], roots.complete.copy(home)
    before = root.warehouse(NUMBERS)
    case.make(root.home, roots)
    damaged = (root.home / "published/current").resolve()
    expected = roots.prepared("erase").content if "eras" in name else content_of(roots.complete)
    if is_refused := case.exits[2]:
        land_later(root)
    for command, code in zip(("verify", "status", "run"), case.exits, strict=True):
        done = start(root, command)
        assert done.code == code, f"{command} ended with {done.code}: {tail(done)}"
        assert not code or case.named in done.out + done.err, f"{command}: {tail(done)}"
    if case.cure == "restore":
        for path in (_VAULT, _KEY, _ERASED):
            shutil.copy(roots.complete.home / path, root.home / path)
    run_of(root, "run" if case.cure == "restore" else case.cure)
    if name.startswith("publi"):
        # It is no longer the current one, and stays until it is removed, as `verify` says.
        assert str(damaged) in start(root, "verify").out
        shutil.rmtree(damaged)
    run_of(root, "verify")
    run_of(root, "status")
    # The number of one person must not be that of another.
    owners: dict[int, set[str]] = {}
    for event, number in before:
        owners.setdefault(number, set()).add(event)
    mixed = [event for event, number in root.warehouse(NUMBERS) if event not in owners.get(number, {event})]
    assert not mixed, f"{mixed} have numbers of other people"
    if is_refused:
        assert root.figures() == roots.later.figures()
    else:
        different = [key for key, value in content_of(root).items() if value != expected.get(key)]
        assert not different, f"differs from before: {different[:8]}"
