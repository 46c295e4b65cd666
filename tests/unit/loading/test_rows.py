"""What becomes of the rows of a delivery: loaded or quarantined, once for each key, counted by force."""

from dataclasses import replace
from datetime import timedelta

import pytest

from dagster_project.loading import candidate, repeated_keys, row_loader
from dagster_project.loading.candidate import ConservationError
from dagster_project.validation.expectations import expectations_of
from dagster_project.warehouse.connection import reading_connection
from dagster_project.warehouse.state import days_without_loaded_row
from tests.unit.loading.installation import DAY, HEADER, VISITS, Installation, row, rows

DAYS = [DAY + timedelta(number) for number in range(12)]
A, B, FAULTY = 1, 2, "never"
# Rows of one key; which minutes stay, and which rows are quarantined.
REPEATED = {
    (A, A): (A, {3: "duplicate_row"}),
    (A, B): (B, {2: "superseded_row"}),
    (A, A, B): (B, {2: "superseded_row", 3: "duplicate_row"}),
    (A, B, B): (B, {2: "superseded_row", 4: "duplicate_row"}),
    (A, B, A): (A, {2: "superseded_row", 3: "superseded_row"}),
    (A, FAULTY): (A, {3: "not_an_integer"}),
    (FAULTY, A): (A, {2: "not_an_integer"}),
}


@pytest.mark.parametrize("is_split", [False, True], ids=["one file", "a file for each row"])
@pytest.mark.parametrize("at_once", [2, 100_000], ids="portions of {} rows".format)
def test_the_last_good_row_of_a_key_is_kept_and_equal_ones_are_duplicates(installation, monkeypatch, is_split, at_once):
    portions = {"_KEYS_AT_ONCE": repeated_keys, "_CELLS_AT_ONCE": repeated_keys, "_ROWS_AT_ONCE": row_loader}
    for name, module in portions.items():
        monkeypatch.setattr(module, name, at_once)
    days = dict(zip(DAYS, REPEATED, strict=False))
    for day, minutes in days.items():
        lines = [row("v", number, day) for number in minutes]
        # Blank lines before a row keep its line number, and make files of one row differ.
        files = {f"_{n}": [""] * n + [line] for n, line in enumerate(lines)} if is_split else {"": lines}
        for suffix, of_file in files.items():
            installation.land(day, *of_file, suffix=suffix)
    installation.run()
    assert installation.current() == [(str(day), "v", REPEATED[case][0]) for day, case in days.items()]
    assert installation.quarantine() == [
        (f"visits_{day}{f'_{line - 1}' if is_split and line > 2 else ''}.csv", line, code)
        for day, case in days.items()
        for line, code in REPEATED[case][1].items()
    ]


@pytest.mark.parametrize("at_once", [1, 1000])
def test_a_whole_serial_number_is_midnight_in_a_column_of_a_file_with_fractions(installation, monkeypatch, at_once):
    monkeypatch.setattr(row_loader, "_BYTES_AT_ONCE", at_once)
    # 44866 is 1 November 2022. 99999.5 is no time.
    for suffix, cells in {"_a": ("44866", "44866.5", "44866.0", "2022-11-01"), "_b": ("44866", "99999.5")}.items():
        installation.land(DAY, *(f"{suffix}{cell},{cell},5,x" for cell in cells), suffix=suffix)
    installation.run()
    loaded = installation.query("select strftime(begun_at, '%H:%M') from raw.visits order by load_id, source_row")
    assert loaded == [("00:00",), ("12:00",), ("00:00",)]
    faults = "select load_id, source_row, reason_code from audit.quarantine order by all"
    expected = (1, 5, "no_time_of_day"), (2, 2, "no_time_of_day"), (2, 3, "not_a_timestamp")
    assert installation.query(faults) == [*expected]


