"""Verify every file of every kept publication against its manifest. Changes nothing."""

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from dagster_project.hashing import sha256_of
from dagster_project.operations.finding import Finding
from dagster_project.publication.database import DATABASE
from dagster_project.publication.files import MANIFEST, PARTIAL, is_of_rows, manifest_of
from dagster_project.publication.pointer import CURRENT, pointer_of
from dagster_project.publication.public_edition import DATABASE as PUBLIC_DATABASE
from dagster_project.settings import Settings, known_forces
from dagster_project.words import in_shell, printable

_STAYS = "It was not changed."


@dataclass(frozen=True)
class Root:
    """A folder of publications."""

    folder: Path
    command: str
    """Command that publishes again."""
    database: str = DATABASE


@dataclass
class Verified:
    """What was verified."""

    publications: int = 0
    files: int = 0
    bytes: int = 0
    findings: list[Finding] = field(default_factory=list)


def roots_of(settings: Settings) -> list[Root]:
    """Return the folders that have publications: internal, public, and of each force."""
    roots = [
        Root(settings.published, "fcir publish"),
        Root(settings.published_public, "fcir publish --edition public", PUBLIC_DATABASE),
        *(
            Root(settings.published_force(force), f"fcir publish --edition force --force {force}")
            for force in known_forces()
        ),
    ]
    return [root for root in roots if root.folder.is_dir()]


def publications_of(root: Root) -> list[Path]:
    """Return the folders of the kept publications, oldest first; those that are still being written are left out."""
    return sorted(
        path for path in root.folder.iterdir() if path.is_dir() and not path.is_symlink() and not _is_draft(path)
    )


def _is_draft(path: Path) -> bool:
    """Return whether a publication writes this folder or link, and renames it at its end."""
    return path.name.startswith((PARTIAL, f".{CURRENT}-"))


