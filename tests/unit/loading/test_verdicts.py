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
from tests.cases import cases_of
from tests.unit.loading.installation import DAY, HEADER, VISITS, Installation, row, rows

OUTSIDE = "most_events_are_within_a_day_of_the_extract_date"
VOLUME = {"volume_is_not_far_below_the_recent_past", "volume_is_not_far_above_the_recent_past"}
MEMBERS = {"volume_of_each_member_is_usual", "forces_have_delivered_before", "files_of_several_forces_name_the_force"}


def text_of(file: dict, base: date, offset: int) -> str:
    """The text of a file of a case, delivered so many days after the first.

    Either it has rows of each force (`forces`), or so many `rows`, some of them faulty, superseded or the same as
    another, as if of the day `at`.
    """
    day, header = base + timedelta(file.get("at", offset)), file.get("header", HEADER)
    if counts := file.get("forces"):
        header = f"force_code,{HEADER}"
        lines = [f"{force},{row(f'{day}{n}', 5, day)}" for force, count in counts.items() for n in range(count)]
    else:
        superseded, same = file.get("superseded", 0), file.get("same", 0)
        options = {"faulty": file.get("faulty", 0), "minutes": file.get("minutes", 5)}
        lines = rows(day, file["rows"] - superseded - same, **options)
        lines += [row(lines[0].partition(",")[0], 100 + number, day) for number in range(superseded)]
        lines += lines[-1:] * same
    return "\n".join([header, *lines, ""])


def by_day(night: dict) -> dict:
    """What a night has for each day; `0..14/7` are the days 0, 7 and 14."""
    found = {}
    for key, value in night.items():
        first, _, rest = str(key).partition("..")
        last, _, step = rest.partition("/")
        found |= dict.fromkeys(range(int(first), int(last or first) + 1, int(step or 1)), value)
    return found


TABLES = cases_of(__file__)
DAYS, WEEKS, FORCES = (
    {case: {part: list(map(by_day, nights)) for part, nights in of.items()} for case, of in TABLES[name].items()}
    for name in ("days", "weeks", "forces")
)
TEXTS = {(case, offset): text for case, of in TABLES["texts"].items() for offset, text in of.items()}
CASES = DAYS | WEEKS | FORCES
# By source its cases, and the days between them: volume is compared over half a year.
SOURCES = {"visits": (DAYS, 42), "letters": (WEEKS, 189), "notes": (FORCES, 189)}
OF_VOLUME = {"letters": VOLUME, "notes": {*VOLUME, *MEMBERS}}


class Played:
    """What became of the days of each case."""

    def __init__(self, home) -> None:
        others = (replace(VISITS, source=source) for source in ("letters", "notes"))
        self.root = Installation(home, replace(VISITS, volume_floor=0), *others)
        self.first: dict[str, tuple[str, date]] = {}
        for source, (cases, apart) in SOURCES.items():
            day = date(2014, 4, 2)
            for case, of in cases.items():
                self.first[case] = source, day
                day += timedelta(max(offset for night in of["delivered"] for offset in night) // 7 * 7 + apart)
        self.nights = [self._night(number) for number in range(3)]

    def _night(self, number: int) -> dict:
        """By source and day that is judged: whether it is accepted, and the expectations that fail."""
        for case, of in CASES.items():
            source, first = self.first[case]
            for offset, files in dict(*of["delivered"][number : number + 1]).items():
                day = first + timedelta(offset)
                if files == "accept":
                    self.root.accept(day, source=source)
                    continue
                for suffix, file in files.get("files", {"": files}).items():
                    self.root.land(day, text=text_of(file, first, offset), suffix=suffix, source=source)
        judged = {}
        for source in SOURCES:
            # Before the deadline of any day, so that no day is missing.
            report = self.root.run(source=source, now=datetime(2014, 1, 1, tzinfo=UTC))
            for delivery in report.deliveries:
                day = delivery.extract_date
                failed = {item.expectation.name for item in report.outcomes if day in item.failed_dates}
                # A limit that one force alone breaks rejects nothing.
                whole = {
                    item.expectation.name
                    for item in report.outcomes
                    if (day, None) in item.failed and [at for at, _ in item.failed].count(day) != 2
                }
                assert {item.expectation for item in delivery.incomplete} <= failed - whole
                judged[source, day] = delivery.is_accepted, failed, whole
        return judged

    def failed(self, case: str, night: int) -> dict:
        """By day of a case, the expectations that fail in a night; volume is that of the cases about it."""
        source, first = self.first[case]
        found = {}
        for offset in {day for night in CASES[case]["delivered"] for day in night}:
            _, failed, _ = self.nights[night].get((source, first + timedelta(offset)), (True, set(), set()))
            if failed := failed & OF_VOLUME[source] if source in OF_VOLUME else failed - VOLUME:
                found[offset] = failed
        return found


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    return Played(tmp_path_factory.mktemp("played") / "home")


@pytest.mark.parametrize("case", CASES)
def test_a_day_is_judged_by_what_is_in_it_and_what_was_delivered_before(played, case):
    for night, failures in enumerate(CASES[case]["failed"]):
        assert played.failed(case, night) == {day: set(names) for day, names in failures.items()}


def test_a_critical_failure_rejects_a_day_unless_an_operator_accepts_it(played):
    critical = {item.name for item in expectations_of(VISITS) if item.severity is Severity.CRITICAL and item.rejects}
    waived = set(played.root.query("select source, extract_date from audit.waiver"))
    for night, judged in enumerate(played.nights):
        for at, (is_accepted, _, failed) in judged.items():
            assert is_accepted == (not failed & critical or (night > 0 and is_accepted and at in waived)), at
    statuses = played.root.query(
        "select source, extract_date, bool_and(status <> 'rejected') from audit.load group by all"
    )
    last = {at: is_accepted for judged in played.nights for at, (is_accepted, *_) in judged.items()}
    assert {(source, day): is_accepted for source, day, is_accepted in statuses} == last
    assert {at for at, is_accepted in last.items() if is_accepted} >= waived


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


def test_a_member_of_the_main_list_that_lost_its_rows_is_a_warning(tmp_path):
    installation = Installation(tmp_path / "home", replace(VISITS, main_list="minutes"))
    for day in (DAY + timedelta(number) for number in range(9)):
        sevens = 0 if day == DAY + timedelta(8) else 12
        installation.land(day, *rows(day, 20), *(row(f"w{day}{number}", 7, day) for number in range(sevens)))
    (text,) = [text for text in map(str, installation.run().warnings) if "minutes" in text]
    assert text.endswith("Found: 7 (0 rows, usually 12). [volume_of_each_member_is_usual]")
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
    for number in (8, 9):
        installation.land(DAY.replace(day=number), header=f"{HEADER},shoes")
    report = installation.run()
    text, late = [text for text in map(str, report.warnings) if "4 deliveries" in text]
    assert "fail events_are_not_after_the_extract_date; the most visits/visits_2022-11-04.csv: begun_at after" in late
    assert text.startswith("visits/: 4 deliveries fail few_rows_are_quarantined; the most visits/visits_2022-11-07.csv")
    assert "Found: rows_quarantined 5, rows_read 101, not_an_integer=5." in text
    assert [str(item) for item in report.warnings if isinstance(item, FileWarning)] == [
        "visits/visits_2022-11-08.csv and 1 more: 1 column not in the contract, not loaded"
    ]
