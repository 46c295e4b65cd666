"""The state of a hub: a delivery, a deadline and a result are those of one data root."""

import shutil
from datetime import UTC, date, datetime, timedelta

import pytest

from dagster_project.loading.deadlines import expected_deliveries, overdue_sources
from dagster_project.loading.landing import Landing
from dagster_project.loading.members import member_states, news_of_members
from dagster_project.warehouse.connection import open_read_only
from dagster_project.warehouse.state import (
    over_all_roots,
    source_states,
    standing_days,
    standing_results,
    unresolved_deliveries,
)
from tests.leaving.unit.hub_helpers import Hub
from tests.leaving.unit.loading_helpers import NO_HEADER, Installation, visits

TUESDAY = date(2022, 11, 1)
WEDNESDAY = TUESDAY + timedelta(days=1)
NO_LANDING = Landing((), (), is_synthetic=False)


pytestmark = pytest.mark.usefixtures("second_for_each_load")


@pytest.fixture
def roots(tmp_path):
    """Kent has two days, one of them with faulty rows, and surrey one day and a rejected one."""
    hub = Hub(tmp_path)
    hub["kent"].land(TUESDAY, *visits(TUESDAY, 3))
    hub["kent"].land(WEDNESDAY, *visits(WEDNESDAY, 6, faulty=2))
    hub["surrey"].land(TUESDAY, *visits(TUESDAY, 4))
    hub["surrey"].land(WEDNESDAY, text=NO_HEADER)
    for member in hub.members.values():
        member.run()
    hub.run()
    return hub


@pytest.fixture
def connection(roots):
    """The warehouse of the hub, for reading."""
    with open_read_only(roots.hub.settings.warehouse) as connection:
        yield connection


def test_a_day_that_one_force_delivered_is_still_rejected_for_the_other(connection):
    (rejected,) = unresolved_deliveries(connection)
    assert str(rejected).startswith("visits 2022-11-02 (root 2) rejected: ")
    assert not rejected.is_acceptable, "that is for the data root of the force"


def test_sources_are_counted_by_root_and_added_up(connection):
    states = source_states(connection)
    assert [(state.root_number, state.days_loaded, state.days_rejected, state.newest) for state in states] == [
        (1, 2, 0, WEDNESDAY),
        (2, 1, 1, TUESDAY),
    ]
    (total,) = over_all_roots(states)
    assert (total.source, total.days_loaded, total.days_rejected, total.rows_loaded) == ("visits", 3, 1, 11)
    assert (total.rows_quarantined, total.newest) == (2, TUESDAY)
    assert over_all_roots(states[:1]) == states[:1]
    assert standing_days(connection, "visits") == {TUESDAY: 7, WEDNESDAY: 4}


def test_a_result_of_an_expectation_fails_while_it_fails_for_one_force(roots):
    with open_read_only(roots.hub.settings.warehouse) as connection:
        alone = standing_results(connection, "visits")["faulty_rows_are_within_limits"]
    assert (alone.success, alone.evaluated) == (True, 3), "deliveries of both, without the unreadable one"
    roots["surrey"].land(WEDNESDAY, *visits(WEDNESDAY, 60, faulty=30))
    roots["surrey"].run()
    roots["kent"].land(WEDNESDAY, *visits(WEDNESDAY, 7))
    roots["kent"].run()
    roots.run()
    with open_read_only(roots.hub.settings.warehouse) as connection:
        both = standing_results(connection, "visits")["faulty_rows_are_within_limits"]
    assert (both.success, both.evaluated, both.failed_extract_dates) == (False, 2, "2022-11-02")


def test_each_force_has_its_own_deadlines(connection, roots):
    noon = datetime(2022, 11, 4, 12, tzinfo=UTC)
    contracts = {"visits": roots.hub.contracts["visits"]}
    found = overdue_sources(connection, NO_LANDING, contracts, now=noon)
    assert [(item.name, item.days) for item in found] == [
        ("visits (root 1)", (date(2022, 11, 3),)),
        ("visits (root 2)", (date(2022, 11, 3),)),
    ]
    early = datetime(2022, 11, 4, 1, tzinfo=UTC)
    assert [str(item) for item in expected_deliveries(connection, NO_LANDING, contracts, now=early)] == [
        "visits 2022-11-03 (root 1) expected by 2022-11-04 09:00",
        "visits 2022-11-03 (root 2) expected by 2022-11-04 09:00",
    ]


def test_a_hub_says_what_was_taken_in_and_what_waits(roots):
    roots["kent"].land(WEDNESDAY, *visits(WEDNESDAY, 7))
    roots["kent"].run()
    shutil.rmtree(roots["surrey"].settings.home)
    settings = roots.hub.settings.model_copy(
        update={"members": (*roots.hub.settings.members, roots["kent"].settings.home.with_name("essex"))}
    )
    with open_read_only(settings.warehouse) as connection:
        states = member_states(settings, connection)
        news = news_of_members(settings, connection, roots.hub.contracts)
        fewer = settings.model_copy(update={"members": settings.members[:1]})
        removed = member_states(fewer, connection)
    assert [(state.root_number, state.newest, state.is_configured) for state in states] == [
        (1, WEDNESDAY, True),
        (2, TUESDAY, True),
        (None, None, True),
    ]
    assert states[0].taken_in_at is not None
    # The load that came and the one that it replaced.
    assert [(item.loads, bool(item.problem), item.key is not None) for item in news] == [
        (2, False, True),
        (0, True, False),
        (0, True, False),
    ]
    assert [state.is_configured for state in removed] == [True, False]
    assert [state.fault for state in removed] == [None, None]


def test_members_share_a_key_only_if_they_are_given_one(tmp_path):
    key = tmp_path / "secrets" / "shared.key"
    roots = Hub(tmp_path, ("kent", "surrey", "essex"))
    for number, force in enumerate(("kent", "surrey"), 1):
        roots.members[force] = Installation(
            roots[force].settings.home, root_number=number, force=force, pseudonym_key_file=key
        )
    for member in roots.members.values():
        member.land(TUESDAY, *visits(TUESDAY, 3))
        member.run()
    roots.run()
    with open_read_only(roots.hub.settings.warehouse) as connection:
        first, second, third = (
            item.key for item in news_of_members(roots.hub.settings, connection, roots.hub.contracts)
        )
    assert first == second != third is not None
    pseudonyms = dict(roots.query("select force_code, min(visitor) from raw.visits group by force_code"))
    assert pseudonyms["kent"] == pseudonyms["surrey"] != pseudonyms["essex"]
