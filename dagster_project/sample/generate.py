"""Write a sample: draw every source month by month, add defects, and write files; all or nothing."""

import csv
import datetime as dt
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dagster_project.errors import UsageError
from dagster_project.sample.calls import draw_call_segments
from dagster_project.sample.chats import draw_live_chats
from dagster_project.sample.contacts import draw_digital_contacts
from dagster_project.sample.crimes import draw_crimes
from dagster_project.sample.defects import inject_defects
from dagster_project.sample.deliveries import EVENTS, Deliveries, File, in_common_files, joined
from dagster_project.sample.forces import FORCES
from dagster_project.sample.national import draw_national_call_answering
from dagster_project.sample.reports import draw_online_crime_reports
from dagster_project.sample.styles import style_of
from dagster_project.sample.targets import (
    PRINTED_STATEMENTS,
    PUBLISHED_ON,
    REPORT_ID,
    Month,
    printed_figures,
    targets_of,
)
from dagster_project.sample.timeline import Timeline
from dagster_project.sample.writers import content_of
from dagster_project.writing import make_private_folder, private_files

FIRST_DAY, LAST_DAY = dt.date(2021, 2, 1), dt.date(2023, 1, 31)

# Another seed would give other events with the same monthly sums.
_SEED = 2022
_MARKER = "SYNTHETIC"
_NATIONAL = "national_call_answering"
# One extract was sent a second time under another name.
_SENT_TWICE = ("call_segments", dt.date(2022, 9, 14))
# No row arrives more than this many days late, except crimes, which are drawn as a whole.
_LATEST = 8


@dataclass(frozen=True)
class SampleSummary:
    """The content of a sample.

    Attributes:
        files: number of extract files, including the second copy of one.
        rows: data rows by source, not counting the second copy.
        quarantined: rows by source that must not be loaded: faulty, repeated, or superseded within their extract.
    """

    files: int
    rows: Mapping[str, int]
    quarantined: Mapping[str, int]


def write(
    out: Path,
    *,
    first: dt.date = FIRST_DAY,
    last: dt.date = LAST_DAY,
    report: Callable[[str, int, int], None] | None = None,
) -> SampleSummary:
    """Write the synthetic extracts of all sources below a folder, as `OUT/SOURCE/SOURCE_YYYY-MM-DD*.EXT`.

    The events are invented; for months with a printed board paper, their sums are its figures. A day has
    the same bytes, regardless of the range. A few rows arrive days after their event, so the last days before
    `last` are complete only at the end of the sample. Either everything is written or nothing.

    Args:
        out: the folder to create; it may exist if it contains no files.
        first: the first extract date to write.
        last: the last extract date.
        report: called after each month with its YYYY-MM, and the numbers of files and rows written.

    Raises:
        FileExistsError: the folder contains files.
        UsageError: the dates are in the wrong order or outside the sample.
    """
    if not FIRST_DAY <= first <= last <= LAST_DAY:
        raise UsageError(f"--from {first} --to {last}: the sample covers {FIRST_DAY} to {LAST_DAY}")
    if out.exists() and (not out.is_dir() or any(not path.is_dir() for path in out.rglob("*"))):
        raise FileExistsError(
            f"{out}: there are files already; the sample is written to a new or empty folder only. "
            "Give another folder, or remove this one."
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as place:
        content = Path(place) / "content"
        # With the mode required of a landing folder of real extracts, unless the folder exists.
        content.mkdir(mode=0o700)
        summary = _write_all(content, first=first, last=last, report=report)
        if out.exists():
            shutil.copymode(out, content)
            shutil.rmtree(out)
        content.rename(out)
    return summary


def write_words(home: Path) -> list[Path]:
    """Write what people of a force might have written for the sample: commentary, events, and who publishes.

    Args:
        home: the data root; its `commentary/` and `config/` are left as they are if they have files.

    Returns:
        The folders that were written.
    """
    folders = [home / name for name in ("commentary", "config")]
    written = [folder for folder in folders if not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))]
    for folder in written:
        shipped = Path(__file__).with_name(folder.name)
        with private_files():
            for path in sorted(shipped.rglob("*.*")):
                file = folder / path.relative_to(shipped)
                make_private_folder(file.parent)
                file.write_bytes(path.read_bytes())
    return written


