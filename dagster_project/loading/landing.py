"""Scan the landing folder: find the complete extracts of each source and day, by name, size and time.

A file of history, `SOURCE_DAY_to_DAY*.EXT`, is found once for each of its days.
"""

import os
import re
import stat
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path

from dagster_project.clock import LONDON, days_between, london_today
from dagster_project.contracts import Contract
from dagster_project.extracts.limits import EXTENSION, stem_of
from dagster_project.extracts.personal import looks_personal
from dagster_project.settings import FIRST_EXTRACT_DATE, Settings
from dagster_project.words import printable

# A file of this name in the landing folder marks its content as synthetic.
SYNTHETIC_MARKER = "SYNTHETIC"

# A marker file NAME.done next to NAME states that NAME is complete.
DONE = ".done"

# Parts of a file name that are published; the sender may write anything else into it.
_KINDS = re.compile("_late(?![a-z])|_corrected", re.IGNORECASE)
HISTORY = r"\d_to_\d"
"""Regular expression for the name of a file of history."""
# The file has late entries, whose events are older. Not `_latest`.
_LATE = re.compile("_late(?![a-z])", re.IGNORECASE)

# Temporary names that senders use until a file is complete: rsync and mail gateways (leading dot), SFTP clients,
# browsers, editors, and the lock file that Excel keeps next to an open workbook.
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
    """True: it has a marker. False: its contract requires a marker, and there is none. None: its age decides."""
    changed_ns: int = 0
    """Modification time that the sender set; the inode change time if the former is ahead of this machine's clock."""
    inode_changed_ns: int = 0
    """Inode change time, by the clock of the machine that stores the file; senders cannot set it."""
    span: tuple[date, date] | None = None
    """First and last day of a file of history; None: a file of one day."""
    published_name: str | None = None
    """Its name without what the sender added; None for a file that `fcir check` reads."""

    @property
    def name(self) -> str:
        """Name of the file as messages, logs and publications show it."""
        return self.published_name or self.delivered_name

    @property
    def delivered_name(self) -> str:
        """Whole name of the file, for `fcir check` and the private warehouse."""
        return printable(self.path.name)

    @property
    def days(self) -> int:
        """Number of days that the file has."""
        return (self.span[1] - self.span[0]).days + 1 if self.span else 1

    @property
    def is_late(self) -> bool:
        """Whether its name has `_late` after the date: it has late entries, which come besides those of the day."""
        return _LATE.search(self.path.name, len(f"{self.source}_{self.extract_date}")) is not None

    @property
    def order(self) -> tuple[str, str]:
        """Sort key of the files of a day, of which later rows win: without extension, then whole.

        With the extension, `x (1).csv`, as a browser names a file sent again, would sort before `x.csv`.
        """
        return stem_of(self.path.name), self.path.name

    @property
    def shown_path(self) -> str:
        """Path of the file in the private warehouse."""
        return printable(str(self.path))

    @property
    def state(self) -> tuple[int, int, int]:
        """Size, modification time and inode change time: all equal if the content is the same, without reading it.

        The inode change time tells apart two contents of the same size whose modification time was copied with them.
        """
        return self.size, self.modified_ns, self.inode_changed_ns


@dataclass(frozen=True)
class SourceWarning:
    """A warning about the folder or a file of a source."""

    source: str | None
    """None: it is about a folder of no known source."""
    reason: str
    """The whole warning, with the folder or the file."""

    def __str__(self) -> str:
        """Return the warning."""
        return self.reason


@dataclass(frozen=True)
class Landing:
    """The content of the landing folder."""

    files: tuple[LandedFile, ...]
    warnings: tuple[SourceWarning, ...]
    is_synthetic: bool
    held: tuple[LandedFile, ...] = ()
    """All files of days with an incomplete file; none of them is in `files`."""

    @property
    def held_days(self) -> frozenset[tuple[str, date]]:
        """Sources and days that wait for an incomplete file."""
        return frozenset((file.source, file.extract_date) for file in self.held)


