"""What lies in the landing folder: which files are whole extracts of which source and day. No content is read here."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache
from pathlib import Path

from dagster_project.clock import LONDON, london_today
from dagster_project.contracts import Contract
from dagster_project.extracts.errors import printable
from dagster_project.extracts.personal import looks_personal
from dagster_project.settings import FIRST_EXTRACT_DATE, Settings

# A file of this name in the landing folder says that what lies there is made up.
SYNTHETIC_MARKER = "SYNTHETIC"

# An empty file NAME.done beside NAME says that NAME is complete.
DONE = ".done"

_EXTENSIONS = r"\.(csv|csv\.gz|xlsx|parquet|jsonl)"

# Names under which senders write before they rename: rsync and mail gateways (leading dot), SFTP clients, browsers,
# editors, and the file that Excel keeps beside a workbook that is open.
_TEMPORARY = re.compile(r"(\.|~\$).*|.*(\.(part|partial|filepart|tmp|crdownload|swp)|~)", re.I | re.S)


@dataclass(frozen=True)
class LandedFile:
    """A file in the landing folder that is named like an extract."""

    source: str
    extract_date: date
    path: Path
    size: int
    modified_ns: int
    is_complete: bool | None = None
    """True: a marker says so. False: its contract demands a marker, and there is none. None: its age tells."""
    changed_ns: int = 0
    """When its content last changed: as the sender says, unless that is ahead of this machine's clock."""
    touched_ns: int = 0
    """When anything of it last changed, its times included, by the clock of the machine that holds it."""

    @property
    def name(self) -> str:
        """Its name as messages and the audit show it."""
        return printable(self.path.name)

    @property
    def key(self) -> tuple[str, int, int]:
        """What tells this state of the file from every other without reading it: path as shown, size, time."""
        return printable(str(self.path)), self.size, self.modified_ns


@dataclass(frozen=True)
class Landing:
    """Everything that lies in the landing folder."""

    files: tuple[LandedFile, ...]
    warnings: tuple[str, ...]
    is_synthetic: bool
    held: tuple[LandedFile, ...] = ()
    """Files of the days of which a file is not complete; none of them is among `files`."""

    @property
    def held_days(self) -> frozenset[tuple[str, date]]:
        """Sources and days that wait for a file to be complete."""
        return frozenset((file.source, file.extract_date) for file in self.held)


def scan_landing(
    settings: Settings,
    contracts: Mapping[str, Contract],
    *,
    settle_seconds: float | None = None,
    wait_for: Collection[str] = (),
) -> Landing:
    """What lies whole in the installation's landing folder, up to today in London.

    Args:
        settings: where it is, and how long a file has to lie unchanged.
        contracts: all contracts.
        settle_seconds: how long a file has to lie unchanged, in place of the setting.
        wait_for: sources whose youngest files are waited for; those of the others are held back.
    """
    landing = scan(
        settings.landing,
        contracts,
        first=date.fromisoformat(FIRST_EXTRACT_DATE),
        last=london_today(),
        marked=[source for source, contract in contracts.items() if contract.needs_marker],
    )
    seconds = settings.settle_seconds if settle_seconds is None else settle_seconds
    return hold_back(landing, settle_seconds=seconds, wait_for=wait_for)