def _write_all(
    out: Path, *, first: dt.date, last: dt.date, report: Callable[[str, int, int], None] | None
) -> SampleSummary:
    timeline = Timeline(targets_of(FORCES[0].code).months)
    files: Counter[str] = Counter()
    rows: Counter[str] = Counter()
    quarantined: Counter[str] = Counter()
    # Rows of each source that arrive in files of a later month.
    carried: dict[str, Deliveries] = {}
    for month, drawn in _true_events(first=first, last=last, timeline=timeline):
        before = files.total(), rows.total()
        for number, deliveries in enumerate(drawn):
            source = deliveries.source
            inject_defects(np.random.default_rng([_SEED, 1, number, month]), deliveries, month=month, timeline=timeline)
            arriving = joined(carried[source], deliveries) if source in carried else deliveries
            next_month = int(timeline.month_starts[month + 1])
            carried[source] = arriving.take(np.flatnonzero(arriving.day >= next_month))
            for day, file, table in arriving.take(np.flatnonzero(arriving.day < next_month)).files():
                date = timeline.days[day]
                if not first <= date <= last:
                    continue
                style = style_of(source, date=date, file=file)
                content = content_of(table, style=style, timeline=timeline)
                tags = ["" if file is File.MAIN else f"_{file.name.lower()}"]
                if (source, date) == _SENT_TWICE and file is File.MAIN:
                    tags.append("_copy")
                (out / source).mkdir(exist_ok=True)
                for tag in tags:
                    (out / source / f"{source}_{date.isoformat()}{tag}.{style.extension}").write_bytes(content)
                    files[source] += 1
                rows[source] += len(table)
                quarantined[source] += int(table.quarantined.sum())
        if report and files.total() > before[0]:
            report(timeline.months[month], files.total() - before[0], rows.total() - before[1])
    with PRINTED_STATEMENTS.open(encoding="utf-8", newline="") as lines:
        typed = {"published_figures": printed_figures(), "published_statements": list(csv.DictReader(lines))}
    about = {"report_id": REPORT_ID, "published_on": PUBLISHED_ON}
    paper = {source: [about | row for row in rows_of_source] for source, rows_of_source in typed.items()}
    of_forces = {force.code: targets_of(force.code) for force in FORCES}
    national = draw_national_call_answering(np.random.default_rng([_SEED, 2]), of_forces)
    for source, delivered in (paper | {_NATIONAL: national}).items():
        files[source], rows[source], quarantined[source] = 1, len(delivered), 0
        _write_rows(out / source, delivered)
    (out / _MARKER).write_text(
        f"Every event in these extracts is synthetic. They are drawn with seed {_SEED} so that their monthly sums are "
        "the figures that Kent Police printed for August 2022 to January 2023 in the board paper on Force Crime and "
        f"Incident Response of {PUBLISHED_ON}. The months before agree with what that paper says about them in words; "
        "nothing else about them is real, and nothing at all about the events of City of London Police. What "
        f"{_NATIONAL} says of all forces is drawn too: it is not what was published. What is in "
        f"{' and '.join(paper)} is that paper's.\n",
        encoding="utf-8",
    )
    return SampleSummary(files=files.total(), rows=dict(rows), quarantined=dict(quarantined))


def _true_events(*, first: dt.date, last: dt.date, timeline: Timeline) -> Iterator[tuple[int, list[Deliveries]]]:
    """Yield the events of each source without defects, for each month with rows that arrive between two days.

    Each source, force and month has its own stream of draws, so that a month does not depend on earlier ones.
    """
    targets = {force.code: targets_of(force.code) for force in FORCES}

    def draws(source: int, *stream: int) -> np.random.Generator:
        return np.random.default_rng([_SEED, 0, source, *stream])

    crimes = {
        force.code: draw_crimes(draws(0, force.number), force=force, timeline=timeline, targets=targets[force.code])
        for force in FORCES
    }
    months = sorted({f"{first - dt.timedelta(days=_LATEST):%Y-%m}", f"{last:%Y-%m}"})
    for number, name in enumerate(timeline.months):
        if not months[0] <= name <= months[-1]:
            continue
        parts: dict[str, dict[str, Deliveries]] = {source: {} for source in EVENTS}
        for force in FORCES:
            month = Month(force, number, timeline, targets[force.code])
            calls, seekers = draw_call_segments(draws(4, force.number, number), month)
            reports = draw_online_crime_reports(draws(1, force.number, number), month, crimes=crimes[force.code])
            chats = draw_live_chats(draws(2, force.number, number), month)
            contacts = draw_digital_contacts(
                draws(3, force.number, number), month, reports=reports, chats=chats, seekers=seekers
            )
            for deliveries in (calls, contacts, reports, chats, crimes[force.code].rows_of(number)):
                parts[deliveries.source][force.code] = deliveries
        yield number, [in_common_files(parts[source]) for source in EVENTS]


def _write_rows(folder: Path, delivered: Sequence[Mapping[str, str]]) -> None:
    """Deliver rows as CSV, as the source that names the folder."""
    folder.mkdir()
    with (folder / f"{folder.name}_{PUBLISHED_ON}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(delivered[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(delivered)
