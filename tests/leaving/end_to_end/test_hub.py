"""Two forces load side by side into data roots of their own, and a hub publishes for both."""

import json

import pytest

from tests.leaving.end_to_end.command import CRIMES, Command, figures
from tests.leaving.end_to_end.hub import hub_over, loaded_members


@pytest.fixture(scope="module")
def roots(tmp_path_factory, parsed_project):
    """Data roots of two forces, and a hub that has taken both in."""
    folder = tmp_path_factory.mktemp("roots")
    members = loaded_members(folder, parsed_project)
    hub = hub_over(folder / "hub", members)
    hub.know_the_project(parsed_project)
    done = hub.run("run")
    assert done.returncode == 0, done.stdout + done.stderr
    return hub, members


def test_the_hub_publishes_the_figures_of_each_force(roots):
    hub, members = roots
    received = (
        "select force_code, line, received from marts.kpi_calls_monthly "
        "where month_start = '2022-10-01' and received > 0 order by all"
    )
    assert hub.published(received) == [
        ("kent", "101", 13),
        ("kent", "999", 13),
        ("surrey", "101", 13),
        ("surrey", "999", 14),
    ]
    assert hub.damage() == []
    assert not (members["kent"].home / "published").exists(), "members only load"
    loads = hub.published("select distinct load_id // 16777216 from marts.load_audit order by all")
    assert loads == [(1,), (2,)]


def test_status_says_what_was_taken_in_from_each_member(roots):
    hub, members = roots
    status = hub.run("status")
    assert status.returncode == 0, status.stdout + status.stderr
    for number, (force, root) in enumerate(members.items(), 1):
        (line,) = [line for line in status.stdout.splitlines() if line.startswith(str(root.home))]
        assert line.split()[1] == str(number)
        assert line.split()[-1] == "2022-10-31"
        assert f"crimes (root {number})" in hub.run("status", "--all").stdout, force
    # Three days of each force.
    assert [line.split()[1:5] for line in status.stdout.splitlines() if line.startswith("crimes ")] == [
        ["6", "0", "0", "48"]
    ]
    assert "Same pseudonym key" not in status.stdout


def test_a_figure_is_traced_to_a_file_of_its_member(roots):
    hub, _ = roots
    traced = hub.run("trace", "calls_999.received", "2022-10", "--force", "surrey", "--json")
    assert traced.returncode == 0, traced.stdout + traced.stderr
    files = json.dumps(json.loads(traced.stdout))
    assert "call_segments_2022-10-31_late.csv" in files
    loads = hub.warehouse("select load_id from audit.load where load_id < 2 * 16777216")
    assert not [load for (load,) in loads if str(load) in files], "no load of kent"


def test_a_run_without_news_does_nothing_and_one_with_news_publishes(roots):
    hub, members = roots
    nothing = hub.run("run")
    assert nothing.returncode == 0
    assert "everything that the members have loaded is taken in" in nothing.stdout
    before = hub.current.resolve()
    members["kent"].land("crimes_2022-10-31.csv", CRIMES, "46/1/22,2022-10-31 12:00,2022-10-31 11:00,8N,recorded,,")
    broken = members["surrey"].land("live_chats_2022-11-01.csv", "nothing to see here")
    assert members["kent"].run("run", "--load-only").returncode == 0
    assert members["surrey"].run("run", "--load-only").returncode == 1
    assert "5 loads of members are new or changed" in hub.run("status").stdout
    done = hub.run("run")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "live_chats 2022-11-01 (root 2) rejected" in done.stdout
    assert hub.current.resolve() != before
    assert hub.published("select rows_before, rows_after from marts.corrections") == [(8, 1)]
    broken.unlink()


def test_a_missing_member_is_named_and_the_other_is_taken_in(roots):
    hub, members = roots
    before = figures(hub)
    members["surrey"].home.rename(members["surrey"].home.with_name("away"))
    try:
        done = hub.run("run")
        assert done.returncode == 1
        assert "surrey cannot be taken in: there is no" in done.stdout + done.stderr
        assert "Nothing is new: everything that the other members have loaded" in done.stdout
        status = hub.run("status")
        assert status.returncode == 1
        assert "Is a share not mounted" in status.stdout + status.stderr
    finally:
        members["surrey"].home.with_name("away").rename(members["surrey"].home)
    assert figures(hub) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--from", "2022-10-01"], "its runs take in everything that is new"),
        (["run", "--accept", "crimes/2022-10-30", "--reason", "it is right"], "deliveries are accepted where they are"),
        (["sample"], "belong to a data root that loads them"),
        (["check", __file__, "--source", "crimes"], "files are checked where they are delivered"),
    ],
)
def test_a_hub_says_where_to_do_what_it_does_not_do(roots, arguments, message):
    hub, members = roots
    done = hub.run(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert str(members["kent"].home) in done.stderr


def test_a_hub_without_its_members_and_a_member_with_another_number_load_nothing(roots):
    hub, members = roots
    hub.land("crimes_2022-10-31.csv", CRIMES)
    files = hub.run("run")
    assert (files.returncode, "has files, but this data root is a hub" in files.stderr) == (2, True)
    forgotten = Command(hub.home).run("run")
    assert (forgotten.returncode, "is a hub, and FCIR_MEMBERS is not set" in forgotten.stderr) == (2, True)
    (hub.home / "landing" / "crimes" / "crimes_2022-10-31.csv").unlink()
    members["kent"].land("live_chats_2022-11-02.csv", "chat_id,requested_at,accepted_at,ended_at,operator_id")
    other = Command(members["kent"].home, settings={"FCIR_ROOT_NUMBER": "9"}).run("run")
    assert (other.returncode, "set FCIR_ROOT_NUMBER=1" in other.stderr) == (2, True)
