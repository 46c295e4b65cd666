"""Online crime reports (OCR), with the target `report_a_crime` submissions. `defects` adds defects."""

import numpy as np

from dagster_project.sample.crimes import Crimes
from dagster_project.sample.deliveries import Deliveries
from dagster_project.sample.draws import choose, lognormal, texts
from dagster_project.sample.spellings import spell_references
from dagster_project.sample.targets import Month
from dagster_project.sample.timeline import Array

# The other forms on the website, as shares of the `report_a_crime` submissions.
_OTHER_SERVICES = {"missing_person": 0.02, "sexual_offence": 0.03, "rural_crime": 0.045}
_SERVICES = {"report_a_crime": 1.0} | _OTHER_SERVICES


def draw_online_crime_reports(rng: np.random.Generator, month: Month, *, crimes: Crimes) -> Deliveries:
    """Draw the submissions of a month in order of arrival, each in the extract of its local day.

    Each crime reported online is linked to the last submission before it was recorded.
    """
    submitted, service, before = [], [], 0
    counts = month.targets.of("ocr", "report_a_crime_submissions")
    for name, share in _SERVICES.items():
        of_service = [round(count * share) for count in counts]
        submitted.append(month.arrivals(rng, counts=of_service, pattern="online_crime_reports"))
        service += [name] * of_service[month.number]
        before += sum(of_service[: month.number])
    instants = np.concatenate(submitted)
    order = np.argsort(instants, kind="stable")
    instants, services = instants[order], texts(service)[order]
    first = month.force.first_id + 520_001 + before
    count = len(instants)
    ids = texts([f"OCR-{number:06d}" for number in range(first, first + count)])

    repeats = np.flatnonzero(rng.random(count) < 0.015)
    repeats = repeats[repeats > 50]
    duplicate_of = texts([None] * count)
    duplicate_of[repeats] = ids[repeats - rng.integers(1, 50, len(repeats))]
    filled_in = 60 + lognormal(rng, count, median=720, sigma=0.8, most=6 * 3600).astype(np.int64)
    crime_refs = _crimes_of(services, instants, recorded_online=crimes.recorded_online(month.number))
    columns = {
        "submission_id": ids,
        "service": services,
        "started_at": month.timeline.off_midnight(instants - filled_in),
        "submitted_at": instants,
        "duplicate_of": duplicate_of,
        "crime_ref": spell_references(crime_refs, places=instants),
    }
    return Deliveries("online_crime_reports", columns=columns, day=month.timeline.day(instants))


def _crimes_of(services: Array, submitted: Array, *, recorded_online: tuple[Array, Array]) -> Array:
    """Return the reference of each submission's crime: the last free submission before the crime was recorded."""
    references = texts([None] * len(services))
    candidates = np.flatnonzero(services == "report_a_crime")
    refs, recorded = recorded_online
    # Crimes are recorded some hours after they are reported.
    before = np.searchsorted(submitted[candidates], recorded - 3 * 3600) - 1
    taken, which = np.unique(before, return_index=True)
    usable = taken >= 0
    references[candidates[taken[usable]]] = refs[which[usable]]
    return references


def choose_service(rng: np.random.Generator, count: int) -> Array:
    """Draw services other than `report_a_crime`, for submissions that were first filed under the wrong one."""
    return choose(rng, count, of=tuple(_OTHER_SERVICES), weights=tuple(_OTHER_SERVICES.values()))
