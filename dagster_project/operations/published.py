"""Verify every file of every kept publication against its manifest. Changes nothing."""

import os
import stat
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from dagster_project.hashing import sha256_of
from dagster_project.operations.finding import Finding
from dagster_project.publication.editions import PUBLIC_DATABASE
from dagster_project.publication.files import CURRENT, DATABASE, MANIFEST, PARTIAL, is_of_rows, manifest_of, pointer_of
from dagster_project.settings import Settings, known_forces
from dagster_project.words import in_shell, printable

_STAYS = "It was not changed."

_Listed = dict[str, tuple[int, str]]
"""Size and hash of each file of a publication by its path."""


@dataclass(frozen=True)
class _Root:
    """A folder of publications."""

    folder: Path
    command: str
    """Command that publishes again."""
    database: str = DATABASE

    def publications(self) -> list[Path]:
        """Return the folders of the kept publications, oldest first, without those that are still being written."""
        folders = (path for path in self.folder.iterdir() if path.is_dir() and not path.is_symlink())
        return sorted(path for path in folders if not _is_draft(path))


@dataclass
class Verified:
    """What was verified."""

    publications: int = 0
    files: int = 0
    bytes: int = 0
    findings: list[Finding] = field(default_factory=list)


def verify_publications(settings: Settings) -> Verified:
    """Verify all kept publications: internal, public, and of each force.

    A file that several publications share through links is read once. Publications that a run removes meanwhile are
    left out.
    """
    verified = Verified()
    of_forces = {force: settings.published_force(force) for force in known_forces()}
    roots = [
        _Root(settings.published, "fcir publish"),
        _Root(settings.published_public, "fcir publish --edition public", PUBLIC_DATABASE),
        *(_Root(folder, f"fcir publish --edition force --force {force}") for force, folder in of_forces.items()),
    ]
    roots = [root for root in roots if root.folder.is_dir()]
    publications = [(root, folder, _listed(folder)) for root in roots for folder in root.publications()]
    files: dict[tuple[int, int], Path] = {}
    for _, folder, listed in publications:
        files |= {number: folder / path for path in listed or () if (number := _number_of(folder / path))}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        hashes = dict(zip(files, pool.map(_hash_of, files.values()), strict=True))
    for root, folder, listed in publications:
        if listed is None:
            what = "not readable as a manifest, so its files cannot be verified"
            findings = [Finding(str(folder / MANIFEST), what, _advice(root, folder))]
        else:
            findings = [*_file_findings(root, folder, listed, hashes), *_other_files(root, folder, listed)]
        findings += _mode_findings(root, folder)
        if folder.is_dir():
            verified.findings += findings
            verified.publications += 1
            verified.files += len(listed or ())
    verified.bytes = sum(size for size, _ in hashes.values())
    for root in roots:
        verified.findings += _root_findings(root)
    for parent in {folder.parent for folder in of_forces.values() if folder.parent.is_dir()}:
        for path in sorted(set(parent.iterdir()) - set(of_forces.values())):
            verified.findings.append(_stranger(path, "not the folder of a force"))
    return verified


def _is_draft(path: Path) -> bool:
    """Return whether a publication writes this folder or link, and renames it at its end."""
    return path.name.startswith((PARTIAL, f".{CURRENT}-"))


def _listed(folder: Path) -> _Listed | None:
    """Return the files of a publication as its manifest has them; None if that is not a readable manifest."""
    try:
        if not stat.S_ISREG((folder / MANIFEST).lstat().st_mode):
            return None
        listed = {str(file["path"]): (int(file["bytes"]), str(file["sha256"])) for file in manifest_of(folder)["files"]}
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return None
    leads_outside = any(PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts for path in listed)
    return None if leads_outside else listed


def _number_of(file: Path) -> tuple[int, int] | None:
    """Return device and number of a file, which several publications share through links; None if it is no file."""
    # A manifest may have a name that no file can have.
    with suppress(OSError, ValueError):
        state = file.lstat()
        if stat.S_ISREG(state.st_mode):
            return state.st_dev, state.st_ino
    return None


def _hash_of(file: Path) -> tuple[int, str | OSError]:
    """Return the size and the hash of a file; in place of the hash, why it cannot be read."""
    try:
        return file.stat().st_size, sha256_of(file)
    except OSError as error:
        return 0, error


def _file_findings(
    root: _Root, folder: Path, listed: _Listed, hashes: Mapping[tuple[int, int], tuple[int, str | OSError]]
) -> Iterator[Finding]:
    """Yield the files that are not those of the manifest."""
    for path, (size, sha256) in listed.items():
        file = folder / path
        number = _number_of(file)
        length, found = hashes.get(number, (0, None)) if number else (0, None)
        if isinstance(found, OSError):
            yield Finding(str(file), f"cannot be read: {(found.strerror or '').lower()}", _advice(root, folder))
        elif found is None:
            is_there = os.path.lexists(file)
            advice = _advice(root, folder, None if is_there else "")
            yield Finding(printable(str(file)), "not a file" if is_there else "missing", advice)
        elif found != sha256:
            what = f"{length} bytes, expected {size}" if length != size else f"changed ({size} bytes as published)"
            yield Finding(str(file), what, _advice(root, folder, path))


def _other_files(root: _Root, folder: Path, listed: _Listed) -> Iterator[Finding]:
    """Yield what the manifest of a publication does not have."""
    for file in sorted(folder.rglob("*")):
        path = str(file.relative_to(folder))
        if file.is_symlink() and any(name.startswith(f"{path}/") for name in listed):
            what = "a link in place of a folder, so its files may be changed elsewhere"
            yield Finding(printable(str(file)), what, _advice(root, folder))
        elif (file.is_symlink() or not file.is_dir()) and path not in listed and path != MANIFEST:
            yield _stranger(file, "not in the manifest of its publication")


def _stranger(path: Path, what: str) -> Finding:
    """Return the fault of something that no publication wrote."""
    advice = f"{_STAYS} Nothing in it was verified. Look at it, and remove it: rm {in_shell(path)}"
    return Finding(printable(str(path)), what, advice)


def _mode_findings(root: _Root, folder: Path) -> Iterator[Finding]:
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


def _root_findings(root: _Root) -> Iterator[Finding]:
    """Yield what is wrong with a folder of publications, and with its link to the newest."""
    pointer, kept = pointer_of(root.folder), root.publications()
    if (mode := stat.S_IMODE(root.folder.stat().st_mode)) & 0o022:
        what = f"mode {mode:04o}, so other users may replace the publications in it"
        advice = f"{_STAYS} Remove write access for others: chmod go-w {in_shell(root.folder)}"
        yield Finding(str(root.folder), what, advice)
    for path in sorted(root.folder.iterdir()):
        if path not in (pointer, *kept) and not _is_draft(path):
            what = "a link" if path.is_symlink() else "not a folder"
            yield _stranger(path, f"{what}; expected only publications and {CURRENT}")
    # The folder itself may be a link, for example to another disk.
    targets = [_target_of(path) for path in kept]
    if (kept or os.path.lexists(pointer)) and (not pointer.is_symlink() or _target_of(pointer) not in targets):
        what = "not a link to one of the kept publications"
        yield Finding(
            str(pointer), what, f"Readers do not see the newest publication. Point it there again: {root.command}"
        )


def _target_of(pointer: Path) -> Path:
    # `Path.resolve` raises an error for a link that leads to itself.
    return Path(os.path.realpath(pointer))


def _advice(root: _Root, folder: Path, path: str | None = None) -> str:
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
