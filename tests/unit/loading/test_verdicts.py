"""Which deliveries are rejected or warned about, for what is in them and what was delivered before.

The cases are histories of some days or weeks. They stand one after the other, far enough apart, in three sources of a
data root, which are loaded once for all tests.
"""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from dagster_project.contracts import Severity
from dagster_project.loading.report import FileWarning
from dagster_project.validation.expectations import expectations_of
from tests.unit.loading.installation import DAY, HEADER, VISITS, Installation, row, rows

QUARANTINED, FAULTY = "few_rows_are_quarantined", "faulty_rows_are_within_limits"
FAULTY_DAYS = "faulty_rows_of_28_days_are_within_limits"
SUPERSEDED, KEY = "few_rows_are_superseded", "superseded_rows_are_within_limits"
COPY, EMPTY = "content_is_of_one_day", "delivery_has_rows"
OUTSIDE, AFTER = "most_events_are_within_a_day_of_the_extract_date", "events_are_not_after_the_extract_date"
LONG_BEFORE, REPEATED = "most_events_are_near_the_extract_date", "some_events_are_on_the_extract_date"
SILENT, NEW = "columns_that_had_values_still_have_them", "forces_have_delivered_before"
LOW, HIGH = "volume_is_not_far_below_the_recent_past", "volume_is_not_far_above_the_recent_past"
FORCE, MEMBER = "volume_of_each_force_is_usual", "volume_of_each_member_is_usual"
MISSING = "files_of_several_forces_name_the_force"
IDS, FEW_IDS = "identifiers_are_of_one_event", "few_identifiers_are_of_other_events"
BOTH = {OUTSIDE, REPEATED}
ACCEPT, LATE = "an operator accepts it", "_late"


def of(count, *, faulty=0, superseded=0, same=0, at=None, minutes=5, header=HEADER):
    """A file of so many rows, some of them faulty, superseded or the same as another; as if of the day `at`."""

    def text(base: date, offset: int) -> str:
        day = base + timedelta(offset if at is None else at)
        lines = rows(day, count - superseded - same, faulty=faulty, minutes=minutes)
        key = lines[0].partition(",")[0] if lines else ""
        lines += [row(key, 100 + number, day) for number in range(superseded)]
        return "\n".join([header, *lines, *lines[-1:] * same, ""])

    return text


def numbered(count, others=0):
    """A file of so many rows numbered from 1, the same on every day, and other rows."""

    def text(base: date, offset: int) -> str:
        day = base + timedelta(offset)
        lines = [row(f"n{base}-{number}", 5, day) for number in range(count)]
        return "\n".join([HEADER, *lines, *rows(day, others), ""])

    return text


def forces(**counts: int):
    """A file with so many rows of each force."""

    def text(base: date, offset: int) -> str:
        day = base + timedelta(offset)
        lines = [f"{force},{row(f'{day}{n}', 5, day)}" for force, count in counts.items() for n in range(count)]
        return "\n".join([f"force_code,{HEADER}", *lines, ""])

    return text


def days(first: int, last: int, file, *, step: int = 1) -> dict:
    """The same kind of file on each day from the first to the last."""
    return dict.fromkeys(range(first, last + 1, step), file)


def weeks(first: int, last: int, file) -> dict:
    return days(7 * first, 7 * last, file, step=7)


