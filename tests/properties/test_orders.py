"""Deliveries of two forces, one of which begins its call ids again after three months, in any order."""

from itertools import permutations

import pytest

from tests.compiled_project import CompiledProject, build_node, warehouse
from tests.roots import CALLS, DataRoot

HEADER = f"force_code,{CALLS}"
SAID = "call_segments: the numbers of essex began again on 1 November 2022; nothing to do"
FACTS = {
    "fct_call": "force_code, call_id, call_epoch, arrived_at, is_answered, queue_seconds, segments",
    "fct_call_segment": "force_code, call_id, call_epoch, segment_no, arrived_at, disposition, queue_seconds",
    "kpi_calls_monthly": "force_code, line, month_start, received, not_answered, avg_queue_seconds",
}


def calls(month: int, day: int) -> list[str]:
    """30 calls of Essex with the ids that a day had three months before, and 300 of Kent with ids of their own.

    Every tenth call of Essex has a second segment: of the older calls, others than of the newer ones.
    """
    lines, on = [], f"2022-{month:02}-{day:02}"
    for call in range(30):
        start = f"essex,e{day}-{call},{{}},101,{on} 10:{call:02}:{{}},5,{{}},60,07700 900{call:03}"
        has_second = call % 10 == (0 if month == 8 else 5)
        lines.append(start.format(1, "00", "transferred" if has_second else "answered"))
        lines += [start.format(2, "30", "answered")] * has_second
    return lines + [f"kent,k{on}-{call},1,101,{on} 11:00:00,5,answered,60," for call in range(300)]


def land_history(root: DataRoot) -> None:
    lines = [line for day in (1, 2, 3) for line in calls(8, day)]
    root.land("call_segments_2022-08-01_to_2022-08-03.csv", HEADER, *lines)


def land_days(root: DataRoot) -> None:
    for day in (1, 2, 3):
        root.land(f"call_segments_2022-11-{day:02}.csv", HEADER, *calls(11, day))


def land_late(root: DataRoot) -> None:
    """A corrected call of August and one of November with its id, and one over midnight."""
    root.land(
        "call_segments_2022-11-03_late.csv",
        HEADER,
        "essex,e1-3,1,101,2022-08-01 10:03:00,9,abandoned,0,",
        "essex,e1-3,1,101,2022-11-01 10:03:00,9,abandoned,0,",
        "essex,e2-4,2,101,2022-11-03 09:04:00,9,abandoned,0,",
    )


STEPS = (land_history, land_days, land_late)


@pytest.fixture(scope="module")
def known():
    """What the orders before gave."""
    return {}


@pytest.mark.parametrize("order", list(permutations(STEPS)))
def test_any_order_of_delivery_gives_the_same_facts_and_figures(order, tmp_path, project: CompiledProject, known):
    root = DataRoot(tmp_path / "home")
    for land in order:
        land(root)
        root.load()
    with warehouse(loaded=root.home / "warehouse.duckdb") as connection:
        for node in project.with_ancestors(list(FACTS)):
            build_node(connection, node)
        found = {
            name: connection.execute(f"select {columns} from marts.{name} order by all").fetchall()
            for name, columns in FACTS.items()
        }
    of_essex: dict[tuple[int, int], list[int]] = {}
    for force, _, epoch, arrived, _, _, segments in found["fct_call"]:
        if force == "essex":
            of_essex.setdefault((arrived.month, epoch), []).append(segments)
    # No call replaces one of three months before.
    assert {key: (len(each), sum(each)) for key, each in of_essex.items()} == {(8, 0): (90, 99), (11, 1): (90, 100)}
    expected = known.setdefault("of the first order", found)
    assert [name for name in expected if found[name] != expected[name]] == []


@pytest.mark.parametrize(
    ("nights", "said"),
    [
        ([STEPS], [SAID]),
        # The late call of August is alone on the first night; on the second, the days of November are not new.
        ([(land_late, land_days), (land_history,)], []),
    ],
)
def test_a_run_says_once_that_numbers_began_again_and_only_of_days_that_are_new(root, nights, said):
    found = []
    for night in nights:
        for land in night:
            land(root)
        done = root.fcir("run")
        found += [line for line in (done.out + done.err).splitlines() if "began again" in line]
    assert len(found) == len(said)
    assert all(one in line for one, line in zip(said, found, strict=True))