def verify_publications(settings: Settings) -> Verified:
    """Verify all kept publications.

    A file that several publications share through links is read once. Publications that a run removes meanwhile are
    left out.

    Args:
        settings: the data root.
    """
    verified = Verified()
    roots = {root.folder: root for root in roots_of(settings)}
    folders = [(root, folder) for root in roots.values() for folder in publications_of(root)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        hashes = _Hashes(pool)
        manifests: list[tuple[Root, Path, dict[str, tuple[int, str]], list[Finding]]] = []
        for root, folder in folders:
            try:
                listed = _listed(folder)
            except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
                what = f"not readable as a manifest ({type(error).__name__}), so its files cannot be verified"
                manifests.append((root, folder, {}, [Finding(str(folder / MANIFEST), what, _advice(root, folder))]))
                continue
            hashes.ask(folder / path for path in listed)
            manifests.append((root, folder, listed, []))
        for root, folder, listed, unreadable in manifests:
            findings = list(unreadable)
            if not unreadable:
                findings += _findings(root, folder, listed, hashes)
            findings += _mode_findings(root, folder)
            if folder.is_dir():
                verified.findings += findings
                verified.publications += 1
                verified.files += len(listed)
    verified.bytes = hashes.bytes
    for root in roots.values():
        verified.findings += _pointer_findings(root)
    verified.findings += _other_folders(settings)
    return verified


class _Hashes:
    """Hashes of files, computed side by side; a file with several names is read once."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._found: dict[tuple[int, int], Any] = {}
        self.bytes = 0

    def ask(self, files: Iterable[Path]) -> None:
        for file in files:
            if (key := self._key(file)) and key not in self._found:
                self.bytes += file.stat().st_size
                self._found[key] = self._pool.submit(sha256_of, file)

    def of(self, file: Path) -> str | None:
        """Return the hash of a file that was asked for; None if it is not a readable file.

        Raises:
            OSError: the file cannot be read.
        """
        key = self._key(file)
        return str(self._found[key].result()) if key in self._found else None

    @staticmethod
    def _key(file: Path) -> tuple[int, int] | None:
        # A manifest may have a name that no file can have.
        with suppress(OSError, ValueError):
            state = file.lstat()
            if stat.S_ISREG(state.st_mode):
                return state.st_dev, state.st_ino
        return None


def _listed(folder: Path) -> dict[str, tuple[int, str]]:
    """Return size and hash of each file of a publication by its path, as the manifest has them.

    Raises:
        OSError: the manifest cannot be read.
        ValueError: it is not JSON, or names a file outside the publication.
        KeyError: it has no list of files.
        TypeError: it is JSON of another form.
        OverflowError: a size is no whole number.
    """
    _manifest_file(folder)
    listed = {str(file["path"]): (int(file["bytes"]), str(file["sha256"])) for file in manifest_of(folder)["files"]}
    if any(PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts for path in listed):
        raise ValueError("a path leads outside")
    return listed


def _manifest_file(folder: Path) -> Path:
    """Return the manifest of a publication.

    Raises:
        OSError: it is not a file, but for example a link or a pipe.
    """
    file = folder / MANIFEST
    if not stat.S_ISREG(file.lstat().st_mode):
        raise OSError(errno.EINVAL, "not a file", str(file))
    return file


def _findings(root: Root, folder: Path, listed: Mapping[str, tuple[int, str]], hashes: _Hashes) -> Iterator[Finding]:
    for path, (size, sha256) in listed.items():
        file = folder / path
        try:
            found = hashes.of(file)
            if found is None:
                is_there = os.path.lexists(file)
                yield Finding(
                    printable(str(file)),
                    "not a file" if is_there else "missing",
                    _advice(root, folder, None if is_there else ""),
                )
            elif found != sha256:
                length = file.stat().st_size
                what = f"{length} bytes, expected {size}" if length != size else f"changed ({size} bytes as published)"
                yield Finding(str(file), what, _advice(root, folder, path))
        except OSError as error:
            yield Finding(str(file), f"cannot be read: {(error.strerror or '').lower()}", _advice(root, folder))
    for file in sorted(folder.rglob("*")):
        path = str(file.relative_to(folder))
        if file.is_symlink() and any(name.startswith(f"{path}/") for name in listed):
            what = "a link in place of a folder, so its files may be changed elsewhere"
            yield Finding(printable(str(file)), what, _advice(root, folder))
        elif (file.is_symlink() or not file.is_dir()) and path not in listed and path != MANIFEST:
            yield Finding(
                printable(str(file)),
                "not in the manifest of its publication",
                f"{_STAYS} Look at it, and remove it: rm {in_shell(file)}",
            )


def _mode_findings(root: Root, folder: Path) -> Iterator[Finding]:
    """Yield whether users may do more or less with a publication than they should: the first file, and how many."""
    modes: dict[Path, int] = {}
    for path in [folder, *sorted(folder.rglob("*"))]:
        # A run may remove it meanwhile.
        with suppress(OSError):
            if not stat.S_ISLNK(mode := path.lstat().st_mode):
                modes[path] = mode
    changeable = [path for path, mode in modes.items() if mode & 0o022]
    rows = {path for path in modes if root.database == DATABASE and is_of_rows(path.relative_to(folder).as_posix())}
    exposed = [path for path in modes if path in rows and modes[path] & 0o007]
    needed = {path: 0o005 if stat.S_ISDIR(mode) else 0o004 for path, mode in modes.items() if path not in rows}
    unreadable = [path for path, bits in needed.items() if ~modes[path] & bits]
    shell, by_day = in_shell(folder), any(path.suffix == ".js" for path in exposed)
    closing = f"cd {shell} && chmod -R o= {DATABASE} parquet{' explorer/*.day.js' if by_day else ''}"
    for paths, what, command in (
        (changeable, "other users may change it", f"chmod -R go-w {shell}"),
        (exposed, "every user can read rows that are for analysts", closing),
        (unreadable, "readers cannot open it", f"chmod -R a+rX {shell}"),
    ):
        if paths:
            more = f" (as {len(paths) - 1:,} more of this publication)" if len(paths) > 1 else ""
            yield Finding(
                printable(str(paths[0])),
                f"mode {stat.S_IMODE(modes[paths[0]]):04o}, so {what}{more}",
                f"{_STAYS} Set the modes of the publication: {command}",
            )


def _pointer_findings(root: Root) -> Iterator[Finding]:
    pointer, kept = pointer_of(root.folder), publications_of(root)
    if (mode := stat.S_IMODE(root.folder.stat().st_mode)) & 0o022:
        what = f"mode {mode:04o}, so other users may replace the publications in it"
        yield Finding(
            str(root.folder), what, f"{_STAYS} Remove write access for others: chmod go-w {in_shell(root.folder)}"
        )
    for path in sorted(root.folder.iterdir()):
        if path not in (pointer, *kept) and not _is_draft(path):
            yield Finding(
                printable(str(path)),
                f"{'a link' if path.is_symlink() else 'not a folder'}; expected only publications and {CURRENT}",
                f"{_STAYS} Nothing in it was verified. Look at it, and remove it: rm {in_shell(path)}",
            )
    # The folder itself may be a link, for example to another disk.
    targets = [_target_of(path) for path in kept]
    if (kept or os.path.lexists(pointer)) and (not pointer.is_symlink() or _target_of(pointer) not in targets):
        yield Finding(
            str(pointer),
            "not a link to one of the kept publications",
            f"Readers do not see the newest publication. Point it there again: {root.command}",
        )


def _other_folders(settings: Settings) -> Iterator[Finding]:
    """Yield what is beside the folders of the forces."""
    known = [settings.published_force(force) for force in known_forces()]
    for folder in {path.parent for path in known if path.parent.is_dir()}:
        for path in sorted(folder.iterdir()):
            if path not in known:
                yield Finding(
                    printable(str(path)),
                    "not the folder of a force",
                    f"{_STAYS} Nothing in it was verified. Look at it, and remove it: rm {in_shell(path)}",
                )


def _target_of(pointer: Path) -> Path:
    # `Path.resolve` raises an error for a link that leads to itself.
    return Path(os.path.realpath(pointer))


def _advice(root: Root, folder: Path, path: str | None = None) -> str:
    """Return what holds and what to do.

    Args:
        root: the folder of publications.
        folder: the publication.
        path: a changed file of it; empty for a missing one; None for another fault.
    """
    is_current = _target_of(pointer_of(root.folder)) == _target_of(folder)
    if not is_current:
        return f"Readers of the current publication are not affected. Restore it from a backup, or remove {folder}"
    # The next publication takes over files whose size and time are those of the manifest.
    first = "" if path == "" else f"touch {in_shell(folder / (path or root.database))} && "
    return f"Readers have it as it is. Publish again: {first}{root.command}"
