"""The log of digital contacts, with the target numbers. `defects` adds defects."""

import numpy as np

from dagster_project.sample.calls import Seekers
from dagster_project.sample.deliveries import Deliveries
from dagster_project.sample.draws import choose, texts
from dagster_project.sample.spellings import spell_numbers
from dagster_project.sample.targets import Month
from dagster_project.sample.timeline import Array, Timeline

# Types of the contacts that are neither online crime reports nor chats.
_OTHER_TYPES = {
    "email": 37, "contact_form": 21, "asb_report": 14, "road_traffic_report": 12, "social_media": 7,
    "missing_person_report": 2, "sexual_offence_report": 1.5, "rural_crime_report": 2, "other": 3.5,
}  # fmt: skip
# The log lacks a few reports and chats that their own systems have.
_LOGGED = {"online_crime_report": 0.985, "live_chat": 0.99}
# E-mails and forms from other forces, and tests, in addition to the contacts that count.
_FROM_PARTNERS, _TESTS = 0.022, 0.004


def draw_digital_contacts(
    rng: np.random.Generator, month: Month, *, reports: Deliveries, chats: Deliveries, seekers: Seekers
) -> Deliveries:
    """Draw the contact log of a month in order of arrival, each contact in the extract of its local day.

    Contacts that are not tests or from a partner force match the targets.
    Nearly all chats and all submissions of `report_a_crime` are in the log too, at the same instant. Seekers are
    callers whom 101 did not answer; the log has the numbers of those who write next.
    """
    is_crime_report = reports.columns["service"] == "report_a_crime"
    known = {
        "online_crime_report": (
            reports.columns["submitted_at"][is_crime_report],
            reports.columns["crime_ref"][is_crime_report],
        ),
        "live_chat": (chats.columns["requested_at"], texts([None] * len(chats))),
    }
    parts: list[tuple[Array, Array, Array, Array, Array]] = []
    totals = month.targets.of("digital", "digital_contacts")
    partners = [round(total * _FROM_PARTNERS) for total in totals]
    tests = [round(total * _TESTS) for total in totals]
    counted = totals[month.number]
    for contact_type, (instants, references) in known.items():
        logged = rng.random(len(instants)) < _LOGGED[contact_type]
        number = int(logged.sum())
        counted -= number
        no = np.zeros(number, dtype=np.int64)
        parts.append((instants[logged], texts([contact_type] * number), no, no, references[logged]))
    # Like all contacts, their days are interpolated towards the neighbouring months.
    others = [round(total * counted / totals[month.number]) for total in totals]
    others[month.number] = counted
    for counts, from_partner, is_test in ((others, 0, 0), (partners, 1, 0), (tests, 0, 1)):
        number = counts[month.number]
        instants = month.arrivals(rng, counts=counts, pattern="digital_contacts")
        references = texts([None] * number)
        if not from_partner and not is_test:
            _write_in(references, instants, seekers=seekers)
            references = spell_numbers(references, places=instants)
        parts.append(
            (
                instants,
                _types(rng, number, from_partner=bool(from_partner)),
                np.full(number, from_partner, dtype=np.int64),
                np.full(number, is_test, dtype=np.int64),
                references,
            )
        )
    received, types, partner, test, references = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.argsort(received, kind="stable")
    before = sum(sum(counts[: month.number]) for counts in (totals, partners, tests))
    first = month.force.first_id + 3_100_001 + before
    columns = {
        "contact_id": texts([f"DC-{number:08d}" for number in range(first, first + len(order))]),
        "contact_type": types[order],
        "received_at": received[order],
        "from_partner_force": partner[order],
        "is_test": test[order],
        "linked_reference": _incidents(rng, references[order], received[order], timeline=month.timeline),
    }
    return Deliveries("digital_contacts", columns=columns, day=month.timeline.day(received[order]))


def _write_in(references: Array, received: Array, *, seekers: Seekers) -> None:
    """Put the numbers of callers whom 101 did not answer into the first free contacts after they go online."""
    contact, which = np.unique(np.searchsorted(received, seekers.instants), return_index=True)
    exists = contact < len(received)
    references[contact[exists]] = seekers.numbers[which[exists]]


def _types(rng: np.random.Generator, count: int, *, from_partner: bool) -> Array:
    if from_partner:
        return choose(rng, count, of=("email", "contact_form"), weights=(0.8, 0.2))
    return choose(rng, count, of=tuple(_OTHER_TYPES), weights=tuple(_OTHER_TYPES.values()))


def _incidents(rng: np.random.Generator, references: Array, received: Array, *, timeline: Timeline) -> Array:
    """Add the incident (CAD) reference to a quarter of the contacts that did not become a crime."""
    days = timeline.day(received)
    linked = np.flatnonzero((references == None) & (rng.random(len(received)) < 0.25))  # noqa: E711 - elementwise
    numbers = rng.integers(1, 1500, len(linked))
    references[linked] = texts(
        [
            f"{timeline.days[day]:%d%m}-{number:04d}"
            for day, number in zip(days[linked].tolist(), numbers.tolist(), strict=True)
        ]
    )
    return references