def scan_landing(
    settings: Settings,
    contracts: Mapping[str, Contract],
    *,
    quiet_seconds: float | None = None,
    wait_for: Collection[str] = (),
    until: date | None = None,
) -> Landing:
    """Find the complete extracts in the landing folder, up to today in London.

    Names and warnings have substitutes in place of the identifiers of erased people.

    Args:
        settings: the landing folder, and how long a file must be unchanged.
        contracts: all contracts.
        quiet_seconds: how long a file must be unchanged; overrides the setting.
        wait_for: sources whose newest files are waited for; newest files of other sources are held back.
        until: also find extracts up to this day, whatever the clock shows.
    """
    landing = scan(settings.landing, contracts, last=max(london_today(), until or date.min))
    seconds = settings.quiet_seconds if quiet_seconds is None else quiet_seconds
    return hold_back(landing, quiet_seconds=seconds, wait_for=wait_for)


def scan(landing: Path, contracts: Mapping[str, Contract], *, last: date) -> Landing:
    """List the extracts in the landing folder, complete or not.

    Args:
        landing: folder with one folder for each source; it may be absent.
        contracts: all contracts.
        last: newest extract date that can be loaded.

    Returns:
        Files ordered by source, extract date and name, and a warning for each entry that is not an extract. Temporary
        files and markers are ignored.
    """
    if not landing.is_dir():
        return Landing((), (), is_synthetic=False)
    files: list[LandedFile] = []
    warnings: list[SourceWarning] = []
    for folder in sorted(landing.iterdir()):
        if folder.name.startswith(".") or folder.name == SYNTHETIC_MARKER:
            continue
        if folder.name not in contracts or not (folder.is_dir() or folder.is_symlink()):
            what = (
                f"{printable(landing.name)}/{_shown(folder)}: not a folder of a known source "
                f"({', '.join(sorted(contracts))}); left alone. A new source needs a contract in expectations/."
            )
            warnings.append(SourceWarning(None, what))
        elif folder.is_symlink():
            what = (
                f"{folder.name}/: a link; left alone, and nothing in it is loaded. The folder of a source must be "
                "in the landing folder itself; deliver or mount there."
            )
            warnings.append(SourceWarning(folder.name, what))
        else:
            try:
                paths = sorted(folder.iterdir(), key=lambda path: path.name)
            except OSError as error:
                what = f"{folder.name}/: cannot be listed ({_reason(error)}); nothing in it is loaded"
                warnings.append(SourceWarning(folder.name, what))
                continue
            for found in _extracts(paths, contracts[folder.name], last):
                if isinstance(found, str):
                    warnings.append(SourceWarning(folder.name, found))
                else:
                    first_day, last_day = found.span or (found.extract_date, found.extract_date)
                    files.extend(replace(found, extract_date=day) for day in days_between(first_day, last_day))
    files.sort(key=lambda file: (file.source, file.extract_date, file.order))
    return Landing(tuple(_published(files)), tuple(warnings), is_synthetic=(landing / SYNTHETIC_MARKER).exists())


def _published(files: Iterable[LandedFile]) -> Iterator[LandedFile]:
    """Yield the files with their published names, numbered from the second of the same name on."""
    numbers: Counter[str] = Counter()
    names: dict[Path, str] = {}
    for file in files:
        if file.path not in names:
            extension = file.path.name.removeprefix(stem_of(file.path.name)).lower()
            kinds = "".join(sorted({kind.lower() for kind in _KINDS.findall(file.path.name)}, reverse=True))
            # Of one day, the date that the sender gave it, so that messages name the file that is there.
            days = "_to_".join(map(str, file.span or (file.path.name[len(file.source) + 1 :][: len("2026-01-31")],)))
            name = f"{file.source}_{days}{kinds}"
            numbers[name + extension] += 1
            number = numbers[name + extension]
            names[file.path] = f"{name}{f'_{number}' if number > 1 else ''}{extension}"
        yield replace(file, published_name=names[file.path])


