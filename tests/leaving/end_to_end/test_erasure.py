"""A person is erased from everything, figures stay, and loading again does not bring the person back."""

from __future__ import annotations

import json
import shutil

import duckdb
import pytest

from dagster_project.record import store
from dagster_project.settings import Settings
from tests.leaving.end_to_end.command import CRIMES, START, Command
from tests.leaving.end_to_end.erasing import (
    CALLER,
    CRIME,
    KILL,
    OPERATOR,
    PLANTED,
    ask,
    copy_of,
    figures_of,
    figures_with,
    land_planted,
    places,
    pseudonyms,
    substitutes,
)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory, parsed_project) -> Command:
    """A data root with one publication; tests change copies."""
    command = Command(tmp_path_factory.mktemp("loaded") / "home")
    command.know_the_project(parsed_project)
    land_planted(command)
    done = command.run("run")
    assert done.returncode == 0, done.stdout + done.stderr
    return command


@pytest.fixture(scope="module")
def published_twice(loaded, tmp_path_factory) -> Command:
    """The same with a second publication and an edition of a force."""
    command = copy_of(loaded, tmp_path_factory.mktemp("published_twice") / "home")
    for arguments in (["publish"], ["publish", "--edition", "force", "--force", "kent"]):
        done = command.run(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
    return command


def with_backup(root: Command, folder) -> Command:
    command = copy_of(root, folder / "home")
    shutil.copytree(root.home, folder / "backup", symlinks=True)
    command.settings["FCIR_BACKUPS"] = str(folder / "backup")
    return command


def erase(command: Command, identifier: str, *options: str, code: str = START, kill: str = ""):
    arguments = [kill, "erase"] if kill else ["erase"]
    return ask(command, *arguments, "--yes", "--reason", "request 4711", *options, identifier=identifier, code=code)


def test_held_rows_are_erased_only_by_decision(loaded, tmp_path):
    command = copy_of(loaded, tmp_path / "home")
    (command.home / "retention").mkdir(mode=0o700)
    holds = command.home / "retention" / "holds.csv"
    holds.write_text("source,first_day,last_day,reason\ncall_segments,2000-01-01,2099-12-31,case 1\n")
    before = places(command.home, pseudonyms(command.home).values())
    done = erase(command, CALLER)
    assert done.returncode == 2
    assert "call_segments 2000-01-01 to 2099-12-31 (case 1): " in done.stdout
    assert "Nothing was erased" in done.stderr
    assert "--despite-holds" in done.stderr
    assert places(command.home, pseudonyms(command.home).values()) == before
    # A hold of another source.
    holds.write_text("source,first_day,last_day,reason\ncrimes,2000-01-01,2099-12-31,case 1\n")
    done = erase(command, CRIME)
    assert done.returncode == 2
    done = erase(command, CRIME, "--despite-holds")
    assert done.returncode == 0, done.stdout + done.stderr
    [certificate] = (command.home / "certificates").iterdir()
    [hold] = json.loads(certificate.read_text())["despite_holds"]
    assert (hold["source"], hold["reason"]) == ("crimes", "case 1")
    done = command.run("verify")
    assert "certificate" not in done.stdout + done.stderr


def test_erased_people_leave_no_byte_and_every_figure_stays(published_twice, tmp_path):
    command = with_backup(published_twice, tmp_path)
    old = pseudonyms(command.home)
    held = places(command.home, old.values())
    assert {"warehouse.duckdb", "marts.duckdb"} <= {place.split(" ")[0] for place in held}
    assert places(tmp_path / "backup", old.values())
    before = figures_with(command)
    # A reader who has a publication open does not prevent an erasure.
    with duckdb.connect(str(command.current / "fcir.duckdb"), read_only=True):
        for identifier in PLANTED:
            done = erase(command, identifier)
            assert done.returncode == 0, done.stdout + done.stderr
            assert "Erased: no byte" in done.stdout
            assert not any(text in done.stdout + done.stderr for text in (identifier, old[identifier]))

    assert places(command.home, [*PLANTED, *old.values()]) == []
    assert places(tmp_path / "backup", [*PLANTED, *old.values()]) == []
    new = substitutes(command.home)
    assert sorted(new) == sorted(PLANTED)
    replaced = {old[text]: new[text] for text in PLANTED}
    assert figures_with(command) != before
    assert figures_with(command) == figures_of(before, replaced)
    assert command.damage() == []
    certificates = [json.loads(file.read_text()) for file in (command.home / "certificates").iterdir()]
    assert len(certificates) == len(PLANTED)
    for certificate in certificates:
        assert certificate["is_clean"]
        assert certificate["reason"] == "request 4711"
        assert certificate["held_before"]["warehouse"]
        assert len(certificate["held_before"]["publications"]) == 3
        assert certificate["held_before"]["landing"]
        assert certificate["held_before"]["backups"]
    for file in (*(command.home / "suppression").iterdir(), *(command.home / "certificates").iterdir()):
        assert file.stat().st_mode & 0o077 == 0
    assert not (command.home / "suppression" / "intent.json").exists()

    # Nothing has to be loaded or built again, and later rows of the same crime are rows of the same crime.
    assert "Nothing is new" in command.run("run").stdout
    after = figures_with(command)
    again = Command(tmp_path / "again")
    again.home.mkdir()
    for name in ("landing", "secrets", "suppression", "dbt"):
        shutil.copytree(command.home / name, again.home / name)
    done = again.run("run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert figures_with(again) == after
    assert places(again.home, [*PLANTED, *old.values()]) == []
    crimes = "select count(*), count(distinct crime_ref) from marts.fct_crime_status where crime_ref = '{}'"
    assert again.published(crimes.format(new[CRIME])) == [(2, 1)]


def test_what_texts_say_in_clear_goes_too_and_papers_are_printed_again(published_twice, tmp_path):
    command = copy_of(published_twice, tmp_path / "home")
    folder = command.home / "commentary" / "kent"
    folder.mkdir(parents=True, exist_ok=True)
    odd = 'O\'Neil "\u00e9" 7712'
    (folder / "2022-10.md").write_text(f"The peak was the crime **{CRIME}**, {CRIME}, which {odd} took.\n")
    (folder / "events.csv").write_text(f"date,label\n2022-10-15,Case {CRIME}\n")
    day = "2022-10-31"
    crimes = [f"46/{n}/22,{day} 12:00,{day} 11:00,8N,recorded,,,Area {CRIME}" for n in range(10, 30)]
    doubled = odd.replace('"', '""')
    faulty = [f'46/{n}/22,{day} 12:00,{day} 11:00,8N,"{text}",,,' for n, text in enumerate((doubled, CRIME), 30)]
    command.land(f"crimes_{day}_{OPERATOR}.csv", f"{CRIMES},district", *crimes, *faulty)
    assert command.run("run").returncode in (0, 1)
    paper = command.current / "papers" / "kent" / "2022-10" / "board_paper.pdf"
    held = places(command.home, [odd])
    assert {"board_paper.pdf", "board_paper.docx", "report.json"} <= {place.rpartition("/")[2] for place in held}
    held = places(command.home, [CRIME])
    assert {"board_paper.pdf", "explorer.html", "kent.district.js"} <= {place.rpartition("/")[2] for place in held}

    done = erase(command, odd)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 PDF files and 4 Word or slides files of publications had the identifier" in done.stdout + done.stderr
    assert not paper.exists()
    assert command.damage() == []
    for identifier in (CRIME, OPERATOR):
        done = erase(command, identifier)
        assert done.returncode == 0, done.stdout + done.stderr
    assert OPERATOR not in done.stdout + done.stderr
    assert places(command.home, [odd, CRIME, OPERATOR]) == []

    assert command.run("publish").returncode in (0, 1)
    assert paper.is_file()
    assert command.damage() == []
    assert places(command.home, [odd, CRIME, OPERATOR]) == []
    verified = command.run("verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_a_restored_warehouse_does_not_bring_an_erased_person_back(loaded, tmp_path):
    command = copy_of(loaded, tmp_path / "home")
    (old,) = pseudonyms(command.home, [CALLER]).values()
    before = figures_with(command)
    shutil.copy(command.home / "warehouse.duckdb", tmp_path / "copy.duckdb")
    assert erase(command, CALLER).returncode == 0
    shutil.copy(tmp_path / "copy.duckdb", command.home / "warehouse.duckdb")
    verified = command.run("verify")
    assert verified.returncode == 1
    assert "with pseudonyms of people who were erased, as after a restore" in verified.stdout + verified.stderr
    done = command.run("run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 pseudonym of erased people were there again" in done.stdout + done.stderr
    assert places(command.home, [old]) == []
    assert figures_with(command) == figures_of(before, {old: substitutes(command.home)[CALLER]})
    verified = command.run("verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "there again" not in command.run("run").stdout
    (command.home / "suppression" / "suppressed.json").unlink()
    done = command.run("run")
    assert done.returncode == 2
    assert "the list of erased people is missing" in done.stdout + done.stderr


def test_an_identifier_that_is_too_short_to_be_looked_for_in_clear_is_named_as_such(loaded, tmp_path):
    command = copy_of(loaded, tmp_path / "home")
    done = erase(command, "op1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Erased: no byte of its pseudonyms was found" in done.stdout
    assert "the identifier itself was not looked for in clear text" in done.stdout + done.stderr


def test_a_report_lists_the_rows_and_not_the_identifier(loaded, tmp_path):
    command = copy_of(loaded, tmp_path / "home")
    out = tmp_path / "report.md"
    done = ask(command, "access", "--reason", "request 4712", "--out", str(out), identifier=CALLER)
    assert done.returncode == 0, done.stdout + done.stderr
    text = out.read_text()
    assert out.stat().st_mode & 0o777 == 0o600
    assert "## call_segments: 2 rows" in text
    assert "## digital_contacts: 1 row" in text
    assert "call_segments_2022-10-29.csv" in text
    assert not any(value in text for value in (CALLER, *pseudonyms(command.home).values()))
    assert ask(command, "access", "--reason", "r", "--out", str(out), identifier=CALLER).returncode == 2
    # Spark does not open a file of another size than it wrote.
    lake = command.home / "spark" / "warehouse" / "part-0.parquet"
    lake.parent.mkdir(parents=True)
    shutil.copy(next(command.current.rglob("fct_call/**/*.parquet")), lake)
    content = lake.read_bytes()
    done = erase(command, CALLER)
    assert done.returncode == 0
    assert lake.read_bytes() == content
    assert "the lake was not searched and still has the old values" in done.stdout
    text = ask(command, "access", "--reason", "request 4712", identifier=CALLER).stdout
    assert "No row is held under it." in text
    assert "was erased on" in text


@pytest.mark.parametrize(
    ("arguments", "identifier", "message"),
    [
        (["--yes"], CALLER, "--reason is required"),
        (["--yes", "--reason", f"caller {CALLER}"], CALLER, "--reason contains a personal value"),
        (["--reason", "request 4711"], CALLER, "Nothing was erased. Add --yes"),
        (["--yes", "--reason", "request 4711"], "", "standard input has 0 lines"),
        (["--yes", "--reason", "request 4711"], "one\ntwo\n", "standard input has 2 lines"),
        (["--yes", "--reason", "request 4711"], "n/a", "a word that stands for an empty cell"),
    ],
)
def test_nothing_is_erased_without_identifier_reason_and_confirmation(loaded, arguments, identifier, message):
    done = ask(loaded, "erase", *arguments, identifier=identifier)
    assert done.returncode == 2, done.stdout + done.stderr
    assert message in done.stderr
    assert CALLER not in done.stdout + done.stderr
    assert not (loaded.home / "certificates").exists()


def test_a_killed_erasure_is_finished_by_the_next_run(loaded, tmp_path):
    command = copy_of(loaded, tmp_path / "home")
    (old,) = pseudonyms(command.home, [CALLER]).values()
    before = figures_with(command)
    # Between two files; tests/unit/test_killed_erasure.py has the steps before and after.
    done = erase(command, CALLER, code=KILL + START, kill="replace part-0.parquet 2")
    assert done.returncode == -9, done.stdout + done.stderr
    done = command.run("run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "an erasure of" in done.stdout
    assert "Nothing is new" in done.stdout
    assert places(command.home, [CALLER, old]) == []
    assert command.damage() == []
    assert figures_with(command) == figures_of(before, {old: substitutes(command.home)[CALLER]})
    assert len(list((command.home / "certificates").iterdir())) == 1
    assert {file.name for file in (command.home / "suppression").iterdir()} == {"suppressed.json", "suppression.key"}
    entries = store.read(Settings(home=command.home, _env_file=None))
    assert [entry["outcome"] for entry in entries if entry["action"] == "erase"] == ["done"]
