"""Candidate loads and their acceptance: repeated keys, limits, corrections, days that are missing."""

import itertools
import json
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagster_project.loading import pipeline, repeated_keys, row_loader
from dagster_project.loading.dry_run import check_deliveries
from dagster_project.warehouse.connection import reading_connection
from dagster_project.warehouse.state import unresolved_deliveries
from tests.unit.judging_helpers import examples
from tests.unit.loading_helpers import HEADER, NO_HEADER, VISITS, Installation, row, visits

DAY = date(2022, 11, 1)
A, B = row("v", 1), row("v", 2)


@pytest.mark.parametrize(
    ("rows", "kept", "quarantined"),
    [
        ([A, A], 1, [(3, "duplicate_row")]),
        ([A, B], 2, [(2, "superseded_row")]),
        ([A, A, B], 2, [(2, "superseded_row"), (3, "duplicate_row")]),
        ([A, B, B], 2, [(2, "superseded_row"), (4, "duplicate_row")]),
        ([A, B, A], 1, [(2, "superseded_row"), (3, "superseded_row")]),
        ([A, row("v", "never")], 1, [(3, "not_an_integer")]),
        ([row("v", "never"), A], 1, [(2, "not_an_integer")]),
    ],
    ids=["A A", "A B", "A A B", "A B B", "A B A", "A faulty", "faulty A"],
)
@pytest.mark.parametrize("is_split", [False, True], ids=["one file", "a file for each row"])
def test_the_last_row_of_a_repeated_key_is_kept(installation, rows, kept, quarantined, is_split):
    if is_split:
        for number, line in enumerate(rows):
            # Blank lines before a row keep its line number and make files of one row differ.
            installation.land("2022-11-01", *[""] * number, line, suffix=f"_{number}")
    else:
        installation.land("2022-11-01", *rows)
    installation.run()
    assert [minutes for _, _, minutes in installation.current()] == [kept]
    assert installation.quarantine() == [
        (f"visits_2022-11-01{f'_{line - 2}' if is_split else ''}.csv", line, code) for line, code in quarantined
    ]


@pytest.mark.parametrize(("keys_at_once", "cells_at_once"), [(1, 1), (4, 1000), (1000, 2), (1000, 1000)])
def test_repeated_keys_are_found_in_portions_of_any_size(installation, monkeypatch, keys_at_once, cells_at_once):
    monkeypatch.setattr(repeated_keys, "_KEYS_AT_ONCE", keys_at_once)
    monkeypatch.setattr(repeated_keys, "_CELLS_AT_ONCE", cells_at_once)
    for day in ("2022-11-01", "2022-11-02", "2022-11-03"):
        installation.land(day, *(row(visit, minutes, day=day) for visit in "abc" for minutes in (1, 1, 2)))
        installation.land(day, row("a", 3, day=day), suffix="_more")
    installation.run()
    assert {entry[1:] for entry in installation.current()} == {("a", 3), ("b", 2), ("c", 2)}
    assert len(installation.current()) == 9
    assert [code for _, _, code in installation.quarantine()].count("duplicate_row") == 9
    assert len(installation.quarantine()) == 21


@pytest.mark.parametrize("rows_at_once", [4, 12, 1000])
def test_faulty_rows_are_found_wherever_a_portion_begins(installation, monkeypatch, rows_at_once):
    monkeypatch.setattr(row_loader, "_ROWS_AT_ONCE", rows_at_once)
    faulty = {2, 9, 10, 24}
    for part in "ab":
        rows = [row(f"{part}{n}", "?" if n in faulty else n) for n in range(2, 25)]
        installation.land("2022-11-01", *rows, suffix=part)
    installation.run()
    expected = [(f"visits_2022-11-01{part}.csv", n) for part in "ab" for n in sorted(faulty)]
    assert [(file, n) for file, n, _ in installation.quarantine()] == expected
    kept = sorted(("2022-11-01", f"{part}{n}", n) for part in "ab" for n in range(2, 25) if n not in faulty)
    assert installation.current() == kept


