"""The lists of retention and of holds: what counts today, and what is refused with file, line and column."""

from datetime import date

import pytest

from dagster_project.privacy.retention import (
    Hold,
    Retention,
    RetentionError,
    purged_from,
    read_holds,
    read_retention,
)

SOURCES = ("calls", "crimes")
TODAY = date(2026, 11, 28)


def rule(valid_from: str, months: int, source: str = "calls") -> Retention:
    return Retention(date.fromisoformat(valid_from), source, months, "schedule")


def read(tmp_path, text: str, reader=read_retention):
    file = tmp_path / "list.csv"
    file.write_text(text, encoding="utf-8")
    return reader(file, SOURCES)


def test_a_list_is_read_in_any_order_of_columns_and_without_empty_rows(tmp_path):
    text = 'months,source,reason,valid_from\n\n24,calls,"schedule, 2026",1 April 2020\n'
    assert read(tmp_path, text) == [Retention(date(2020, 4, 1), "calls", 24, "schedule, 2026")]
    assert read_retention(tmp_path / "none.csv", SOURCES) == []


def test_a_hold_may_end(tmp_path):
    rows = ["calls,2020-01-01,2020-01-31,case 1,", "crimes,2020-01-05,2020-01-05,case 2,2026-11-27"]
    text = "\n".join(["source,first_day,last_day,reason,until", *rows, ""])
    held, ended = read(tmp_path, text, read_holds)
    assert held == Hold("calls", date(2020, 1, 1), date(2020, 1, 31), "case 1")
    assert ended.until == date(2026, 11, 27)
    assert [hold.is_in_force(TODAY) for hold in (held, ended)] == [True, False]
    assert ended.is_in_force(date(2026, 11, 27))


def test_the_newest_row_that_is_valid_today_counts_and_whole_months_are_kept():
    rules = [rule("2025-01-01", 24), rule("2020-01-01", 60), rule("2026-11-29", 1), rule("2020-01-01", 10, "crimes")]
    assert purged_from(rules, TODAY, {}) == {"calls": date(2024, 11, 1), "crimes": date(2026, 1, 1)}
    assert purged_from([rule("2026-11-28", 11)], TODAY, {}) == {"calls": date(2025, 12, 1)}
    assert purged_from([rule("2026-11-29", 1)], TODAY, {}) == {}


def test_a_longer_retention_brings_nothing_back():
    assert purged_from([rule("2020-01-01", 60)], TODAY, {"calls": date(2024, 11, 1)}) == {"calls": date(2024, 11, 1)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("valid_from,source,months\n", "line 1: the columns are"),
        ("valid_from,source,months,reason,note\n", "line 1: the columns are"),
        ("valid_from,source,months,reason\n2020-01-01,calls,24\n", "line 2: 3 cells, expected 4"),
        ("valid_from,source,months,reason\nsoon,calls,24,x\n", "line 2, column valid_from: 'soon'"),
        ("valid_from,source,months,reason\n2020-01-01,call,24,x\n", "line 2, column source: 'call'"),
        ("valid_from,source,months,reason\n2020-01-01,calls,0,x\n", "line 2, column months: '0'"),
        ("valid_from,source,months,reason\n2020-01-01,calls,\u0662,x\n", "line 2, column months"),
        ("valid_from,source,months,reason\n2020-01-01,calls,2.5,x\n", "line 2, column months: '2.5'"),
        ("valid_from,source,months,reason\n2020-01-01,calls,2,\n", "line 2, column reason: ''"),
        ('valid_from,source,months,reason\n2020-01-01,calls,2,"x\n', "not CSV"),
        (
            "valid_from,source,months,reason\n2020-01-01,calls,2,x\n2020-01-01,calls,3,y\n",
            "two rows of calls are valid from 2020-01-01",
        ),
    ],
)
def test_a_fault_stops_the_command_with_its_place(tmp_path, text, message):
    with pytest.raises(RetentionError) as caught:
        read(tmp_path, text)
    assert message in str(caught.value)
    assert str(tmp_path / "list.csv") in str(caught.value)
    assert "fcir purge" in str(caught.value)


def test_a_hold_that_ends_before_it_begins_is_refused(tmp_path):
    text = "source,first_day,last_day,reason\ncalls,2020-01-02,2020-01-01,case 1\n"
    with pytest.raises(RetentionError, match="column last_day: '2020-01-01', expected 2020-01-02 or a later day"):
        read(tmp_path, text, read_holds)


@pytest.mark.parametrize("value", ["07700 900123", "+33 6 12 34 56 78", "jane.doe@example.com", "AB 12 34 56 C"])
def test_a_reason_with_a_personal_value_is_refused_and_not_shown(tmp_path, value):
    text = f"source,first_day,last_day,reason\ncalls,2020-01-01,2020-01-02,complaint of {value}\n"
    with pytest.raises(RetentionError, match="line 2, column reason: contains a personal value") as caught:
        read(tmp_path, text, read_holds)
    assert value not in str(caught.value)


def test_a_link_is_refused(tmp_path):
    (tmp_path / "list.csv").symlink_to("/dev/null")
    with pytest.raises(RetentionError, match="is a link"):
        read_retention(tmp_path / "list.csv", SOURCES)
