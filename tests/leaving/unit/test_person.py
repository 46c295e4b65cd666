"""An identifier is looked for in the files of the landing folder, and so are other spellings of it."""

import io
import unicodedata

import pytest

from dagster_project.cli.person import ask_for_identifier
from dagster_project.errors import UsageError
from dagster_project.privacy.findings import Findings
from dagster_project.privacy.person import landing_files_with
from tests.leaving.unit.loading_helpers import CONTRACTS, row

NUMBER, NAME = "07700 900123", "José Núñez 12"


@pytest.mark.parametrize(
    ("identifier", "spelling"),
    [
        (NUMBER, "+44 7700 900123"),
        (NUMBER, "0044 7700 900123"),
        (NUMBER, "+44 (0)7700 900-123"),
        (NUMBER, "(07700)900123"),
        (NUMBER, "7700900123"),
        (NUMBER, "tel:+447700900123"),
        (NUMBER, "".join(chr(ord(digit) + 0xFEE0) for digit in "07700900123")),
        (NUMBER, "07700900123.0"),
        (NUMBER, "sms:07700900123"),
        ("+44 7700 900123", NUMBER),
        ("+353 87 123 4567", "00353 87 1234567"),
        ("+353 87 123 4567", "353871234567"),
        ("a.nunez@example.org", "mailto:A.Nunez@example.org"),
        ("a.nunez@example.org", "A. Núñez <a.nunez@example.org>"),
        (NAME, NAME.upper()),
        (NAME, unicodedata.normalize("NFD", NAME)),
        (NAME, NAME.replace(" ", "\u00a0")),
    ],
)
def test_other_spellings_are_counted_by_file(installation, identifier, spelling):
    installation.land(
        "2022-11-01", row("a", visitor=identifier), row("b", visitor=spelling), row("c", visitor=spelling)
    )
    installation.land("2022-11-02", row("d", day="2022-11-02", visitor="someone"))
    found = landing_files_with(installation.settings, CONTRACTS, identifier)
    assert found.rows == {"visits/visits_2022-11-01.csv": 1}
    assert found.spellings == {"visits/visits_2022-11-01.csv": 2}
    assert found.unreadable == []


@pytest.mark.parametrize(
    "other", ["07700 900124", "+7700 90012", "07700900123.5", "46/12/22", "4/612/22", "José Núñez 1", "", "n/a"]
)
def test_another_person_is_no_spelling(installation, other):
    identifier = "46/1/222" if "/" in other else NUMBER
    installation.land("2022-11-01", row("a", visitor=identifier), row("b", visitor=other))
    assert landing_files_with(installation.settings, CONTRACTS, identifier).spellings == {}


def test_a_name_of_a_file_or_folder_does_not_show_a_person(installation):
    folder = installation.settings.landing / "visits" / "from 07700 900123"
    folder.mkdir(parents=True)
    for name in ("op-77x_2022-11-01.csv", "07700 900999 2022-11-01.csv", "2022-11-01.csv"):
        (folder / name).write_text("op-77x\n")
    found = landing_files_with(installation.settings, CONTRACTS, "op-77x")
    assert found.rows == {"visits/.../..._2022-11-01.csv": 1, "visits/.../...": 1, "visits/.../2022-11-01.csv": 1}


def test_names_of_files_are_printed_without_control_characters():
    found = Findings(files={"a\nb": 1}, unreadable=["c\x1b[2Jd"])
    lines = [line for line in found.lines() if line.startswith(("Other", "Not"))]
    assert lines == ["Other files   a\\nb (1)", "Not readable  c\\x1b[2Jd"]


def test_an_identifier_in_another_encoding_is_refused(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("Zoë-Smith-1980\n".encode("cp1252"))))
    with pytest.raises(UsageError, match=r"standard input is not UTF-8.* iconv "):
        ask_for_identifier()
