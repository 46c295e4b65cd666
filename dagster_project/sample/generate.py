"""Write a whole sample: every source drawn, spoilt and written as files, all or nothing."""

from __future__ import annotations

import csv
import io
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dagster_project.sample.calls import draw_call_segments
from dagster_project.sample.chats import draw_live_chats
from dagster_project.sample.contacts import draw_digital_contacts
from dagster_project.sample.crimes import draw_crimes
from dagster_project.sample.deliveries import Deliveries, File
from dagster_project.sample.mess import spoil
from dagster_project.sample.reports import draw_online_crime_reports
from dagster_project.sample.styles import style_of
from dagster_project.sample.targets import PRINTED_FIGURES, PRINTED_STATEMENTS, PUBLISHED_ON, REPORT_ID, read_targets
from dagster_project.sample.timeline import Timeline
from dagster_project.sample.writers import content_of

_MARKER = "SYNTHETIC"
_TAGS = {File.MAIN: "", File.CORRECTED: "_corrected", File.LATE: "_late"}
# One extract was sent a second time under another name.
_SENT_TWICE = ("call_segments", 44)


@dataclass(frozen=True)
class SampleSummary:
    """What a sample holds.

    Attributes:
        files: number of extract files, the one sent twice counted twice.
        rows: data rows by source, those of the file sent twice counted once.
        quarantined: rows by source that must not load: faulty, repeated, or overtaken within their extract.
    """

    files: int
    rows: Mapping[str, int]
    quarantined: Mapping[str, int]


def write(out: Path, *, seed: int = 2022) -> SampleSummary:
    """Write the synthetic extracts of all sources below a folder, as `OUT/SOURCE/SOURCE_YYYY-MM-DD*.EXT`.

    The events are invented; their monthly sums are the figures that a board paper printed. The same seed gives the
    same bytes. Either everything is written or nothing.

    Args:
        out: the folder to make; it may exist when there is no file in it.
        seed: other seeds give other events with the same monthly sums.

    Returns:
        What was written.

    Raises:
        FileExistsError: there are files in the folder.
    """
    if out.exists() and (not out.is_dir() or any(not path.is_dir() for path in out.rglob("*"))):
        raise FileExistsError(
            f"{out}: there are files already; the sample is written to a new or empty folder only. "
            "Give another folder, or remove this one."
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as place:
        content = Path(place) / "content"
        # As private as a landing folder of real extracts has to be, unless there is a folder with modes of its own.
        content.mkdir(mode=0o700)
        summary = _write_all(content, seed=seed)
        if out.exists():
            shutil.copymode(out, content)
            shutil.rmtree(out)
        content.rename(out)
    return summary


def _write_all(out: Path, *, seed: int) -> SampleSummary:
    targets = read_targets(PRINTED_FIGURES)
    timeline = Timeline(targets.months)
    files = 0
    rows: dict[str, int] = {}
    quarantined: dict[str, int] = {}
    for number, deliveries in enumerate(_true_events(seed)):
        spoil(np.random.default_rng([seed, 1, number]), deliveries, timeline=timeline)
        folder = out / deliveries.source
        folder.mkdir()
        for chunk in deliveries.chunks():
            date = timeline.days[chunk.day]
            style = style_of(deliveries.source, day=chunk.day, date=date, file=chunk.file)
            content = content_of(deliveries, chunk, style=style, timeline=timeline)
            tags = [_TAGS[chunk.file]]
            if (deliveries.source, chunk.day) == _SENT_TWICE and chunk.file is File.MAIN:
                tags.append("_copy")
            for tag in tags:
                name = f"{deliveries.source}_{date.isoformat()}{tag}.{style.extension}"
                (folder / name).write_bytes(content)
                files += 1
        rows[deliveries.source] = len(deliveries)
        quarantined[deliveries.source] = deliveries.quarantined
    paper = {"published_figures": PRINTED_FIGURES, "published_statements": PRINTED_STATEMENTS}
    for source, typed in paper.items():
        rows[source] = _write_of_the_paper(out / source, typed)
        quarantined[source] = 0
    (out / _MARKER).write_text(
        f"Every event in these extracts is synthetic. They are drawn with seed {seed} so that their monthly sums are "
        "the figures that Kent Police printed for August 2022 to January 2023 in the board paper on Force Crime and "
        f"Incident Response of {PUBLISHED_ON}; nothing else about them is real. What is in "
        f"{' and '.join(paper)} is that paper's.\n",
        encoding="utf-8",
    )
    return SampleSummary(files=files + len(paper), rows=rows, quarantined=quarantined)


def _true_events(seed: int) -> Iterator[Deliveries]:
    """The events of each source before anything is spoilt; each source has its own stream of draws."""
    targets = read_targets(PRINTED_FIGURES)
    timeline = Timeline(targets.months)

    def draws(source: int) -> np.random.Generator:
        return np.random.default_rng([seed, 0, source])

    crimes = draw_crimes(draws(0), timeline=timeline, targets=targets)
    reports = draw_online_crime_reports(draws(1), timeline=timeline, targets=targets, crimes=crimes)
    chats = draw_live_chats(draws(2), timeline=timeline, targets=targets)
    # The log takes its instants from the reports and chats, so it is drawn before those are spoilt.
    contacts = draw_digital_contacts(draws(3), timeline=timeline, targets=targets, reports=reports, chats=chats)
    yield contacts
    yield reports
    yield chats
    yield crimes
    yield draw_call_segments(draws(4), timeline=timeline, targets=targets)


def _write_of_the_paper(folder: Path, typed: Path) -> int:
    """Deliver what the reader of the paper typed off it as the source that the folder is named by; gives the rows."""
    with typed.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    delivered = [{"report_id": REPORT_ID, "published_on": PUBLISHED_ON} | row for row in rows]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(delivered[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(delivered)
    folder.mkdir()
    path = folder / f"{folder.name}_{PUBLISHED_ON}.csv"
    path.write_text(text.getvalue(), encoding="utf-8", newline="")
    return len(delivered)
