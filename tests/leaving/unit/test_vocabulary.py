"""An identifier that is only a word of the project is not erased: that would rename its tables and measures."""

import pytest

from dagster_project.errors import UsageError
from dagster_project.privacy import vocabulary
from dagster_project.privacy.person import person_of
from dagster_project.privacy.vocabulary import require_no_word_of_project
from dagster_project.warehouse.connection import loading_connection
from tests.leaving.unit.erasing_helpers import erase_person
from tests.leaving.unit.loading_helpers import CONTRACTS, row

MANIFEST = {"nodes": {"model.fcir.kpi_1_day": {"name": "kpi_1_day", "columns": {"part_12_of": {}}}}}


@pytest.fixture
def root(installation, monkeypatch):
    """A data root of a dbt project with few names, and its seeds."""
    monkeypatch.setattr(vocabulary, "ensure_manifest", lambda _: None)
    monkeypatch.setattr(vocabulary, "read_manifest", lambda _: MANIFEST)
    installation.land("2022-11-01", row("a", visitor="kpi_1_day"), row("b", visitor="bob"))
    installation.run()
    return installation


def check(root, identifier):
    with loading_connection(root.settings.warehouse) as connection:
        person = person_of(root.settings, connection, identifier)
    require_no_word_of_project(root.settings, CONTRACTS, person)


@pytest.mark.parametrize("word", ["calls_999", "calls_101.received", "part_12_of", "E23000036"])
def test_a_word_of_the_project_is_refused(root, word):
    with pytest.raises(UsageError, match=r"in names of this project.*Nothing was erased"):
        check(root, word)


@pytest.mark.parametrize("identifier", ["kpi_1_day", "op-77x", "07700 900123", "2022-10-30"])
def test_an_identifier_of_a_person_or_one_that_is_not_looked_for_is_accepted(root, identifier):
    check(root, identifier)


def test_a_word_that_was_erased_before_is_accepted(root, monkeypatch):
    monkeypatch.setattr("dagster_project.privacy.replacing.orders_of", lambda _: {})
    erase_person(root.settings, "kpi_1_day")
    check(root, "kpi_1_day")


@pytest.mark.parametrize("place", ["user", "login", "host", "path"])
def test_a_word_of_the_machine_is_refused_although_it_is_a_person_in_the_data(root, monkeypatch, place):
    """The certificate and the record name who erased, and where."""
    if place == "host":
        monkeypatch.setattr(vocabulary.socket, "gethostname", lambda: "kpi_1_day.example")
    elif place == "path":
        home = root.settings.home
        root.settings = root.settings.model_copy(update={"home": home.rename(home.with_name("kpi_1_day"))})
    else:
        monkeypatch.setattr(vocabulary.who, place, lambda: "kpi_1_day")
    with pytest.raises(UsageError, match=r"user, the login or the host.*Nothing was erased"):
        check(root, "kpi_1_day")


def test_a_pseudonym_is_refused(root):
    ((pseudonym,),) = root.query("select visitor from raw.visits where visit_id = 'a'")
    with pytest.raises(UsageError, match=r"is a pseudonym.*Nothing was erased"):
        check(root, pseudonym)
