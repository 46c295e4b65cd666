"""Files of a publication, which nobody writes again once it is published."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

from dagster_project.console import warn
from dagster_project.loading.landing import sha256_of
from dagster_project.publication.paths import published_path
from dagster_project.publication.pointer import pointer_of

MANIFEST = "manifest.json"
"""Name of the file that lists all others of a publication, and is written after them."""


class FailedRendering(TypedDict):
    """A file that a publication should have and has not, as its manifest lists it."""

    path: str
    reason: str
    """In words, without any value of the data."""


class ListedFile(TypedDict):
    """A file as a manifest lists it."""

    path: str
    bytes: int
    sha256: str


def publication_before(published: Path) -> Path | None:
    """Folder of the current publication, of which files may be taken over; None where there is none to start from.

    Files are taken over when all of the publication have the size that its manifest lists, and none was written to
    after the manifest. Whoever opens the database or a paper to write may have changed it: a warning says so, and what
    is published next is made anew. Hashing would tell more, and would take longer than renewing what a night touches:
    ten years of a force are 2 GB.

    Args:
        published: folder of the publications; the caller holds the writer lock.
    """
    pointer = pointer_of(published)
    if not pointer.exists():
        return None
    folder = pointer.resolve()
    if fault := _fault_of(folder):
        warn(
            f"{folder.name}{fault}. Nothing of this publication is taken over, the next is made anew; nothing has to "
            "be done. Open published databases read-only (fcir query does)."
        )
        return None
    return folder


def damaged_file(folder: Path) -> tuple[Path, str] | None:
    """A file of a publication that is gone or has not the size that its manifest lists, with what was found.

    Returns:
        The first one; the manifest itself where it cannot be read; None where all is there.
    """
    try:
        listed = {path: file["bytes"] for path, file in _listed(folder).items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        return folder / MANIFEST, f"not readable as a manifest: {type(error).__name__}"
    for path, expected in listed.items():
        try:
            size = (folder / path).stat().st_size
        except OSError as error:
            return folder / path, (error.strerror or type(error).__name__).lower()
        if size != expected:
            return folder / path, f"{size} bytes, expected {expected}"
    return None


def files_of(folder: Path, before: Path | None = None) -> list[ListedFile]:
    """Every file of a publication with its size and hash, as its manifest lists it.

    Args:
        folder: of the publication, without its manifest.
        before: folder of the publication before. The hash of a file that is the same one under a second name is the one
            that is listed there.
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
    """Write a file of a publication.

    Args:
        folder: of the publication.
        address: of the file below it (`address_of`).
        content: what it holds.

    Returns:
        The file.

    Raises:
        UnsafeName: the address is not one that a published file may have.
    """
    target = published_path(folder, *address.split("/"))
    # What is there may be the second name of a file of another publication.
    target.unlink(missing_ok=True)
    target.write_bytes(content)
    return target


def copy(source: Path, folder: Path, address: str) -> Path:
    """Copy a file into a publication; arguments and errors as of `write`."""
    target = published_path(folder, *address.split("/"))
    shutil.copyfile(source, target)
    return target


def take_over(before: Path, folder: Path, address: str, *, source: str | None = None) -> Path:
    """Give a published file a second name in a publication, where there is no file of that name yet.

    Args:
        before: folder of the publication that has the file.
        folder: of the publication that is being written.
        address: of the file below its publication (`address_of`).
        source: its address in the publication that has it; the same.

    Returns:
        The second name.

    Raises:
        UnsafeName: the address is not one that a published file may have.
    """
    target = published_path(folder, *address.split("/"))
    if not target.exists():
        link(before / (source or address), target)
    return target


def link(source: Path, target: Path) -> None:
    """Give a published file a second name; a copy where the disk has no links.

    Args:
        source: a file of a publication.
        target: a path that does not exist, made by `published_path`.
    """
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def make_folder(folder: Path) -> None:
    """Make the folder of a publication, whose name is made of a time and a run."""
    folder.mkdir(parents=True)


def failed_renderings(published: Path) -> list[FailedRendering]:
    """What the current publication left out, by its manifest; nothing where none is published or says so.

    Args:
        published: folder of the publications.
    """
    try:
        manifest = manifest_of(pointer_of(published))
    except (OSError, ValueError):
        return []
    # A damaged manifest may be JSON of another kind.
    failed = manifest.get("failed") if isinstance(manifest, dict) else None
    return failed if isinstance(failed, list) else []


def manifest_of(folder: Path) -> dict[str, Any]:
    """What the manifest of a publication says.

    Raises:
        OSError: there is none.
        ValueError: it is no JSON.
    """
    manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return manifest


def write_manifest(folder: Path, manifest: Mapping[str, object]) -> None:
    """Write the manifest of a publication, the last of its files."""
    write(folder, MANIFEST, (json.dumps(manifest, indent=2) + "\n").encode())


def _fault_of(folder: Path) -> str | None:
    """How the files of a publication differ from what its manifest lists, as the rest of a sentence on the folder."""
    try:
        written = (folder / MANIFEST).stat().st_mtime_ns
        for path, file in _listed(folder).items():
            state = (folder / path).stat()
            if state.st_size != file["bytes"] or state.st_mtime_ns > written:
                return f"/{path}: written to after it was published, or put back without its time"
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f": the published files are not those of its {MANIFEST} ({error})"
    return None


def _listed(folder: Path) -> dict[str, ListedFile]:
    return {file["path"]: file for file in manifest_of(folder)["files"]}