def hold_back(
    landing: Landing,
    *,
    quiet_seconds: float,
    wait_for: Collection[str] = (),
    now_ns: Callable[[], int] = time.time_ns,
    sleep: Callable[[float], None] = time.sleep,
) -> Landing:
    """Hold back the days with a file that is still being written.

    A file is complete when it has a marker, or when it has not changed for some time. All files of a day are held back
    together: otherwise half of a delivery would replace the complete one that was loaded before.

    Args:
        landing: the result of `scan`.
        quiet_seconds: how long a file without a marker must be unchanged.
        wait_for: sources whose recently changed files are waited for, once for all of them, and then checked again.
        now_ns: the clock, in nanoseconds since 1970.
        sleep: waits for a number of seconds.

    Returns:
        The landing folder without those days, which are in `held`, with a warning for each incomplete file.
    """
    quiet_ns = int(quiet_seconds * 1_000_000_000)
    faults: dict[Path, str] = {
        file.path: f"its contract requires a marker NAME{DONE}, not older than the file; there is none"
        for file in landing.files
        if file.is_complete is False
    }
    now = now_ns()
    # Some copying programs set the final size and an old modification time before they write the content. For sources
    # that are waited for, the inode change time, which no program can set, counts too.
    ages = {
        file.path: now - (max(file.changed_ns, file.inode_changed_ns) if file.source in wait_for else file.changed_ns)
        for file in landing.files
        if file.is_complete is None
    }
    young = [file for file in landing.files if file.path in ages and not quiet_ns <= ages[file.path]]
    waits = [min(quiet_ns, quiet_ns - ages[file.path]) for file in young if file.source in wait_for]
    if quiet_ns and waits:
        sleep(max(waits) / 1_000_000_000)
    for file in young:
        is_complete = quiet_ns == 0 or (file.source in wait_for and _is_unchanged(file))
        if not is_complete:
            faults[file.path] = "is still being written"
    if not faults:
        return landing
    waiting = {(file.source, file.extract_date) for file in landing.files if file.path in faults}
    held = tuple(file for file in landing.files if (file.source, file.extract_date) in waiting)
    warnings = [left_for_next_run(file, faults[file.path]) for file in once(held) if file.path in faults]
    return replace(
        landing,
        files=tuple(file for file in landing.files if (file.source, file.extract_date) not in waiting),
        warnings=(*landing.warnings, *warnings),
        held=held,
    )


def once(files: Iterable[LandedFile]) -> list[LandedFile]:
    """Return each file once, whatever the number of its days."""
    return list({file.path: file for file in reversed([*files])}.values())[::-1]


def left_for_next_run(file: LandedFile, why: str) -> SourceWarning:
    """Return the warning that the days of a file are not loaded yet."""
    days = " to ".join(map(str, file.span or (file.extract_date,)))
    return SourceWarning(
        file.source, f"{file.source}/{file.name}: {why}; {file.source} of {days} is left for the next run"
    )


def extract_dates_of(name: str, source: str, offset: int = 0) -> tuple[date, date] | None:
    """Return the first and last extract date of a file, or None if it is not the name of an extract of the source.

    Args:
        name: name of the file.
        source: the source.
        offset: days from the date in the name of a file of one day to the extract date. A file of history names the
            days of its events.
    """
    match = _named_like(source).fullmatch(name)
    if match is None:
        return None
    try:
        first = date.fromisoformat(match[1])
        last = date.fromisoformat(match[2]) if match[2] else None
        if last is None:
            return (first + timedelta(offset),) * 2
    except (ValueError, OverflowError):
        return None
    return (first, last) if first < last else None