@pytest.mark.parametrize("suffix", [" (1)", "-2", ".1", "_v2"])
@pytest.mark.parametrize("together", [True, False])
def test_a_file_sent_again_under_a_longer_name_wins(installation, suffix, together):
    installation.land(DAY, row("v", 5), row("w", 5))
    if not together:
        installation.run()
    again = installation.land(DAY, row("v", 7), row("w", 5), row("x", 5), suffix=suffix)
    installation.run()
    assert [(visit, minutes) for _, visit, minutes in installation.current()] == [("v", 7), ("w", 5), ("x", 5)]
    (checked,) = check_deliveries(installation.settings, VISITS, [again], shown=9)
    assert checked.files[0].reasons == (("duplicate_row", 1),)


def test_forces_and_days_may_share_a_key(installation):
    installation.land("2022-11-01", f"kent,{A}", f"Surrey,{B}", header=f"force_code,{HEADER}")
    installation.land("2022-11-02", A)
    installation.run()
    assert len(installation.current()) == 3
    assert installation.quarantine() == []


def test_rows_with_other_personal_cells_are_not_duplicates(installation):
    installation.land("2022-11-01", row("v", visitor="Ann"), row("v", visitor="Bob"), row("v", visitor="Bob"))
    installation.run()
    assert [code for _, _, code in installation.quarantine()] == ["superseded_row", "duplicate_row"]


lines = st.lists(
    st.builds(
        lambda visit, minutes, cut: row(visit, minutes) if cut else f"{visit},2022-11-01 10:00",
        st.sampled_from(["a", "b", "c", "d"]),
        st.sampled_from(["1", "2", "", "-1", "x", "NULL"]),
        st.sampled_from([True] * 8 + [False]),
    ),
    max_size=15,
)


@examples(6)
@given(st.lists(lines, min_size=1, max_size=3))
def test_every_row_read_is_loaded_or_quarantined_and_the_last_good_row_of_a_key_is_kept(tmp_path_factory, files):
    installation = Installation(tmp_path_factory.mktemp("home"))
    expected: dict[str, int | None] = {}
    for number, rows in enumerate(files):
        installation.land("2022-11-01", *rows, *[""] * number, suffix=f"_{number}")
        for line in rows:
            cells = line.split(",")
            if len(cells) == 4 and cells[2] not in ("x", "-1"):
                expected[cells[0]] = int(cells[2]) if cells[2] in ("1", "2") else None
    installation.run()
    audit = installation.audit()
    assert [entry[3] for entry in audit] == [len(rows) for rows in files]
    assert all(read == loaded + quarantined for *_, read, loaded, quarantined in audit)
    assert {visit: minutes for _, visit, minutes in installation.current()} == expected
    assert len(installation.quarantine()) == sum(quarantined for *_, quarantined in audit)
    assert [status for _, _, status, *_ in audit] == ["loaded" if rows else "empty" for rows in files]


@pytest.mark.parametrize(
    ("good_rows", "bad_rows", "is_accepted"),
    [
        (0, 20, True),  # all of them, but no more than 20
        (0, 21, False),
        (398, 21, False),  # 5.01 %
        (399, 21, True),  # exactly 5 %
    ],
)
def test_more_than_20_faulty_rows_and_5_percent_reject_a_delivery(installation, good_rows, bad_rows, is_accepted):
    installation.land(DAY, *visits(DAY, good_rows + bad_rows, faulty=bad_rows))
    (delivery,) = installation.run().deliveries
    assert delivery.is_accepted is is_accepted
    assert len(installation.current()) == (good_rows if is_accepted else 0)
    (entry,) = installation.audit()
    assert entry[2] == ("loaded" if is_accepted else "rejected")
    assert entry[4] == (good_rows if is_accepted else 0)
    # The faulty rows of a rejected delivery are listed under its load.
    assert len(installation.quarantine()) == bad_rows == entry[5]


def test_duplicates_and_superseded_rows_do_not_count_as_faulty(installation):
    superseded = [row("v", number) for number in range(21)]
    installation.land("2022-11-01", *superseded, *[row("v", 20)] * 60, *visits(DAY, 60))
    (delivery,) = installation.run().deliveries
    assert delivery.is_accepted
    assert len(installation.current()) == 61


def test_the_limit_of_faulty_rows_is_that_of_the_delivery_and_not_of_a_file(installation):
    installation.land(DAY, *visits(DAY, 30, faulty=30), suffix="_a")
    installation.land(DAY, *visits(DAY, 800), suffix="_b")
    assert installation.run().deliveries[0].is_accepted