def test_counts_that_do_not_add_up_accept_nothing_of_the_source(installation, monkeypatch):
    installation.land(DAY, row("a"))
    lose = lambda connection, *_: connection.execute("delete from raw.visits")  # noqa: E731
    monkeypatch.setattr(candidate, "_set_default_force", lose)
    with pytest.raises(ConservationError, match=rf"visits_{DAY}.csv: 1 rows read, but 0 loaded and 0 quarantined"):
        installation.run()
    assert installation.loads() == []


def test_rows_with_one_key_are_of_several_events_where_more_days_pass_than_the_contract_says(tmp_path):
    installation = Installation(tmp_path / "home", replace(VISITS, identity_days=1))
    second, third, other = (DAY - timedelta(days=days) for days in (1, 2, 4))
    # Each a day before the next, but for one: two visits, of which the newer one is delivered three times.
    first = [row("v", 1, third), row("v", 2, other), row("v", 3, DAY), row("v", 2, other), row("v", 4, second)]
    installation.land(DAY, *first, row("w"), suffix="_late")
    installation.run()
    assert installation.current() == [(str(DAY), "v", 2), (str(DAY), "v", 4), (str(DAY), "w", 5)]
    assert [(line, code) for _, line, code in installation.quarantine()] == [
        (2, "superseded_row"),
        (4, "superseded_row"),
        (5, "duplicate_row"),
    ]
    # A correction compares each visit with itself.
    installation.land(DAY, row("v", 2, other), row("v", 6, second), row("w"), suffix="_late")
    installation.run()
    counts = "select rows_before, rows_after, rows_added, rows_removed, rows_changed from audit.correction"
    assert installation.query(counts) == [(3, 3, 0, 0, 1)]


def test_without_a_key_equal_rows_are_loaded_and_a_correction_counts_rows_added_and_removed(tmp_path):
    keyless = tuple(replace(column, key_position=None, is_required=False) for column in VISITS.columns)
    stops = replace(VISITS, columns=keyless)
    assert "superseded_rows_are_within_limits" not in {item.name for item in expectations_of(stops)}
    installation = Installation(tmp_path / "home", stops)
    installation.land(DAY, row("v"), row("v"), row("a", 1), row("w", "never"))
    installation.land(DAYS[1], row("v", day=DAYS[1]))
    installation.run()
    kept = [(str(DAY), "v", 5)] * 2
    assert installation.current() == [(str(DAY), "a", 1), *kept, (str(DAYS[1]), "v", 5)]
    installation.land(DAY, *[row("v")] * 3, row("b", ""))
    assert installation.run().deliveries[0].is_correction
    assert installation.current() == [(str(DAY), "b", None), *kept, kept[0], (str(DAYS[1]), "v", 5)]
    # One more equal row, one row removed, one new; a row without a key is never a changed one.
    counts = "select rows_before, rows_after, rows_added, rows_removed, rows_changed from audit.correction"
    assert installation.query(counts) == [(3, 4, 2, 1, 0)]


# -- forces


def of(force: str, *cells: object) -> str:
    return f"{force},{row(*cells)}"


COUNTS = """
    select load_id, force_code, rows_read, rows_loaded, rows_quarantined, rows_repeated
    from audit.load_force
    order by load_id, force_code nulls last
"""


