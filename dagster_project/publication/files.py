"""Files of a publication. They are never changed after publication."""

import grp
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

from dagster_project.console import warn
from dagster_project.errors import UsageError
from dagster_project.hashing import sha256_of
from dagster_project.publication.database import DATABASE
from dagster_project.publication.paths import published_path
from dagster_project.publication.pointer import CURRENT, pointer_of
from dagster_project.writing import link_or_copy, write_whole

MANIFEST = "manifest.json"
"""Name of the file that lists all other files of a publication; it is written last."""

CONTENT = "report.json"
"""Name of the file with the content that a paper was rendered from. If it is unchanged, so is the paper."""

PARTIAL = ".partial-"
"""Beginning of the name of a folder that is still being written."""


class FailedRendering(TypedDict):
    """A missing file of a publication, as its manifest lists it."""

    path: str
    reason: str
    """In words, without values from the data."""


class ListedFile(TypedDict):
    """A file, as a manifest lists it."""

    path: str
    bytes: int
    sha256: str


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
    # Nobody else reads it until it is whole and each file has its mode.
    folder.mkdir(mode=0o700)
    return folder


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


def final_name(folder: Path) -> str:
    """Return the name of a publication whose folder may still have its temporary name."""
    return folder.name.removeprefix(PARTIAL)


def publication_before(published: Path) -> Path | None:
    """Return the folder of the current publication if its files can be taken over, else None. Needs the writer lock.

    They can be if every file has the size in the manifest and none was written after the manifest. Opening the database
    or a paper for writing may have changed it; then a warning says so, and the next publication writes all files again.
    Hashing would detect more, but would take longer than writing what a night changes: ten years of a force are 2 GB.
    """
    pointer = pointer_of(published)
    if not pointer.exists():
        return None
    folder = pointer.resolve()
    fault = damaged_file(folder)
    if fault is None:
        written = (folder / MANIFEST).stat().st_mtime_ns
        changed = next((path for path in _listed(folder) if (folder / path).stat().st_mtime_ns > written), None)
        fault = (
            (folder / changed, "written to after it was published, or put back without its time") if changed else None
        )
    if fault:
        warn(
            f"{folder.name}/{fault[0].relative_to(folder)}: {fault[1]}. None of the files of this publication is "
            "reused: the next publication writes all of them. No action is needed. Open published databases read-only "
            "(fcir query does)."
        )
        return None
    return folder


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
        try:
            size = (folder / path).stat().st_size
        except OSError as error:
            return folder / path, (error.strerror or type(error).__name__).lower()
        except ValueError:
            return folder / MANIFEST, "names a file that no disk can have"
        if size != expected:
            return folder / path, f"{size} bytes, expected {expected}"
    return None


def files_of(folder: Path, before: Path | None = None) -> list[ListedFile]:
    """Return every file of a publication but its manifest, with its size and hash, as the manifest lists it.

    If a file is a link to a file of the previous publication, its hash is taken from that manifest.
    """
    listed = _listed(before) if before else {}
    files = []
    for file in sorted(file for file in folder.rglob("*") if file.is_file()):
        path = str(file.relative_to(folder))
        is_taken_over = before and path in listed and (before / path).samefile(file)
        sha256 = listed[path]["sha256"] if is_taken_over else sha256_of(file)
        files.append(ListedFile(path=path, bytes=file.stat().st_size, sha256=sha256))
    return files


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
    """Copy a file into a publication; arguments and errors are those of `write`."""
    target = published_path(folder, *address.split("/"))
    shutil.copyfile(source, target)
    return target


def take_over(before: Path, folder: Path, address: str, *, source: str | None = None) -> Path:
    """Link a published file into another publication, unless the name exists there already.

    Args:
        before: folder of the publication that has the file.
        folder: folder of the publication that is being written.
        address: address of the file within its publication (`address_of`).
        source: address in the publication that has the file; by default the same.

    Returns:
        The path of the link.

    Raises:
        UnsafeName: a published file must not have this address.
    """
    target = published_path(folder, *address.split("/"))
    if not target.exists():
        link_or_copy(before / (source or address), target)
    return target


def failed_renderings(published: Path) -> list[FailedRendering]:
    """Return the files that the current publication left out, by its manifest; empty if unknown or not published."""
    try:
        manifest = manifest_of(pointer_of(published))
    except (OSError, ValueError):
        return []
    # A damaged manifest may still be JSON, but of another type.
    failed = manifest.get("failed") if isinstance(manifest, dict) else None
    return failed if isinstance(failed, list) else []


def manifest_of(folder: Path) -> dict[str, Any]:
    """Return the content of a publication's manifest.

    Raises:
        OSError: there is no manifest.
        ValueError: it is not JSON.
    """
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return manifest


def write_manifest(folder: Path, manifest: Mapping[str, object]) -> Path:
    """Write the manifest of a publication, as the last of its files, and return its path.

    A purge writes it again: in one step, since without it nothing is known of the publication, and for readers.
    """
    target = published_path(folder, MANIFEST)
    write_whole(target, (json.dumps(manifest, indent=2) + "\n").encode(), mode=0o644)
    return target


def beginning_of(file: Path) -> str:
    """Return the first 2,000 characters of a published text; empty if it cannot be read."""
    try:
        with file.open(encoding="utf-8") as text:
            return text.read(2_000)
    except OSError:
        return ""


def _listed(folder: Path) -> dict[str, ListedFile]:
    return {file["path"]: file for file in manifest_of(folder)["files"]}