def scan(
    landing: Path,
    sources: Iterable[str],
    *,
    first: date,
    last: date,
    marked: Collection[str] = (),
) -> Landing:
    """List the extracts in the landing folder, complete or not.

    Args:
        landing: folder with one folder for each source; need not exist.
        sources: known sources.
        first: oldest extract date that can be loaded.
        last: newest extract date that can be loaded.
        marked: sources whose files are complete only with a marker.

    Returns:
        Files in the order of source, extract date and name, and a warning for everything that is not an extract;
        temporary files and markers are neither.
    """
    if not landing.is_dir():
        return Landing((), (), is_synthetic=False)
    known = set(sources)
    files: list[LandedFile] = []
    warnings: list[str] = []
    for folder in sorted(landing.iterdir()):
        if folder.name.startswith(".") or folder.name == SYNTHETIC_MARKER:
            continue
        if folder.name not in known or not (folder.is_dir() or folder.is_symlink()):
            warnings.append(
                f"{printable(landing.name)}/{_shown(folder)}: not a folder of a known source "
                f"({', '.join(sorted(known))}); left alone. A new source needs a contract in expectations/."
            )
        elif folder.is_symlink():
            warnings.append(
                f"{folder.name}/: a link; left alone, and nothing in it is loaded. The folder of a source has to lie "
                "in the landing folder itself; deliver or mount there."
            )
        else:
            try:
                paths = sorted(folder.iterdir(), key=lambda path: path.name)
            except OSError as error:
                warnings.append(f"{folder.name}/: cannot be listed ({_said(error)}); nothing in it is loaded")
                continue
            for found in _extracts(paths, folder.name, first, last, needs_marker=folder.name in marked):
                if isinstance(found, str):
                    warnings.append(found)
                else:
                    files.append(found)
    files.sort(key=lambda file: (file.source, file.extract_date, file.path.name))
    return Landing(tuple(files), tuple(warnings), is_synthetic=(landing / SYNTHETIC_MARKER).exists())


def hold_back(
    landing: Landing,
    *,
    settle_seconds: float,
    wait_for: Collection[str] = (),
    now_ns: Callable[[], int] = time.time_ns,
    sleep: Callable[[float], None] = time.sleep,
) -> Landing:
    """Set aside the days of which a file is still being written.

    A file is complete when a marker says so, or when it has not changed for some time. A day waits as a whole: half of
    a delivery would replace the whole of it that was loaded before.

    Args:
        landing: what `scan` found.
        settle_seconds: how long a file without a marker has to lie unchanged.
        wait_for: sources whose younger files are worth waiting for: once, all together, then looked at again.
        now_ns: the clock, in nanoseconds since 1970.
        sleep: waits for seconds.

    Returns:
        The landing folder without those days, which are in `held`, with a warning for each file at fault.
    """
    settle_ns = int(settle_seconds * 1_000_000_000)
    faults: dict[Path, str] = {
        file.path: f"its contract demands a marker {file.name}{DONE} that is not older than it, and there is none"
        for file in landing.files
        if file.is_complete is False
    }
    now = now_ns()
    # Some copying programs give a file its final size, and a time of long ago, before they write it. Where there is
    # time to look twice, the time that no program can set counts as well.
    ages = {
        file.path: now - (max(file.changed_ns, file.touched_ns) if file.source in wait_for else file.changed_ns)
        for file in landing.files
        if file.is_complete is None
    }
    young = [file for file in landing.files if file.path in ages and not settle_ns <= ages[file.path]]
    waits = [min(settle_ns, settle_ns - ages[file.path]) for file in young if file.source in wait_for]
    if settle_ns and waits:
        sleep(max(waits) / 1_000_000_000)
    for file in young:
        is_settled = settle_ns == 0 or (file.source in wait_for and _is_unchanged(file))
        if not is_settled:
            faults[file.path] = "is still being written"
    if not faults:
        return landing
    waiting = {(file.source, file.extract_date) for file in landing.files if file.path in faults}
    held = tuple(file for file in landing.files if (file.source, file.extract_date) in waiting)
    warnings = [
        f"{file.source}/{file.name}: {faults[file.path]}; {file.source} of {file.extract_date} is left for the next run"
        for file in held
        if file.path in faults
    ]
    return replace(
        landing,
        files=tuple(file for file in landing.files if (file.source, file.extract_date) not in waiting),
        warnings=(*landing.warnings, *warnings),
        held=held,
    )