def test_one_unreadable_file_rejects_its_delivery_and_keeps_the_loaded_rows(installation):
    installation.land("2022-11-01", row("old"))
    installation.land("2022-11-02", row("other", day="2022-11-02"))
    installation.run()
    before = installation.current()
    installation.land("2022-11-01", row("new"), suffix="_late")
    installation.land("2022-11-01", text="visit_id,minutes\nv,1\n", suffix="_broken")
    installation.land("2022-11-03", row("third", day="2022-11-03"))
    report = installation.run()
    assert [(item.extract_date.day, item.status) for item in report.deliveries] == [(1, "rejected"), (3, "loaded")]
    assert installation.current() == [*before, ("2022-11-03", "third", 5)]
    reasons = installation.query("select rows_loaded, reason from audit.load where status = 'rejected'")
    assert len(reasons) == 3
    assert all(rows == 0 and "visits_2022-11-01_broken.csv" in reason for rows, reason in reasons)
    # The loaded file keeps its audit row.
    assert ("2022-11-01", "visits_2022-11-01.csv", "loaded", 1, 1, 0) in installation.audit()


def test_a_corrected_delivery_needs_no_attention_any_more(installation):
    installation.land("2022-11-01", row("old"))
    installation.run()
    broken = installation.land("2022-11-01", text=NO_HEADER, suffix="_late")
    installation.run()
    # The same files, tried again the next night, are rejected once.
    installation.run()
    assert [entry[2] for entry in installation.audit()].count("rejected") == 2
    assert installation.unresolved_deliveries() == ["2022-11-01 rejected"]
    with reading_connection(installation.settings.warehouse) as connection:
        # A file that cannot be read leaves nothing to accept.
        assert [item.is_acceptable for item in unresolved_deliveries(connection)] == [False]
    broken.write_text(f"{HEADER}\n{row('late')}\n")
    report = installation.run()
    assert report.deliveries[0].is_correction
    assert [entry[2] for entry in installation.audit()] == ["replaced", "rejected", "loaded", "loaded"]
    assert installation.unresolved_deliveries() == []
    assert installation.current() == [("2022-11-01", "late", 5), ("2022-11-01", "old", 5)]


def test_a_correction_replaces_the_rows_of_its_day(installation):
    installation.land("2022-11-01", row("kept", 1), row("withdrawn", 1), row("bad", "x"))
    installation.run()
    installation.land("2022-11-01", row("kept", 2))
    (delivery,) = installation.run().deliveries
    assert delivery.is_correction
    assert installation.current() == [("2022-11-01", "kept", 2)]
    assert [(status, loaded) for _, _, status, _, loaded, _ in installation.audit()] == [("replaced", 2), ("loaded", 1)]
    assert installation.query("select count(*) from raw.visits") == [(3,)]
    assert installation.query("select load_id from audit.pending_load order by load_id") == [(1,), (2,)]


def test_rows_of_a_candidate_that_was_never_judged_are_deleted(installation, monkeypatch):
    installation.land("2022-11-01", row("stands"))
    installation.run()
    installation.land("2022-11-02", row("left over", day="2022-11-02"))
    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "accept", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            installation.run()
    assert installation.query("select count(*) from raw.visits") == [(2,)]
    assert installation.current() == [("2022-11-01", "stands", 5)]
    # The next load has the number of these rows.
    installation.land("2022-11-02", row("other", day="2022-11-02"), source="papers")
    installation.run(source="papers")
    assert installation.query("select visit_id from raw.visits") == [("stands",)]
    assert installation.query("select table_name from information_schema.tables where table_schema = 'incoming'") == []
    installation.run()
    rows = installation.query("select visit_id, load_id from raw.visits order by load_id")
    assert rows == [("stands", 1), ("left over", 3)]


def test_rows_of_a_rejected_delivery_are_deleted(installation):
    installation.land("2022-11-01", row("kept"))
    installation.land("2022-11-02", row("a", day="2022-11-02"))
    installation.land("2022-11-02", suffix="_broken", text="no header\n")
    installation.run()
    assert [entry[2] for entry in installation.audit()] == ["loaded", "rejected", "rejected"]
    assert installation.query("select visit_id from raw.visits") == [("kept",)]