RENAMED = HEADER.replace("minutes", "length")
# By case: for each night what is delivered by day (one file, or several by the end of their names), and which
# expectations fail on which of the days that are judged.
DAYS = {
    "20 of 20 faulty": ([{0: of(20, faulty=20)}], [{0: {QUARANTINED, EMPTY}}]),
    "21 of 419 faulty": ([{0: of(419, faulty=21)}], [{0: {FAULTY, QUARANTINED}}]),
    "21 of 420 faulty": ([{0: of(420, faulty=21)}], [{0: {QUARANTINED}}]),
    "30 of one file": ([{0: {"_a": of(30, faulty=30), "_b": of(800)}}], [{0: {QUARANTINED}}]),
    "1 of 100 and 1 of 101 faulty": ([{0: of(100, faulty=1), 1: of(101, faulty=1)}], [{0: {QUARANTINED}}]),
    # 3 of 40 are 7.5%; with the seventh day they are 21 rows. A rejected delivery does not count.
    "some faulty every day": (
        [days(0, 8, of(40, faulty=3))],
        [days(0, 5, {QUARANTINED}) | days(6, 8, {QUARANTINED, FAULTY_DAYS})],
    ),
    # 3 of 60 are 5% and not more. In the third night 20 rows are faulty without the day that was accepted.
    "some faulty in other nights": (
        [days(0, 4, of(40, faulty=3)), {5: of(40, faulty=6), 6: of(60, faulty=3)}, {5: ACCEPT, 7: of(39, faulty=2)}],
        [
            days(0, 4, {QUARANTINED}),
            {5: {QUARANTINED, FAULTY_DAYS}, 6: {QUARANTINED}},
            {5: {QUARANTINED, FAULTY_DAYS}, 7: {QUARANTINED, FAULTY_DAYS}},
        ],
    ),
    "some faulty for 28 days": (
        [days(0, 5, of(40, faulty=3)) | {27: of(40, faulty=3), 28: of(40, faulty=3)}, {5: of(41)}],
        [days(0, 5, {QUARANTINED}) | {27: {QUARANTINED, FAULTY_DAYS}, 28: {QUARANTINED}}, {27: {QUARANTINED}}],
    ),
    "21 of 104 superseded": ([{0: of(104, superseded=21)}], [{0: {KEY, SUPERSEDED, QUARANTINED}}]),
    "21 of 105 superseded": ([{0: of(105, superseded=21)}], [{0: {SUPERSEDED, QUARANTINED}}]),
    "20 of 40 superseded": ([{0: of(40, superseded=20)}], [{0: {SUPERSEDED, QUARANTINED}}]),
    "60 of 120 the same": ([{0: of(120, same=60)}], [{0: {QUARANTINED}}]),
    "1 and 2 of 100 superseded": (
        [{0: of(100, superseded=1), 1: of(100, superseded=2)}],
        [{0: {QUARANTINED}, 1: {SUPERSEDED, QUARANTINED}}],
    ),
    "copies of the first day": (
        [{0: of(10), 1: of(10, at=0)}, {2: of(10, at=0)}],
        [{1: {COPY}}, {1: {COPY}, 2: {COPY}}],
    ),
    "a copy of a later day": ([{1: of(10, at=0)}, {0: of(10)}], [{}, {0: {COPY}}]),
    "a copy whose other is corrected": ([{0: of(9), 1: of(9, at=0)}, {0: of(8)}], [{1: {COPY}}, {}]),
    "a copy that is accepted": ([{0: of(9), 1: of(9, at=0)}, {1: ACCEPT}], [{1: {COPY}}, {1: {COPY}}]),
    "copies of a bad day": ([{0: of(49, faulty=30), 1: of(49, faulty=30, at=0)}], [days(0, 1, {FAULTY, QUARANTINED})]),
    "empty days": ([{0: of(0), 1: of(0)}], [days(0, 1, {EMPTY})]),
    # Two of 20 are one in ten, and not fewer.
    "events of neighbours": (
        [{1: {"": of(2), "_b": of(18, at=0)}, 8: {"": of(1), "_b": of(19, at=9)}, 15: {"_b": of(19, at=16)}}],
        [{8: {AFTER, REPEATED}, 15: {AFTER}}],
    ),
    "20 events of other days": ([{2: of(20, at=0), 12: of(20, at=14)}], [{2: BOTH, 12: BOTH | {AFTER}}]),
    "19 events of other days": ([{2: of(19, at=0)}], [{}]),
    "half of the events": (
        [{9: {"": of(15), "_b": of(15, at=0)}, 19: {"": of(14), "_b": of(15, at=10)}}],
        [{19: {OUTSIDE}}],
    ),
    "late files": (
        [{9: {"_late2": of(30, at=0), "": of(20)}, 29: {"_kent_Late": of(30, at=20), "_kent": of(20, at=19)}}],
        [{29: BOTH}],
    ),
    "events of 31 and of 32 days before": (
        [{31: {LATE: of(20, at=0)}, 33: {LATE: of(20, at=1), "": of(19)}, 34: {LATE: of(20, at=2), "": of(20)}}],
        [{33: {LONG_BEFORE}}],
    ),
    # As many values are expected as there are rows, at least ten; days without any do not become usual.
    "minutes that were there": (
        [
            days(0, 7, of(20)),
            {8: of(20, minutes="N/A"), 9: of(20, header=RENAMED), 10: of(9, minutes=""), 11: of(10, minutes="")},
            {45: of(20, minutes="")},
        ],
        [{}, {8: {SILENT}, 9: {SILENT}, 11: {SILENT}}, {45: {SILENT}}],
    ),
    "numbers that begin again": (
        [
            {0: numbered(100), 7: numbered(100)},
            {8: numbered(5, 495), 9: numbered(5, 496), 10: numbered(4, 96), 11: numbered(20, 81), 12: numbered(19)},
            {13: numbered(20, 80)},
        ],
        [{}, {8: {FEW_IDS}, 11: {FEW_IDS}, 12: {FEW_IDS}}, {13: {FEW_IDS, IDS}}],
    ),
    "minutes of six days": ([days(0, 5, of(20)) | {6: of(20, minutes="")}], [{}]),
}
WEEKS = {
    "rows as read": ([weeks(0, 2, of(300)) | {21: of(290, faulty=15), 28: of(150, faulty=6)}], [{28: {LOW}}]),
    "of another weekday": ([weeks(0, 2, of(300)) | days(1, 15, of(60), step=7) | {22: of(60)}], [{}]),
    # More than 3.5 times the square root of 60 fewer.
    "32 of 60 and 33 of 60": ([weeks(0, 2, of(60)) | {21: of(32), 28: of(33)}], [{21: {LOW}}]),
    "three times the usual rows": ([weeks(0, 3, of(100)) | {28: of(300), 35: of(301)}], [{35: {HIGH}}]),
    # Of the newest eight weeks, three have 200 rows and three 300; five older ones have 100.
    "the newest eight weeks": (
        [weeks(0, 4, of(100)) | {35: of(300)} | weeks(8, 10, of(200)) | weeks(11, 12, of(300)) | {91: of(150)}],
        [{91: {LOW}}],
    ),
    "half a year": ([weeks(0, 2, of(300)) | {182: of(60), 189: of(60)}], [{182: {LOW}}]),
    "a broken export": (
        [weeks(0, 2, of(300)) | weeks(3, 6, of(60)), weeks(3, 5, ACCEPT) | {49: of(60)}, {42: ACCEPT}],
        # In the second night, half of the weeks before have 300 rows; in the third, one more has 60.
        [weeks(3, 6, {LOW}), weeks(3, 7, {LOW}), {42: {LOW}}],
    ),
    "rejected for another reason": (
        [weeks(0, 3, of(100)) | {7 * n: of(500 + n, at=-40) for n in range(4, 8)}, {56: of(100)}],
        [weeks(4, 7, {HIGH}), weeks(4, 7, {HIGH})],
    ),
}
USUAL = forces(kent=400, essex=60)
FORCES = {
    "each force": (
        [
            weeks(0, 3, USUAL),
            {28: forces(cleveland=1, kent=400, essex=20), 35: forces(kent=400), 42: forces(kent=400, essex=190)},
        ],
        [{}, {28: {FORCE, NEW}, 35: {MEMBER}, 42: {FORCE}}],
    ),
    "forces of rejected weeks": (
        [weeks(0, 2, USUAL) | weeks(3, 8, forces(kent=40, essex=60)) | {63: forces(kent=400, essex=20)}],
        [weeks(3, 8, {LOW, FORCE}) | {63: {FORCE}}],
    ),
    # 9 rows where 2 are usual may come by chance.
    "a small force": (
        [weeks(0, 2, forces(kent=100, essex=2)) | {21: forces(kent=100, essex=9), 28: forces(kent=100, essex=11)}],
        [{28: {FORCE}}],
    ),
    "new forces": (
        [{0: forces(kent=1, essex=1), 1: forces(kent=1, surrey=1)}, {2: forces(surrey=1, essex=1), 3: forces(gwent=1)}],
        [{1: {NEW}}, {3: {NEW}}],
    ),
    "a file without its force": ([{0: of(2), 1: {"_a": forces(kent=3), "_b": of(0)}}], [{0: {MISSING}}]),
}
CASES = DAYS | WEEKS | FORCES
# By source its cases, and the days between them: volume is compared over half a year.
SOURCES = {"visits": (DAYS, 42), "letters": (WEEKS, 189), "notes": (FORCES, 189)}
OF_VOLUME = {"letters": {LOW, HIGH}, "notes": {LOW, HIGH, FORCE, MEMBER, NEW, MISSING}}


