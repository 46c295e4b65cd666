"""A force of several begins its call ids again after three months: what a run says, and what it builds from them."""

import pytest

from tests.roots import DataRoot
from tests.scenarios.numbers import STEPS, land_days, land_history, land_late, queries

SAID = "call_segments: the numbers of essex began again on 1 November 2022; nothing to do"


@pytest.fixture(scope="module")
def at_once(tmp_path_factory, compiled):
    """All deliveries in one run, and what it said."""
    root = DataRoot.knowing(compiled, tmp_path_factory.mktemp("at_once") / "home")
    for land in STEPS:
        land(root)
    return root, root.fcir("run")


def test_no_call_replaces_one_of_three_months_before_and_the_run_says_that_numbers_began_again(at_once):
    root, done = at_once
    assert (done.out + done.err).count("began again") == 1, done.out + done.err
    assert SAID in done.out + done.err
    calls = "select month(arrived_date), call_epoch, count(*), sum(segments) from marts.fct_call"
    of_essex = f"{calls} where force_code = 'essex' group by all order by all"
    assert root.published(of_essex) == [(8, 0, 90, 99), (11, 1, 90, 100)]


def test_history_that_comes_last_gives_the_same_facts_and_figures(root, at_once):
    said = []
    for steps in ((land_late, land_days), (land_history,)):
        for land in steps:
            land(root)
        done = root.fcir("run")
        said.append("began again" in done.out + done.err)
    found, expected = ({name: of.published(query) for name, query in queries().items()} for of in (root, at_once[0]))
    assert [name for name in expected if found[name] != expected[name]] == []
    # The late call of August is alone on the first night; on the second, the days of November are not new.
    assert said == [False, False]