def test_an_added_file_loads_its_whole_day_again(installation):
    installation.land("2022-11-01", row("first", 1))
    installation.run()
    installation.land("2022-11-01", row("second", 1), row("first", 2), suffix="_late")
    installation.run()
    assert installation.current() == [("2022-11-01", "first", 2), ("2022-11-01", "second", 1)]
    assert [entry[2] for entry in installation.audit()] == ["replaced", "loaded", "loaded"]


def test_a_removed_file_stays_loaded(installation):
    first = installation.land("2022-11-01", row("a"))
    second = installation.land("2022-11-01", row("b"), suffix="_late")
    installation.land("2022-11-02", row("c", day="2022-11-02"))
    installation.run()
    before = installation.current(), installation.audit()
    first.unlink()
    assert installation.run().deliveries == ()
    second.unlink()
    report = installation.run()
    assert (report.deliveries, report.missing) == ((), ())
    assert (installation.current(), installation.audit()) == before


@pytest.mark.parametrize(
    ("later", "named"),
    [
        ([row("late")], "visits_2022-11-01.csv (3 rows)"),
        # More rows than before do not hide it.
        ([row(f"late{number}") for number in range(9)], "visits_2022-11-01.csv (3 rows)"),
        # A correction with another name has all rows.
        ([row("v11010", 7), row("v11011"), row("v11012"), row("v11013")], None),
    ],
)
def test_a_day_that_loses_the_rows_of_an_archived_file_is_a_warning(installation, later, named):
    archived = installation.land(DAY, *visits(DAY, 3))
    installation.run()
    archived.unlink()
    installation.land(DAY, *later, suffix="_late")

    report = installation.run()

    assert [delivery.status for delivery in report.deliveries] == ["loaded"]
    assert [warning.split("landing folder: ")[1] for warning in report.warnings] == (
        [f"{named}. If the rows belong to the day, put the files back, then: fcir run"] if named else []
    )
    ((audited,),) = installation.query("select warnings from audit.load where status = 'loaded'")
    assert (audited is not None) == bool(named)
    archived.write_text("\n".join([HEADER, *visits(DAY, 3), ""]))
    assert not any("without" in warning for warning in installation.run().warnings)
    assert {visit for _, visit, _ in installation.current()} >= {"v11010", "v11011", "v11012"}


def test_a_file_that_is_skipped_or_has_a_new_name_is_not_gone(installation):
    first = installation.land(DAY, row("a"))
    second = installation.land(DAY, row("b"), row("c"), suffix="_b")
    installation.run()

    first.rename(first.with_name(f"visits_{DAY}_a.csv"))
    installation.land(DAY, row("d"), suffix="_d")
    assert not installation.run().warnings
    second.write_bytes((second.parent / f"visits_{DAY}_a.csv").read_bytes())
    installation.land(DAY, row("d", 7), suffix="_d")

    (warning,) = installation.run().warnings
    assert "same content as another file" in warning


def test_the_same_content_under_another_name_is_skipped_with_a_warning(installation):
    installation.land("2022-11-01", row("a"))
    installation.land("2022-11-01", row("a"), suffix="_again")
    report = installation.run()
    assert any("visits_2022-11-01_again.csv" in warning and "same content" in warning for warning in report.warnings)
    assert [entry[1] for entry in installation.audit()] == ["visits_2022-11-01.csv"]
    assert installation.run().deliveries == ()


def test_days_that_come_out_of_order_give_the_same_rows(tmp_path):
    days = ["2022-11-01", "2022-11-02", "2022-11-03"]
    results = []
    for number, order in enumerate(itertools.islice(itertools.permutations(days), 0, None, 2)):
        installation = Installation(tmp_path / str(number))
        for day in order:
            installation.land(day, row("v", int(day[-1]), day=day))
            installation.run()
        assert {entry[2] for entry in installation.audit()} == {"loaded"}
        results.append(installation.current())
    assert results[0] == results[1] == results[2]
    assert len(results[0]) == 3


def test_a_day_without_a_file_is_missing_until_it_comes(installation):
    installation.land("2022-11-01", row("a"))
    installation.land("2022-11-04", row("d", day="2022-11-04"))
    assert [str(day) for day in installation.run().missing] == ["2022-11-02", "2022-11-03"]
    missing = [entry for entry in installation.audit() if entry[2] == "missing_delivery"]
    assert missing == [(day, None, "missing_delivery", 0, 0, 0) for day in ("2022-11-02", "2022-11-03")]
    installation.land("2022-11-02", row("b", day="2022-11-02"))
    assert [str(day) for day in installation.run().missing] == ["2022-11-03"]
    assert [entry[0] for entry in installation.audit() if entry[2] == "missing_delivery"] == ["2022-11-03"]
    ids = installation.query("select load_id from audit.load")
    assert len(set(ids)) == len(ids)