def test_keys_are_of_a_force_and_rows_are_counted_by_force_and_without_a_known_one(installation):
    good = (of("kent", "a"), of("Surrey", "a"), of("", "g"))
    repeated = (of("kent", "a"), of("KENT", "c", 1), of("KENT", "c", 1, DAY, "other"))
    unknown = (of("atlantis", "e"), of("../../../escaped", "f"), f"essex,f,{DAY} 10:00,5,x,too,many")
    faulty = (of("kent", "b", "never"), of("essex", "d", "never"))
    # A file without the column has the configured force, also where a row cannot be split.
    installation.land(DAYS[0], row("a"), row("b") + ",too,many", row("c", "never"))
    installation.land(DAYS[1])
    installation.land(DAYS[2], *good, *repeated, *unknown, *faulty, header=f"force_code,{HEADER}")
    installation.run()
    assert installation.query(COUNTS) == [
        (1, "kent", 3, 1, 2, 0),
        (3, "essex", 1, 0, 1, 0),
        (3, "kent", 6, 3, 3, 2),
        (3, "surrey", 1, 1, 0, 0),
        (3, None, 3, 0, 3, 0),
    ]
    found = "select source_row, force_code, reason_code from audit.quarantine where load_id = 3 order by 1"
    assert installation.query(found) == [
        (5, "kent", "duplicate_row"),
        (6, "kent", "superseded_row"),
        *[(8, None, "unknown_force"), (9, None, "unknown_force"), (10, None, "too_many_cells")],
        *[(11, "kent", "not_an_integer"), (12, "essex", "not_an_integer")],
    ]


def test_rows_that_describe_forces_count_for_none_and_each_names_its_force(tmp_path):
    force, *others = VISITS.columns
    described = replace(VISITS, columns=(replace(force, is_required=True), *others), describes_forces=True)
    installation = Installation(tmp_path / "home", described)
    lines = (of("kent", "a"), of("Essex", "a"), of("", "b"), of("atlantis", "c"))
    installation.land(DAY, *lines, header=f"force_code,{HEADER}")
    installation.land(DAYS[1], row("a"))
    installation.run()
    assert installation.query(COUNTS) == [(1, None, 4, 2, 2, 0)]
    codes = installation.query("select column_name, reason_code from audit.quarantine order by source_row")
    assert codes == [("force_code", "required_empty"), ("force_code", "unknown_force")]
    assert installation.unresolved() == [f"{DAYS[1]} rejected"]


# -- people


def test_no_personal_value_and_no_unknown_column_reaches_the_warehouse(installation):
    private = "Zebedee Quillfeather 07700 900321"
    cells = ("5", private)
    unknown = [f"extra {n}" for n in range(7)]
    lines = [f"{row(f'v{n}', cell, visitor=private)},{private}{',' * 6}" for n, cell in enumerate(cells)]
    installation.land(DAY, *lines, header=",".join([HEADER, *unknown]))
    report = installation.run()
    stored = installation.settings.warehouse.read_bytes()
    for part in (private, "Zebedee", "07700 900321"):
        assert part.encode() not in stored
        assert part not in repr(report)
    # Warnings count the columns; only the private warehouse names them.
    (warning,) = [text for text in map(str, report.warnings) if "not in the contract" in text]
    assert warning.endswith(": 7 columns not in the contract, not loaded")
    ((audited, names),) = installation.query("select warnings, unknown_columns from audit.load")
    assert ("extra" in audited, names) == (False, ", ".join(f"'{name}'" for name in unknown))


def test_a_small_delivery_without_a_good_row_is_accepted_and_named(installation):
    installation.land(DAY, *rows(DAY, 3, faulty=3), suffix="_a")
    installation.land(DAY, row("b", "?"), "c,?,1,x", suffix="_b")
    installation.land(DAYS[1], row("good", day=DAYS[1]), row("bad", "?", DAYS[1]))
    texts = [str(warning) for warning in installation.run().warnings]
    (text,) = [text for text in texts if text.startswith("visits/visits_2022-11-01.csv") and "few_rows" in text]
    assert "Found: rows_quarantined 5, rows_read 5, not_a_timestamp=1, not_an_integer=4. [" in text
    with reading_connection(installation.settings.warehouse) as connection:
        (found,) = days_without_loaded_row(connection)
    text = "visits 2022-11-01 has no loaded row: 5 quarantined, most not_an_integer"
    assert str(found) == f"{text} (visits_2022-11-01.csv and 1 more)"
    installation.land(DAY, row("b"), suffix="_b")
    installation.run()
    with reading_connection(installation.settings.warehouse) as connection:
        assert days_without_loaded_row(connection) == []
