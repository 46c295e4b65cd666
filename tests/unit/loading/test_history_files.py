"""Files with the rows of several days: a delivery for each day of the range in the name."""

from datetime import date

from dagster_project.loading.dry_run import check_deliveries
from tests.unit.loading.installation import VISITS, Installation, row, rows

RANGE = "2022-10-30_to_2022-11-02"


def test_a_row_belongs_to_the_day_of_its_event_and_every_day_counts_as_delivered(tmp_path):
    installation = Installation(tmp_path)
    # The second begins at 23:30 UTC, on the next day in London; the next two are before and after the range.
    path = installation.land(
        RANGE,
        row("a", day="2022-11-02"),
        "b,2022-10-29T23:30+00:00,5,someone",
        row("c", day="2022-10-01"),
        row("d", day="2022-12-01"),
        "e,nonsense,5,someone",
        row("f", "never", day="2022-11-01"),
    )
    report = installation.run()
    assert [str(result.extract_date) for result in report.deliveries] == [
        f"2022-{day}" for day in ("10-30", "10-31", "11-01", "11-02")
    ]
    assert installation.current() == [
        ("2022-10-30", "b", 5),
        ("2022-10-30", "c", 5),
        ("2022-11-02", "a", 5),
        ("2022-11-02", "d", 5),
    ]
    name = f"visits_{RANGE}.csv"
    assert installation.loads() == [
        (name, "loaded", 3, 2, 1),
        (name, "empty", 0, 0, 0),
        (name, "loaded", 1, 0, 1),
        (name, "loaded", 2, 2, 0),
    ]
    assert installation.quarantine() == [(name, 6, "not_a_timestamp"), (name, 7, "not_an_integer")]
    assert installation.run().deliveries == ()
    # A dry run finds the same.
    checked = check_deliveries(installation.settings, VISITS, [path], shown=9, compared=1)
    assert [delivery.files[0].load.rows_read for delivery in checked] == [3, 0, 1, 2]
    assert all(delivery.is_loaded for delivery in checked)
    # The first row of the file is loaded with another day than the first.
    cells = {column: (text, value) for _, column, text, value in checked[0].files[0].first_rows}
    assert cells["visit_id"] == ('"a"', "a")


def test_what_was_seen_later_is_the_correction_and_of_files_seen_together_the_shorter_range(tmp_path):
    installation = Installation(tmp_path)

    def standing() -> list[str]:
        # What is there and was decided stays as it is in the next run.
        for _ in range(2):
            installation.run()
        return [visit for _, visit, _ in installation.current()]

    long = installation.land(
        RANGE, *(row(f"r{day}", day=f"2022-{day}") for day in ("10-30", "10-31", "11-01", "11-02"))
    )
    installation.land("2022-10-30_to_2022-10-31", row("s", day="2022-10-31"))
    daily = installation.land("2022-11-01", row("daily"))
    assert standing() == ["s", "daily", "r11-02"]
    # Nothing of a range is missing that a file of one day has replaced; a dry run does not read it beside that file.
    assert check_deliveries(installation.settings, VISITS, [daily], shown=9)[0].others == ()
    installation.land("2022-11-02", row("z", day="2022-11-02"))
    assert not [warning for warning in installation.run().warnings if "no longer" in str(warning)]
    assert standing() == ["s", "daily", "z"]
    # A later range replaces its days, also those of files of one day; what it replaced does not come back without it.
    later = installation.land("2022-11-01_to_2022-11-03", row("later"))
    assert standing() == ["s", "later"]
    long.unlink()
    later.unlink()
    assert standing() == ["s", "later"]
    daily.write_text(daily.read_text().replace("daily", "again"))
    assert standing() == ["s", "again"]


def test_late_entries_come_besides_a_range_and_a_file_may_be_named_by_its_days_later(tmp_path):
    installation = Installation(tmp_path)
    wrong = installation.land("2022-10-30", row("a", day="2022-10-30"), row("b", day="2022-10-31"))
    installation.run()
    wrong.rename(wrong.with_name("visits_2022-10-30_to_2022-10-31.csv"))
    installation.run()
    assert [(day, visit) for day, visit, _ in installation.current()] == [("2022-10-30", "a"), ("2022-10-31", "b")]
    installation.land("2022-10-31", row("late", day="2022-10-30"), suffix="_late")
    installation.run()
    assert [visit for _, visit, _ in installation.current()] == ["a", "b", "late"]


def test_each_day_is_judged_by_itself(tmp_path):
    installation = Installation(tmp_path)
    days = [f"2022-10-{day}" for day in range(20, 31)]
    lines = [line for day in days for line in rows(date.fromisoformat(day), 100, faulty=60 * (day == days[4]))]
    lines += [row("late", day="2023-01-01")]
    installation.land(f"{days[0]}_to_{days[-1]}", *lines)
    report = installation.run()
    assert [str(result.extract_date) for result in report.deliveries if not result.is_accepted] == [days[4]]
    (late,) = [text for text in map(str, report.warnings) if "Found: rows_after_extract_date 1." in text]
    assert late.startswith("visits/visits_2022-10-20_to_2022-10-30.csv: begun_at after the extract date")


def test_a_month_under_one_date_is_told_to_name_its_days(tmp_path):
    installation = Installation(tmp_path)
    installation.land("2022-10-31", *(row(f"v{day}", day=f"2022-10-{day:02}") for day in range(1, 32)))
    [rejected] = installation.run().rejected
    assert "is named visits_YYYY-MM-DD_to_YYYY-MM-DD" in rejected.reason
