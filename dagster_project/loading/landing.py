"""What lies in the landing folder: which files are extracts of which source and day. Their content is not read here."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

# A file of this name in the landing folder says that what lies there is made up.
SYNTHETIC_MARKER = "SYNTHETIC"

_EXTENSIONS = r"\.(csv|csv\.gz|xlsx|parquet|jsonl)"


@dataclass(frozen=True)
class LandedFile:
    """A file in the landing folder that is named like an extract."""

    source: str
    extract_date: date
    path: Path
    size: int
    modified_ns: int


@dataclass(frozen=True)
class Landing:
    """Everything that lies in the landing folder."""

    files: tuple[LandedFile, ...]
    warnings: tuple[str, ...]
    is_synthetic: bool


def scan(landing: Path, sources: Iterable[str], *, first: date, last: date) -> Landing:
    """List the extracts in the landing folder.

    Args:
        landing: folder with one folder for each source; need not exist.
        sources: known sources.
        first: oldest extract date that can be loaded.
        last: newest extract date that can be loaded.

    Returns:
        Files in the order of source, extract date and name, and a warning for everything that is not an extract.
    """
    if not landing.is_dir():
        return Landing((), (), is_synthetic=False)
    known = set(sources)
    files: list[LandedFile] = []
    warnings: list[str] = []
    for folder in sorted(landing.iterdir()):
        if folder.name.startswith(".") or folder.name == SYNTHETIC_MARKER:
            continue
        if folder.name not in known or not folder.is_dir():
            warnings.append(
                f"{_shown(folder)}: not a folder of a known source ({', '.join(sorted(known))}); left alone. "
                "A new source needs a contract in expectations/."
            )
            continue
        for path in sorted(folder.iterdir()):
            found = _landed(path, folder.name, first, last)
            if isinstance(found, str):
                warnings.append(found)
            else:
                files.append(found)
    files.sort(key=lambda file: (file.source, file.extract_date, file.path.name))
    return Landing(tuple(files), tuple(warnings), is_synthetic=(landing / SYNTHETIC_MARKER).exists())


def sha256_of(path: Path) -> str:
    """Hash of a file's content, in hexadecimal.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _landed(path: Path, source: str, first: date, last: date) -> LandedFile | str:
    day = extract_date_of(path.name, source)
    if day is None:
        return f"{_shown(path)}: not named {source}_YYYY-MM-DD*.EXT (csv, csv.gz, xlsx, parquet, jsonl); not loaded"
    if not path.is_file() or path.is_symlink():
        return f"{_shown(path)}: not a regular file; not loaded"
    if not first <= day <= last:
        return f"{_shown(path)}: its extract date lies outside {first} to {last}; not loaded"
    status = path.stat()
    return LandedFile(source, day, path, status.st_size, status.st_mtime_ns)


def extract_date_of(name: str, source: str) -> date | None:
    """The extract date in a file's name, or None when the name is not that of an extract of the source."""
    match = re.fullmatch(rf"{re.escape(source)}_(\d{{4}}-\d{{2}}-\d{{2}})(?!\d).*{_EXTENSIONS}", name, re.I | re.S)
    if match is None:
        return None
    try:
        return date.fromisoformat(match[1])
    except ValueError:
        return None


def _shown(path: Path) -> str:
    """Folder and name as a message shows them; control characters of hostile names are escaped."""
    return ascii(f"{path.parent.name}/{path.name}")[1:-1]
