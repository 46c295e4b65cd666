"""A publication on disk: its name, its files, its manifest, and the pointer that readers follow.

`published/current` is a link to the folder of the current publication. A new one is written to a folder with a
temporary name, which is renamed when it is whole; then the link is swapped. No file changes after that, so a file that
is equal in two publications is one file with two names (a hard link).

Names: `paths.py`.
"""

from __future__ import annotations

import grp
import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from dagster_project.clock import utc_now
from dagster_project.console import warn
from dagster_project.errors import OperatorError, UsageError
from dagster_project.hashing import sha256_of
from dagster_project.publication.paths import published_path
from dagster_project.writing import flush, link_or_copy, write_whole

if TYPE_CHECKING:
    from dagster_project.publication.rendering import Renderer

DATABASE = "fcir.duckdb"
"""All marts in one file."""
MANIFEST = "manifest.json"
"""Lists all other files of a publication; it is written last."""
PARTIAL = ".partial-"
"""Beginning of the name of a folder that is still being written."""
CURRENT = "current"
"""Name of the pointer; its drafts begin with `.current-`."""

# Two weeks of nightly publications: enough to compare with last week; older ones have no readers left.
_KEPT = 14
_TIME = "%Y%m%dT%H%M%SZ"
_PUBLICATION = re.compile(r"(\d{8}T\d{6}Z)-[0-9a-f]{8}")


class NotPublished(OperatorError, RuntimeError):
    """Nothing is published yet; the message says how to publish."""


class FailedRendering(TypedDict):
    """A missing file of a publication, or a commentary that it does not show, as its manifest lists it."""

    path: str
    reason: str
    """In words, without values from the data."""


