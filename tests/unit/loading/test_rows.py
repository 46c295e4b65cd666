"""What becomes of the rows of a delivery: loaded or quarantined, once for each key, counted by force."""

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from dagster_project.loading import candidate, repeated_keys, row_loader
from dagster_project.loading.candidate import ConservationError
from dagster_project.validation.expectations import expectations_of
from tests.unit.loading.installation import DAY, HEADER, VISITS, Installation, row

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
def test_the_last_good_row_of_a_key_is_kept_and_equal_ones_are_duplicates(installation, is_split):
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
        (f"visits_{day}{f'_{line - 2}' if is_split else ''}.csv", line, code)
        for day, case in days.items()
        for line, code in REPEATED[case][1].items()
    ]


@pytest.mark.parametrize("at_once", [11, 100_000])
def test_every_row_read_is_loaded_or_quarantined_in_portions_of_any_size(tmp_path, monkeypatch, at_once):
    portions = {"_KEYS_AT_ONCE": repeated_keys, "_CELLS_AT_ONCE": repeated_keys, "_ROWS_AT_ONCE": row_loader}
    for name, module in portions.items():
        monkeypatch.setattr(module, name, at_once)
    draws = random.Random(3)
    installation = Installation(tmp_path / "home", replace(VISITS, faulty_rows_limit=10_000))
    kept, faulty, read = {}, [], []
    for day in DAYS:
        for number in range(draws.randint(1, 3)):
            lines = []
            for line in range(2, draws.randint(2, 17)):
                visit, minutes = draws.choice("abcd"), draws.choice(["1", "2", "", "-1", "x", "NULL"])
                is_whole = draws.random() < 0.9
                lines.append(row(visit, minutes, day) if is_whole else f"{visit},{day} 10:00")
                if is_whole and minutes not in ("-1", "x"):
                    kept[str(day), visit] = int(minutes) if minutes.isdigit() else None
                else:
                    faulty.append((f"visits_{day}_{number}.csv", line))
            installation.land(day, *lines, *[""] * number, suffix=f"_{number}")
            read.append(len(lines))
    report = installation.run()
    loads = installation.loads()
    assert [load[1:3] for load in loads] == [("loaded" if count else "empty", count) for count in read]
    assert all(read == loaded + quarantined for *_, read, loaded, quarantined in loads)
    assert {(day, visit): minutes for day, visit, minutes in installation.current()} == kept
    found = installation.quarantine()
    assert [at for *at, code in found if code not in ("duplicate_row", "superseded_row")] == [[*at] for at in faulty]
    assert (report.rows_read, report.rows_loaded, report.rows_quarantined) == (sum(read), len(kept), len(found))


def test_counts_that_do_not_add_up_accept_nothing_of_the_source(installation, monkeypatch):
    installation.land(DAY, row("a"))
    lose = lambda connection, *_: connection.execute("delete from raw.visits")  # noqa: E731
    monkeypatch.setattr(candidate, "_set_default_force", lose)
    with pytest.raises(ConservationError, match=rf"visits_{DAY}.csv: 1 rows read, but 0 loaded and 0 quarantined"):
        installation.run()
    assert installation.loads() == []


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
    installation.land(DAY, *good, *repeated, *unknown, *faulty, header=f"force_code,{HEADER}")
    installation.land(DAYS[1])
    # A file without the column has the configured force, also where a row cannot be split.
    installation.land(DAYS[2], row("a"), row("b") + ",too,many", row("c", "never"))
    installation.run()
    assert installation.query(COUNTS) == [
        (1, "essex", 1, 0, 1, 0),
        (1, "kent", 6, 3, 3, 2),
        (1, "surrey", 1, 1, 0, 0),
        (1, None, 3, 0, 3, 0),
        (3, "kent", 3, 1, 2, 0),
    ]
    found = "select source_row, force_code, reason_code from audit.quarantine where load_id = 1 order by 1"
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
    cells = ("5", private, "0770.0900.123", "soon")
    unknown = [f"extra {n}" for n in range(7)]
    lines = [f"{row(f'v{n}', cell, visitor=private)},{private}{',' * 6}" for n, cell in enumerate(cells)]
    installation.land(DAY, *lines, header=",".join([HEADER, *unknown]))
    report = installation.run()
    stored = installation.settings.warehouse.read_bytes()
    for part in (private, "Zebedee", "07700 900321"):
        assert part.encode() not in stored
        assert part not in repr(report)
    columns = installation.query("select column_name from information_schema.columns where table_name = 'visits'")
    assert not {name for (name,) in columns} & {*unknown}
    hidden = "the value is not shown: it has an at sign, or a number like a telephone or National Insurance number"
    found = installation.query("select reason from audit.quarantine order by source_row")
    assert [text.partition("in digits; ")[2] for (text,) in found] == [hidden, hidden, 'found "soon"']
    # Up to five columns are named in the warning of the run, and all in the audit.
    named = (
        "7 columns not in the contract, not loaded: 'extra 0', 'extra 1', 'extra 2', 'extra 3', 'extra 4' and 2 more"
    )
    assert [text.partition(": ")[2] for text in report.warnings if "not in the contract" in text] == [named]
    ((audited,),) = installation.query("select warnings from audit.load")
    assert audited.count("not in the contract") == 1
    assert "'extra 6'" in audited
