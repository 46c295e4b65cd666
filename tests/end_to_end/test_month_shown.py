"""The month that every published page and file shows first while the next month is being delivered."""

from __future__ import annotations

import csv
import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from tests.end_to_end.command import CHATS, Command

FORMS = ("board_paper.html", "board_paper.pdf", "board_paper.xlsx")


def land(command: Command, first: date, last: date, *, without: date | None = None) -> None:
    """Deliver two chats per day, and three in February."""
    for offset in range((last - first).days + 1):
        day = first + timedelta(days=offset)
        if day != without:
            chats = [f"{day}-{n},{day} 09:0{n},{day} 09:1{n},{day} 09:30,op" for n in range(3 if day.month == 2 else 2)]
            command.land(f"live_chats_{day}.csv", CHATS, *chats)


def months_in(command: Command) -> dict[str, str]:
    """Return the last month that each published form names."""
    pages = {
        name: re.sub(r"<[^>]+>|\s+", " ", (command.current / name).read_text(encoding="utf-8"))
        for name in ("index.html", "board_paper.html")
    }
    workbook = CalamineWorkbook.from_path(str(command.current / "board_paper.xlsx"))
    found = {
        "front page": re.search(r"Kent Police, (\w+ \d{4})", pages["index.html"]),
        "paper": re.search(r"to (\w+ \d{4})\. +From deliveries", pages["board_paper.html"]),
        "workbook": re.search(r"to (\w+ \d{4})", workbook.get_sheet_by_name("Cover").to_python()[0][0]),
        "measures": re.search(r"Measure *(\w+ \d{4})", text_of(command.current / "measures" / "index.html")),
        "status": re.search(r"Month shown +(\w+ \d{4})", command.run("status").stdout),
        "command": re.search(r"to (\w+ \d{4})\. +From deliveries", made_by_command(command)),
    }
    return {name: match[1] for name, match in found.items() if match}


def text_of(page: Path) -> str:
    return re.sub(r"(<[^>]+>|\s)+", " ", page.read_text(encoding="utf-8"))


def made_by_command(command: Command) -> str:
    out = command.home.parent / "paper"
    assert command.run("paper", "--out", str(out)).returncode == 0
    return text_of(out / "board_paper.html")


@pytest.fixture(scope="module")
def command(tmp_path_factory, parsed_project):
    command = Command(tmp_path_factory.mktemp("months") / "home")
    command.know_the_project(parsed_project)
    return command


def test_front_page_keeps_complete_month_when_next_month_begins(command):
    land(command, date(2022, 12, 1), date(2023, 2, 1))
    done = command.run("run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (
        "Month shown  January 2023 (newest complete); so far February 2023: 1 of 28 days delivered by every source"
        in done.stdout
    )
    assert months_in(command) == dict.fromkeys(
        ("front page", "paper", "workbook", "measures", "status", "command"), "January 2023"
    )
    front = text_of(command.current / "index.html")
    # 62 chats in January; two on 4 January compared with three on 1 February.
    assert "Live chats 62 " in front
    assert "February 2023 so far: 1 of 28 days" in front
    assert "3.0 a day four weeks before: 2.0 a day" in front
    own, running = (command.current / "papers" / "kent" / month for month in ("2023-01", "2023-02"))
    for form in FORMS:
        # Links to the traces begin at the folder of the page.
        expected = (own / form).read_bytes().replace(b'href="../../../', b'href="')
        assert (command.current / form).read_bytes() == expected, form
    assert "February 2023 is not complete: 1 of 28 days is delivered by every source." in text_of(
        running / "board_paper.html"
    )
    with (own / "live_chat.csv").open(encoding="utf-8", newline="") as file:
        years = {row["covers"] for row in csv.DictReader(file) if row["column"] == "fytd"}
    assert years == {"April 2022 to January 2023, since December 2022"}


def test_incomplete_month_is_shown_after_ten_days(command):
    # One day fewer, and January is shown: the unit test of report_months.
    land(command, date(2023, 2, 2), date(2023, 3, 11), without=date(2023, 2, 15))
    done = command.run("run")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Month shown  February 2023 (27 of 28 days); so far March 2023: 11 of 31 days" in done.stdout
    assert set(months_in(command).values()) == {"February 2023"}
    front = text_of(command.current / "index.html")
    assert "February 2023 is not complete: 27 of 28 days are delivered by every source." in front
    assert "Provisional: 27 of 28 days" in front
    assert "February 2023 so far" not in front