class Played:
    """What became of the days of each case."""

    def __init__(self, home) -> None:
        others = (replace(VISITS, source=source) for source in ("letters", "notes"))
        self.root = Installation(home, replace(VISITS, volume_floor=0), *others)
        self.first: dict[str, tuple[str, date]] = {}
        for source, (cases, apart) in SOURCES.items():
            day = date(2014, 4, 2)
            for case, (nights, _) in cases.items():
                self.first[case] = source, day
                day += timedelta(max(offset for night in nights for offset in night) // 7 * 7 + apart)
        self.nights = [self._night(number) for number in range(3)]

    def _night(self, number: int) -> dict:
        """By source and day that is judged: whether it is accepted, and the expectations that fail."""
        for case, (nights, _) in CASES.items():
            source, first = self.first[case]
            for offset, files in dict(*nights[number : number + 1]).items():
                day = first + timedelta(offset)
                if files == ACCEPT:
                    self.root.accept(day, source=source)
                    continue
                for suffix, file in files.items() if isinstance(files, dict) else [("", files)]:
                    self.root.land(day, text=file(first, offset), suffix=suffix, source=source)
        judged = {}
        for source in SOURCES:
            # Before the deadline of any day, so that no day is missing.
            report = self.root.run(source=source, now=datetime(2014, 1, 1, tzinfo=UTC))
            for delivery in report.deliveries:
                day = delivery.extract_date
                failed = {item.expectation.name for item in report.outcomes if day in item.failed_dates}
                judged[source, day] = delivery.is_accepted, failed
        return judged

    def failed(self, case: str, night: int) -> dict:
        """By day of a case, the expectations that fail in a night; volume is that of the cases about it."""
        source, first = self.first[case]
        found = {}
        for offset in {day for night in CASES[case][0] for day in night}:
            _, failed = self.nights[night].get((source, first + timedelta(offset)), (True, set()))
            if failed := failed & OF_VOLUME[source] if source in OF_VOLUME else failed - {LOW, HIGH, FORCE}:
                found[offset] = failed
        return found


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    return Played(tmp_path_factory.mktemp("played") / "home")


@pytest.mark.parametrize("case", CASES)
def test_a_day_is_judged_by_what_is_in_it_and_what_was_delivered_before(played, case):
    for night, failures in enumerate(CASES[case][1]):
        assert played.failed(case, night) == failures


def test_a_critical_failure_rejects_a_day_unless_an_operator_accepts_it(played):
    critical = {item.name for item in expectations_of(VISITS) if item.severity is Severity.CRITICAL}
    waived = set(played.root.query("select source, extract_date from audit.waiver"))
    for night, judged in enumerate(played.nights):
        for at, (is_accepted, failed) in judged.items():
            assert is_accepted == (not failed & critical or (night > 0 and is_accepted and at in waived)), at
    statuses = played.root.query(
        "select source, extract_date, bool_and(status <> 'rejected') from audit.load group by all"
    )
    last = {at: is_accepted for judged in played.nights for at, (is_accepted, _) in judged.items()}
    assert {(source, day): is_accepted for source, day, is_accepted in statuses} == last
    assert {at for at, is_accepted in last.items() if is_accepted} >= waived


# Of a day of a case, a part of its reason or warnings; `{-21}` is the day so many days after the first.
TEXTS = {
    ("21 of 419 faulty", 0): f"Found: faulty_rows 21, rows_read 419. [{FAULTY}]",
    ("some faulty every day", 6): f"3 of 40 rows faulty, and 21 of 280 from {{-21}} to {{6}}. [{FAULTY_DAYS}]",
    ("copies of the first day", 1): "Found: visits_{1}.csv has the content of visits_{0}.csv, which is ",
    ("20 events of other days", 2): "Found: rows_outside_day 20, rows_read 20. [events_outside_day]",
    ("rows as read", 28): "Found: rows_read 150, expected_rows 300, faulty_rows 6.",
    ("a copy that is accepted", 1): f"accepted by an operator: it is right (despite {COPY})",
    ("new forces", 3): "force gwent has not been delivered by this source before",
    ("1 of 100 and 1 of 101 faulty", 0): "1 of 100 rows of {0} quarantined (1.0%): not_an_integer 1",
    ("1 and 2 of 100 superseded", 1): "2 of 100 rows of {1} (2.0%) are superseded by later rows of the same ",
    ("minutes that were there", 8): "minutes has no value in any row of kent; the deliveries before had values in it",
    (
        "minutes that were there",
        9,
    ): "minutes is not in the file of kent; the deliveries before had values in it. If one",
    (
        "each force",
        35,
    ): "force essex: 0 rows on {35}; usual: 60 (median of the 28 days before). The day is not complete ",
    ("numbers that begin again", 13): "Found: 20 of 100 rows. If the numbers of the source began again, state the "
    "first such extract date in config/contracts/visits.yaml of the data root, as in keysBeginAgain: [{13}], then: ",
    ("each force", 28): "force essex: 20 rows on {28}; usual for the weekday: 60 (median of 4)",
}


@pytest.mark.parametrize(("case", "offset"), TEXTS)
def test_the_audit_has_the_reason_and_the_warnings_in_words(played, case, offset):
    source, first = played.first[case]
    written = (
        "select concat(reason, ' ', warnings) from audit.load where source = ? and extract_date = ? order by load_id"
    )
    (last, *_) = reversed(played.root.query(written, source, first + timedelta(offset)))
    text = re.sub(r"\{(-?\d+)\}", lambda day: str(first + timedelta(int(day[1]))), TEXTS[case, offset])
    assert text in last[0]


# -- contracts, calendars and the warnings of a run


def rejected(report) -> list[date]:
    return [delivery.extract_date for delivery in report.rejected]


def test_a_contract_states_other_limits_and_events_that_may_be_of_other_days(tmp_path):
    stated = {"faulty_share_limit": 0.02, "faulty_rows_limit": 2, "allows_events_outside_day": True}
    installation = Installation(tmp_path / "home", replace(VISITS, **stated))
    for number in range(3):
        installation.land(DAY + timedelta(number), *rows(DAY + timedelta(number), 40, faulty=1))
    installation.land(DAY + timedelta(3), *rows(DAY, 30))
    report = installation.run()
    assert rejected(report) == [DAY + timedelta(2)]
    assert OUTSIDE not in {item.expectation.name for item in report.outcomes}


@pytest.mark.parametrize(("begins", "apart"), [((), (DAY + timedelta(1),)), ((DAY + timedelta(1),), ())])
def test_rows_of_an_event_that_are_a_day_apart_are_a_warning_until_its_number_begins_again(tmp_path, begins, apart):
    force, visit, begun, minutes, visitor = VISITS.columns
    part = replace(minutes, key_position=2, is_required=True)
    stated = {"identity_columns": ("visit_id",), "identity_days": 1, "keys_begin_again": begins}
    contract = replace(VISITS, columns=(force, visit, begun, part, visitor), **stated)
    installation = Installation(tmp_path / "home", contract)
    installation.land(DAY, row("a", 1), row("b", 1))
    # The same part, delivered again, replaces the first one.
    following = [row("a", 2, DAY + timedelta(1)), row("b", 2, DAY + timedelta(2)), row("a", 1, DAY + timedelta(2))]
    installation.land(DAY + timedelta(1), *following)
    failed = {item.expectation.name: item.failed_dates for item in installation.run().outcomes}
    assert failed["rows_of_an_event_are_close"] == apart


def test_a_member_of_the_main_list_that_lost_its_rows_is_a_warning(tmp_path):
    installation = Installation(tmp_path / "home", replace(VISITS, main_list="minutes"))
    for day in (DAY + timedelta(number) for number in range(9)):
        sevens = 0 if day == DAY + timedelta(8) else 12
        installation.land(day, *rows(day, 20), *(row(f"w{day}{number}", 7, day) for number in range(sevens)))
    (text,) = [text for text in map(str, installation.run().warnings) if "minutes" in text]
    assert text.endswith(
        "minutes 7: 0 rows on 2022-11-09; usual: 12 (median of the 28 days before). The day is not complete for the "
        "figures that count it"
    )
    assert installation.query("select sum(rows_read) from audit.load_force where member = '7'") == [(96,)]


def test_the_day_of_an_event_is_that_of_london(installation):
    # In July 23:30 UTC is half past midnight: of the day before the neighbour, and of the neighbour itself.
    moments = {4: "2022-07-02T22:30Z", 14: "2022-07-12T23:30Z", 5: "2022-07-06T22:30Z", 15: "2022-07-16T23:30Z"}
    for day, moment in moments.items():
        installation.land(date(2022, 7, day), *(f"v{day}-{number},{moment},5,x" for number in range(20)))
    failed = {item.expectation.name: item.failed_dates for item in installation.run().outcomes}
    assert failed[OUTSIDE] == (date(2022, 7, 4), date(2022, 7, 15))


def test_a_bank_holiday_is_compared_with_sundays_and_later_days_not_with_it(installation):
    # Tuesday 27 December 2022 is a bank holiday, in place of Christmas Day on a Sunday.
    holiday, week = date(2022, 12, 27), timedelta(7)
    usual = {day: 60 if day.weekday() == 6 else 300 for day in (holiday - timedelta(n) for n in range(1, 36))}
    # An ordinary Tuesday of its size is too small.
    for day, count in (usual | {holiday: 60, holiday + week: 300, holiday - week: 60}).items():
        installation.land(day, *rows(day, count))
    assert rejected(installation.run()) == [holiday - week]


def test_a_run_lists_three_days_with_a_kind_of_warning_or_the_worst_and_a_warning_of_files_once(installation):
    days_of_november = [DAY.replace(day=number) for number in range(1, 8)]
    for day in days_of_november[:3]:
        installation.land(day, *rows(day, 100, faulty=day.day))
    listed = [text for text in map(str, installation.run().warnings) if "quarantined" in text]
    assert [text.partition(": ")[0] for text in listed] == [f"visits/visits_2022-11-0{n}.csv" for n in (1, 2, 3)]
    for day in days_of_november[3:]:
        installation.land(day, *rows(day, 100, faulty=day.day - 2), row("late", day="2023-01-01"))
    report = installation.run()
    (text,) = [text for text in map(str, report.warnings) if "quarantined" in text]
    assert text.startswith("visits/: 4 deliveries have 1% or more of their rows quarantined; the most visits/visits_")
    assert "5 of 101 rows of 2022-11-07 quarantined (5.0%): not_an_integer 5" in text
    assert [str(item) for item in report.warnings if isinstance(item, FileWarning)] == [
        "visits/visits_2022-11-04.csv and 3 more: 1 row is dated after the extract date"
    ]