def test_a_day_is_missing_as_soon_as_another_daily_source_delivered_it(tmp_path):
    daily = {"visits": VISITS, "letters": replace(VISITS, source="letters")}
    installation = Installation(tmp_path / "home", daily)
    installation.land("2022-11-01", row("a"))
    installation.land("2022-11-01", row("a"), source="letters")
    assert [installation.run(source=source).missing for source in daily] == [(), ()]
    # Known from the landing folder alone, then from what was loaded as well.
    installation.land("2022-11-02", row("b", day="2022-11-02"), source="letters")
    assert [str(day) for day in installation.run().missing] == ["2022-11-02"]
    installation.run(source="letters")
    assert [str(day) for day in installation.run().missing] == ["2022-11-02"]


def test_a_header_without_rows_is_a_valid_empty_day(installation):
    installation.land("2022-11-01", row("a"))
    installation.land("2022-11-02")
    report = installation.run()
    assert [item.status for item in report.deliveries] == ["loaded", "empty"]
    assert report.missing == ()
    assert any("no data rows" in warning for warning in report.warnings)
    installation.land("2022-11-02", row("b", day="2022-11-02"))
    installation.run()
    assert [entry[2] for entry in installation.audit()] == ["loaded", "replaced", "loaded"]


def test_a_range_loads_its_days_only_and_expects_each_of_them(installation):
    for day in ("2022-11-01", "2022-11-02", "2022-11-05"):
        installation.land(day, row("v", day=day))
    report = installation.run("2022-11-02", "2022-11-03")
    assert [str(item.extract_date) for item in report.deliveries] == ["2022-11-02"]
    # The file of the 5th shows that the 3rd and 4th are due; the 1st and 5th are delivered.
    assert "2022-11-03" in [str(day) for day in report.missing]
    assert {entry[0] for entry in installation.audit() if entry[2] == "loaded"} == {"2022-11-02"}


def test_an_irregular_source_is_never_missing(installation):
    installation.land("2022-11-01", row("a"), source="papers")
    installation.land("2022-11-20", row("b"), source="papers")
    installation.land("2022-11-02", row("c"))
    assert installation.run(source="papers").missing == ()
    assert installation.run().missing == ()
    assert installation.run("2022-11-01", "2022-11-30", source="papers").missing == ()


def test_no_personal_value_and_no_unknown_column_reaches_the_warehouse(installation):
    private = "Zebedee Quillfeather 07700 900321"
    rows = [f"v1,2022-11-01 10:00,5,{private},{private}", f"v2,2022-11-01 10:00,{private},{private},{private}"]
    installation.land("2022-11-01", *rows, header=f"{HEADER},caller_name")
    report = installation.run()
    assert any("1 column not in the contract, not loaded: 'caller_name'" in warning for warning in report.warnings)
    stored = installation.settings.warehouse.read_bytes()
    for part in (private, "Zebedee", "07700 900321"):
        assert part.encode() not in stored
        assert part.encode("utf-16-le") not in stored
        assert part not in repr(report)
    (pseudonym,) = installation.query("select visitor from raw.visits")[0]
    assert len(pseudonym) == 32
    columns = installation.query("select column_name from information_schema.columns where table_name = 'visits'")
    assert {name for (name,) in columns} == {
        *(column.name for column in VISITS.columns),
        *("is_dst_ambiguous", "extract_date", "load_id", "source_row"),
    }


def test_rows_after_the_extract_date_and_other_files_are_warnings(installation):
    installation.land("2022-11-01", row("a", day="2022-11-02"))
    others = ("Visits November.csv", "visits_2022-02-30.csv")
    for name in others:
        (installation.settings.landing / "visits" / name).write_text("x")
    report = installation.run()
    for text in ("1 row is dated after the extract date", *others):
        assert any(text in warning for warning in report.warnings)
    assert len(installation.current()) == 1
    json.dumps(report.warnings)