def sha256_of(path: Path) -> str:
    """Hash of a regular file's content, in hexadecimal; follows no link and waits for no writer of a pipe.

    Raises:
        OSError: the file cannot be read, or is none.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError("not a regular file")
    with os.fdopen(descriptor, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def extract_date_of(name: str, source: str) -> date | None:
    """The extract date in a file's name, or None when the name is not that of an extract of the source."""
    match = _named_like(source).fullmatch(name)
    if match is None:
        return None
    try:
        return date.fromisoformat(match[1])
    except ValueError:
        return None


@cache
def _named_like(source: str) -> re.Pattern[str]:
    return re.compile(rf"{re.escape(source)}_(\d{{4}}-\d{{2}}-\d{{2}})(?!\d).*{_EXTENSIONS}", re.I | re.S)


def _extracts(
    paths: Collection[Path], source: str, first: date, last: date, *, needs_marker: bool
) -> Iterator[LandedFile | str]:
    """Extracts among the entries of one folder, and what is to be said of the others."""
    paths = [path for path in paths if not _TEMPORARY.fullmatch(path.name)]
    for path in [path for path in paths if looks_personal(path.name)]:
        paths.remove(path)
        yield (
            f"{source}/: {_shown(path)} has an e-mail address, a telephone number or a National Insurance number in "
            "its name; not loaded. Rename it, then run: fcir run"
        )
    names = {path.name for path in paths}
    markers: dict[str, int] = {}
    for path in paths:
        if path.name.lower().endswith(DONE):
            name = path.name[: -len(DONE)]
            if name not in names:
                yield f"{source}/{printable(path.name)}: a marker, but {printable(name)} does not lie beside it"
            elif (status := _status(path)) and stat.S_ISREG(status.st_mode):
                markers[name] = status.st_mtime_ns
            else:
                yield f"{source}/{printable(path.name)}: not a regular file, so it marks nothing"
    for path in paths:
        if not path.name.lower().endswith(DONE):
            yield _landed(path, source, first, last, markers.get(path.name), needs_marker=needs_marker)


def _landed(
    path: Path, source: str, first: date, last: date, marker_ns: int | None, *, needs_marker: bool
) -> LandedFile | str:
    shown = f"{source}/{printable(path.name)}"
    day = extract_date_of(path.name, source)
    if day is None:
        return f"{shown}: not named {source}_YYYY-MM-DD*.EXT (csv, csv.gz, xlsx, parquet, jsonl); not loaded"
    status = _status(path)
    if status is None:
        return f"{shown}: has gone while the folder was listed; left for the next run"
    if not stat.S_ISREG(status.st_mode):
        return f"{shown}: not a regular file but a link, folder, pipe or device; not loaded"
    if not first <= day <= last:
        return f"{shown}: its extract date lies outside {first} to {last}; not loaded"
    # A marker that is older than the file is of what lay there before: a correction is being written over it.
    is_marked = marker_ns is not None and marker_ns >= status.st_mtime_ns
    changed_ns = status.st_mtime_ns
    if changed_ns > time.time_ns():
        changed_ns = status.st_ctime_ns
    is_complete = True if is_marked else (False if needs_marker else None)
    return LandedFile(
        source, day, path, status.st_size, status.st_mtime_ns, is_complete, changed_ns, status.st_ctime_ns
    )


def _shown(path: Path) -> str:
    """An entry as messages name it; one whose name looks personal by its size and time alone."""
    if not looks_personal(path.name):
        return printable(path.name)
    status = _status(path)
    if status is None:
        return "an entry"
    written = datetime.fromtimestamp(status.st_mtime, LONDON)
    return f"an entry of {status.st_size:,} bytes written on {written:%Y-%m-%d at %H:%M:%S} London time"


def _status(path: Path) -> os.stat_result | None:
    """Of the entry itself, never of what a link points to; None when it has gone."""
    try:
        return path.lstat()
    except OSError:
        return None


def _is_unchanged(file: LandedFile) -> bool:
    status = _status(file.path)
    if status is None:
        return False
    now = (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return now == (file.size, file.modified_ns, file.touched_ns)


def _said(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else "unknown error"