class ListedFile(TypedDict):
    """A file, as a manifest lists it."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Draft:
    """The folder of a publication that no reader has been pointed to."""

    folder: Path
    before: Path | None
    """Folder of the current publication, whose unchanged files are linked; None to write every file."""
    renderer: Renderer
    """Renders the files, and records which failed and are left out."""

    @property
    def name(self) -> str:
        """Name of the publication, which its folder will have."""
        return self.folder.name.removeprefix(PARTIAL)


def write(folder: Path, address: str, content: bytes) -> Path:
    """Write a file of a publication, under its address there (`address_of`), and return its path.

    Raises:
        UnsafeName: a published file must not have this address.
    """
    target = published_path(folder, *address.split("/"))
    # An existing file may be a link to a file of another publication, so it is removed, not overwritten.
    target.unlink(missing_ok=True)
    target.write_bytes(content)
    return target


def copy(source: Path, folder: Path, address: str) -> Path:
    """Copy a file into a publication with its time; arguments and errors are those of `write`."""
    target = published_path(folder, *address.split("/"))
    shutil.copyfile(source, target)
    times = source.stat()
    os.utime(target, ns=(times.st_atime_ns, times.st_mtime_ns))
    return target


def is_copy(file: Path, source: Path) -> bool:
    """Return whether `copy` made a file from a source that was not written to since."""
    states = [path.stat() for path in (file, source)] if file.exists() and source.exists() else []
    return len({(state.st_size, state.st_mtime_ns) for state in states}) == 1


def take_over(before: Path, folder: Path, address: str, *, source: str | None = None) -> Path:
    """Link a published file into another publication, unless the name exists there already, and return its path.

    Args:
        before: folder of the publication that has the file.
        folder: folder of the publication that is being written.
        address: address of the file within its publication (`address_of`).
        source: address in the publication that has the file; by default the same.

    Raises:
        UnsafeName: a published file must not have this address.
    """
    target = published_path(folder, *address.split("/"))
    if not target.exists():
        link_or_copy(before / (source or address), target)
    return target


def pointer_of(published: Path) -> Path:
    """Return the link that readers follow to the current publication; it does not exist before the first."""
    return published / CURRENT


def current_publication(published: Path) -> Path:
    """Return the folder that the pointer names.

    Raises:
        NotPublished: nothing is published yet.
    """
    pointer = pointer_of(published)
    if not pointer.exists():
        raise NotPublished(f"{published}: nothing is published yet. Run: fcir run")
    return pointer.resolve()


def point_to(published: Path, name: str) -> None:
    """Swap the pointer to another publication in one step; readers always see the old or the new one."""
    draft = published / f".{CURRENT}-{os.getpid()}"
    draft.unlink(missing_ok=True)
    draft.symlink_to(name)
    draft.replace(pointer_of(published))


def next_name(published: Path, recorded: str | None, *, run_id: str) -> tuple[str, datetime]:
    """Return the name and time of a new publication, later than those of every earlier one.

    Readers, clean-up and the record of figures take the greatest name as the newest. If the clock was set back, or a
    publication of the same second exists, the time is a second after the newest one.

    Args:
        published: folder of the publications; need not exist.
        recorded: greatest name in the audit, whose folder may be gone; None if there is none.
        run_id: Dagster run; the name ends with its first eight characters.

    Returns:
        The name, and the aware UTC time in whole seconds that it begins with.
    """
    folders = [path.name for path in published.glob("*") if path.is_dir()]
    times = [match[1] for name in (*folders, recorded or "") if (match := _PUBLICATION.fullmatch(name))]
    at = utc_now()
    if times:
        at = max(at, datetime.strptime(max(times), _TIME).replace(tzinfo=UTC) + timedelta(seconds=1))
    return f"{at:{_TIME}}-{run_id[:8]}", at


def start_publication(published: Path, name: str) -> Path:
    """Create the folder of a new publication, under a temporary name, and remove those of killed runs.

    The writer lock rules out another writer.
    """
    for folder in published.glob(f"{PARTIAL}*"):
        shutil.rmtree(folder)
    for pointer in published.glob(f".{CURRENT}-*"):
        pointer.unlink()
    folder = published / f"{PARTIAL}{name}"
    published.mkdir(parents=True, exist_ok=True)
    # Only its owner can read it until it is whole and each file has its mode.
    folder.mkdir(mode=0o700)
    return folder


def finish(draft: Draft, about: Mapping[str, object], *, analysts: str | None = None) -> Path:
    """Write the manifest, rename the folder, point readers to it, and remove old publications; return the folder.

    Args:
        draft: the publication, with all of its files.
        about: what the manifest says besides the files.
        analysts: group that alone may read rows of events (`keep_rows_for_analysts`); None: all may read all.
    """
    files = files_of(draft.folder, draft.before)
    if analysts is not None:
        keep_rows_for_analysts(draft.folder, analysts)
    write_manifest(draft.folder, {**about, "files": files, "failed": draft.renderer.failed})
    draft.folder.chmod(0o755)
    for path in [*draft.folder.rglob("*"), draft.folder]:
        flush(path)
    folder = draft.folder.rename(draft.folder.with_name(draft.name))
    point_to(folder.parent, draft.name)
    remove_old(folder.parent, draft.name)
    return folder


def remove_old(published: Path, current: str) -> None:
    """Remove old publications; keep the newest ones, the current one, and folders that are no publications."""
    folders = sorted(
        path
        for path in published.iterdir()
        if _PUBLICATION.fullmatch(path.name) and path.is_dir() and not path.is_symlink()
    )
    for folder in [path for path in folders if path.name != current][: -(_KEPT - 1) or None]:
        shutil.rmtree(folder)


def is_of_rows(path: str) -> bool:
    """Return whether a path within a publication has rows of events or counts by day, which are for analysts."""
    return path in (DATABASE, "parquet") or path.startswith("parquet/") or path.endswith(".day.js")


def keep_rows_for_analysts(folder: Path, group: str) -> None:
    """Let only a group read what has rows of events (`is_of_rows`); without a group, the owner alone.

    Raises:
        UsageError: the system allows it to members of the group only, and this account is none.
    """
    number = grp.getgrnam(group).gr_gid if group else -1
    for path in folder.rglob("*"):
        if is_of_rows(path.relative_to(folder).as_posix()):
            try:
                os.chown(path, -1, number)
            except PermissionError:
                raise UsageError(
                    f"FCIR_ANALYSTS_GROUP: this account is not in the group {group}. What was published stays. Add it: "
                    f"usermod -aG {group} USER; then log in again, and run the command again"
                ) from None
            path.chmod((0o750 if path.is_dir() else 0o640) & (0o777 if group else 0o700))


def publication_before(published: Path) -> Path | None:
    """Return the folder of the current publication if its files can be linked, else None. Needs the writer lock.

    They can be if every file has the size in the manifest and none was written after the manifest. Opening the database
    or a paper for writing may have changed it; then a warning says so, and the next publication writes all files again.
    Hashing would detect more, but would take longer than writing what a night changes: ten years of a force are 2 GB.
    """
    pointer = pointer_of(published)
    if not pointer.exists():
        return None
    folder = pointer.resolve()
    if fault := changed_file(folder):
        warn(
            f"{folder.name}/{fault[0].relative_to(folder)}: {fault[1]}. None of the files of this publication is "
            "reused: the next publication writes all of them. No action is needed. Open published databases read-only "
            "(fcir query does)."
        )
        return None
    return folder


def changed_file(folder: Path) -> tuple[Path, str] | None:
    """Find a file of a publication that is damaged or was written to after its manifest, and say what was found."""
    if fault := damaged_file(folder):
        return fault
    written = (folder / MANIFEST).stat().st_mtime_ns
    changed = next((path for path in _listed(folder) if (folder / path).stat().st_mtime_ns > written), None)
    return (folder / changed, "written to after it was published, or put back without its time") if changed else None


def damaged_file(folder: Path) -> tuple[Path, str] | None:
    """Find a file of a publication that is missing or does not have the size in the manifest, and say what was found.

    Returns:
        The first such file; the manifest if it cannot be read; None if all files are in order.
    """
    try:
        listed = {str(path): file["bytes"] for path, file in _listed(folder).items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        return folder / MANIFEST, f"not readable as a manifest: {type(error).__name__}"
    for path, expected in listed.items():
        if not (folder / path).is_file():
            return folder / path, "no such file"
        if (size := (folder / path).stat().st_size) != expected:
            return folder / path, f"{size} bytes, expected {expected}"
    return None


def files_of(folder: Path, before: Path | None = None) -> list[ListedFile]:
    """Return every file of a publication but its manifest, with its size and hash, as the manifest lists it.

    A file that is equal to that of the previous publication is replaced by a link to it; the hash of a link is taken
    from that manifest.
    """
    listed = _listed(before) if before else {}
    files = []
    for file in sorted(file for file in folder.rglob("*") if file.is_file()):
        path = str(file.relative_to(folder))
        size, old = file.stat().st_size, listed.get(path)
        if before and old and (before / path).samefile(file):
            files.append(ListedFile(path=path, bytes=size, sha256=old["sha256"]))
            continue
        found = ListedFile(path=path, bytes=size, sha256=sha256_of(file))
        if before and old == found:
            file.unlink()
            link_or_copy(before / path, file)
        files.append(found)
    return files


def failed_renderings(published: Path) -> list[FailedRendering]:
    """Return what the current publication left out, by its manifest; empty if unknown or not published."""
    try:
        failed: list[FailedRendering] = manifest_of(pointer_of(published))["failed"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return failed


def manifest_of(folder: Path) -> dict[str, Any]:
    """Return the content of a publication's manifest.

    Raises:
        OSError: there is no manifest.
        ValueError: it is not JSON.
    """
    manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return manifest


def write_manifest(folder: Path, manifest: Mapping[str, object]) -> None:
    """Write the manifest of a publication, as the last of its files.

    A purge writes it again: in one step, since without it nothing is known of the publication, and for readers.
    """
    write_whole(published_path(folder, MANIFEST), (json.dumps(manifest, indent=2) + "\n").encode(), mode=0o644)


def _listed(folder: Path) -> dict[str, ListedFile]:
    return {file["path"]: file for file in manifest_of(folder)["files"]}