@cache
def _named_like(source: str) -> re.Pattern[str]:
    return re.compile(
        rf"{re.escape(source)}_(\d{{4}}-\d{{2}}-\d{{2}})(?:_to_(\d{{4}}-\d{{2}}-\d{{2}}))?(?!\d|_to_).*{EXTENSION}",
        re.I | re.S,
    )


def _extracts(paths: Collection[Path], contract: Contract, last: date) -> Iterator[LandedFile | str]:
    """Yield the extracts among the entries of one folder, and warnings about the others."""
    source = contract.source
    paths = [path for path in paths if not _TEMPORARY.fullmatch(path.name)]
    for path in [path for path in paths if looks_personal(path.name)]:
        paths.remove(path)
        yield (
            f"{source}/: {_shown(path)} has an email address, a telephone number or a National Insurance number in "
            "its name; not loaded. Rename it, then run: fcir run"
        )
    names = {path.name for path in paths}
    markers: dict[str, int] = {}
    for path in paths:
        if path.name.lower().endswith(DONE):
            name = path.name[: -len(DONE)]
            if name not in names:
                yield f"{source}/: {_shown(path)}: a marker NAME{DONE}, but NAME is not next to it"
            elif (status := _status(path)) and stat.S_ISREG(status.st_mode):
                markers[name] = status.st_mtime_ns
            else:
                yield f"{source}/: {_shown(path)}: a marker that is not a regular file, so it marks nothing"
    for path in paths:
        if not path.name.lower().endswith(DONE):
            yield _landed(path, contract, last, markers.get(path.name))


def _landed(path: Path, contract: Contract, last: date, marker_ns: int | None) -> LandedFile | str:
    source, first = contract.source, date.fromisoformat(FIRST_EXTRACT_DATE)
    shown = f"{source}/: {_shown(path)}"
    days = extract_dates_of(path.name, source, contract.extract_date_offset)
    if days is None:
        return (
            f"{shown}: not named {source}_YYYY-MM-DD*.EXT, or {source}_YYYY-MM-DD_to_YYYY-MM-DD*.EXT for a range (csv, "
            "csv.gz, xlsx, parquet, jsonl); not loaded"
        )
    status = _status(path)
    if status is None:
        return f"{shown}: was removed while the folder was listed; left for the next run"
    if not stat.S_ISREG(status.st_mode):
        return f"{shown}: not a regular file but a link, folder, pipe or device; not loaded"
    if not first <= days[0] <= days[1] <= last:
        return f"{shown}: its extract date is outside {first} to {last}; not loaded"
    # A marker that is older than the file belongs to its earlier content: a correction is being written over it.
    is_marked = marker_ns is not None and marker_ns >= status.st_mtime_ns
    changed_ns = status.st_mtime_ns
    if changed_ns > time.time_ns():
        changed_ns = status.st_ctime_ns
    is_complete = True if is_marked else (False if contract.needs_marker else None)
    return LandedFile(
        source,
        days[0],
        path,
        status.st_size,
        status.st_mtime_ns,
        is_complete,
        changed_ns,
        status.st_ctime_ns,
        span=days if days[0] < days[1] else None,
    )


def _shown(path: Path) -> str:
    """Return what tells an entry apart in messages: its size and time, since its name may be that of a person."""
    status = _status(path)
    if status is None:
        return "an entry"
    written = datetime.fromtimestamp(status.st_mtime, LONDON)
    return f"an entry of {status.st_size:,} bytes written on {written:%Y-%m-%d at %H:%M:%S} London time"


def _status(path: Path) -> os.stat_result | None:
    """Return the status of the entry itself, never of the target of a link; None if it was removed."""
    try:
        return path.lstat()
    except OSError:
        return None


def _is_unchanged(file: LandedFile) -> bool:
    status = _status(file.path)
    if status is None:
        return False
    return (status.st_size, status.st_mtime_ns, status.st_ctime_ns) == file.state


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else "unknown error"
