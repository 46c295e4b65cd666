"""A person by an identifier: what is held, what an erasure takes away, and which files still name the person."""

import re
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from dagster_project.contracts import Identifier
from dagster_project.extracts.reading import open_extract
from dagster_project.loading.people import people_for_loading
from dagster_project.privacy import person as place
from dagster_project.privacy.access import report
from dagster_project.privacy.erasure import erase, holds_of
from dagster_project.privacy.keys import rotate
from dagster_project.privacy.person import Person, files_that_name, find_person, rows_of, spellings_of
from dagster_project.privacy.retention import Hold
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.history import erased_in_history
from tests.unit.loading.conftest import quick_validation as quick_validation
from tests.unit.loading.installation import DAY, VISITS, Installation, row

NUMBER = "07700 900123"
_, NEXT, *_ = DAYS = [DAY + timedelta(number) for number in range(4)]
BY_PHONE = replace(VISITS, columns=(*VISITS.columns[:-1], replace(VISITS.columns[-1], identifies=Identifier.PHONE)))


@pytest.fixture
def root(tmp_path) -> Installation:
    """A data root in which a person came twice, in two spellings."""
    root = Installation(tmp_path / "home", BY_PHONE)
    root.land(DAY, row("a", visitor=NUMBER), row("b", visitor="+44 7700 900123"), row("c", visitor="01632 960456"))
    root.run()
    return root


@contextmanager
def asked(root: Installation, identifier: str = "tel:07700900123"):
    """The warehouse, the vault, and the person of an identifier."""
    with loading_connection(root.settings.warehouse) as connection:
        people = people_for_loading(root.settings, connection)
        yield connection, people, find_person(people, identifier, ["kent"])


def text_of(root: Installation) -> str:
    with asked(root) as (connection, _, person):
        held = rows_of(connection, root.contracts, person)
        named = files_that_name(root.settings, connection, root.contracts, person, held)
        return report(root.settings, person, held, named, reason="request 1")


def test_a_report_lists_rows_of_every_spelling_and_files_and_not_the_identifier(root):
    notes = root.settings.commentary / "kent" / "2022-11.md"
    notes.parent.mkdir(parents=True)
    notes.write_text("A man on 07700-900-123 called again.\n")
    root.land(DAY, "not an extract", suffix="_late", text="x")
    text = text_of(root)
    assert "2 rows in 1 source" in text
    assert "| 2022-11-01 | visits_2022-11-01.csv | 2 |" in text
    assert "- landing/visits/visits_2022-11-01.csv" in text
    assert "- commentary/kent/2022-11.md" in text
    assert "- landing/visits/visits_2022-11-01_late.csv" in text.partition("## Not searched")[2]
    assert "900123" not in text.replace(" ", "")


def test_an_erased_person_keeps_the_surrogate_is_told_to_officers_and_to_any_older_vault(root):
    older = root.settings.vault.read_bytes()
    held = root.query("select visit_id, visitor from raw.visits order by all")
    with asked(root) as (_, people, person):
        pass
    assert erase(root.settings, people, person, reason="request 1", rows={"visits": 2}) == 1
    assert erase(root.settings, people, person, reason="request 1", rows={}) == 1
    [(_, surrogate, _)] = erased_in_history(root.settings)
    assert held[0] == ("a", surrogate)
    # The day is delivered again, with another spelling of the person.
    root.land(DAY, row("a", 6, visitor="7700900123"), row("b", visitor=NUMBER), row("c", visitor="01632 960456"))
    root.run()
    # Times are whole seconds, and all of this takes less than one.
    with loading_connection(root.settings.warehouse) as connection:
        connection.execute("update audit.load set loaded_at = loaded_at + interval 1 minute where status = 'loaded'")
    current = (
        "select visit_id, visitor from raw.visits where load_id = (select max(load_id) from audit.load) order by all"
    )
    assert root.query(current) == held
    assert "The phone was erased on " in text_of(root)
    assert "rows loaded since: 2" in text_of(root)
    root.settings.vault.write_bytes(older)
    assert "The phone was erased on " in text_of(root)
    actions = root.query("select action, reason, details from audit.action")
    assert {(action, reason) for action, reason, _ in actions} == {("erase", "request 1")}
    assert "900123" not in str(actions)


def test_a_quarantined_row_names_the_person_and_its_file_is_read_only_after_an_erasure(root, monkeypatch):
    files, read = re.compile(r"- landing/visits/visits_2022-11-0(\d)\.csv"), list[str]()
    monkeypatch.setattr(place, "open_extract", lambda *given: read.append(given[0].stem[-1]) or open_extract(*given))
    root.land(NEXT, row("d", "never", NEXT, NUMBER), row("e", day=NEXT))
    root.land(DAYS[2], row("f", 1, DAYS[2], NUMBER), row("f", 2, DAYS[2]))
    root.land(DAYS[3], row("g", "never", DAYS[3]), f"h,{DAYS[3]} 10:00,5", row("i", day=DAYS[3]))
    root.run()
    codes = ["not_an_integer", "superseded_row", "not_an_integer", "too_few_cells"]
    assert [code for *_, code in root.quarantine()] == codes
    assert (files.findall(text_of(root)), read) == (["1", "2", "3"], [])
    with asked(root) as (_, people, person):
        pass
    erase(root.settings, people, person, reason="request 1", rows={})
    root.land(DAYS[3], row("g", "never", DAYS[3], NUMBER), row("i", day=DAYS[3]))
    root.run()
    kept = "select surrogates is null from audit.quarantine order by load_id, source_row"
    assert root.query(kept) == [(True,), (True,), (False,), (False,), (True,)]
    assert (files.findall(text_of(root)), read) == (["1", "2", "3", "4"], ["2", "3", "4"])


def test_a_rotation_adds_a_key_and_changes_no_row(root):
    held = root.query("from raw.visits")
    with asked(root) as (_, people, _):
        pass
    assert rotate(root.settings, people, reason="yearly") == 2
    with asked(root) as (_, people, person):
        assert (len(people.keys), len(person.found)) == (2, 1)
    assert root.query("from raw.visits") == held


def test_holds_of_a_person_are_those_of_the_times_of_the_rows(root):
    # Delivered on the next day, which is not held.
    root.land(NEXT, row("d", day=DAY, visitor=NUMBER))
    root.run()
    holds = [Hold("visits", DAY, DAY, "case 7"), *(Hold(source, NEXT, NEXT, "") for source in ("papers", "visits"))]
    for identifier, lines in ((NUMBER, [f"visits {DAY} to {DAY} (case 7): 3 rows"]), ("0800 111111", [])):
        with asked(root, identifier) as (connection, _, person):
            assert list(holds_of(rows_of(connection, root.contracts, person), holds)) == lines


@pytest.mark.parametrize(
    ("identifier", "named", "other"),
    [
        (NUMBER, ["07700900123", "call +44 (0)7700 900 123.", "00447700900123"], ["077009001234", "900123"]),
        ("46/1/22", ["see 46/1/22", "CR 46 / 1 / 22"], ["146/1/22", "46/1/221"]),
        ("Jane@Example.org", ["jane@example.org,"], ["ajane@example.org"]),
    ],
)
def test_a_text_names_a_person_in_any_usual_spelling(identifier, named, other):
    pattern = spellings_of(Person(identifier, (), ()))
    assert all(pattern.search(text) for text in named)
    assert not any(pattern.search(text) for text in other)
