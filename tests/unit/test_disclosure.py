"""The control of one group of cells, against a reader who tries every truth that there could be."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagster_project.disclosure.control import control
from dagster_project.disclosure.force_rows import ForceRows, force_rows_of
from dagster_project.disclosure.inference import findings, intervals
from dagster_project.disclosure.releases import Controlled, ReleaseError, Whole, check_releases, releases_of
from dagster_project.disclosure.rules import DisclosureRules, RulesError

FIVE = DisclosureRules(threshold=5, rounding_base=5, months_to_settle=1)
RULES = st.builds(
    DisclosureRules,
    threshold=st.integers(2, 12),
    rounding_base=st.integers(1, 12),
    months_to_settle=st.just(0),
)


def test_cells_of_0_to_4_look_alike_and_others_are_rounded_to_5_half_up():
    assert [FIVE.shown(count) for count in (0, 1, 4, 5, 7, 8, 12, 13, 63)] == [None, None, None, 5, 5, 10, 10, 15, 65]


@given(RULES, st.integers(0, 400))
def test_the_range_of_a_shown_cell_has_the_counts_that_look_like_it_and_no_others(rules, count):
    shown = rules.shown(count)
    least, most = rules.bounds(shown)
    alike = [other for other in range(450) if rules.shown(other) == shown]
    assert (least, most) == (alike[0], alike[-1])


def test_a_small_cell_is_hidden_where_the_others_have_room_for_it():
    assert control([63, 38, 32, 3], FIVE) == control([63, 38, 32, 2], FIVE) == [65, 40, 30, None]


def test_a_group_whose_rounded_cells_give_a_small_one_away_is_withheld():
    # 30 less 7, 7 and 12, the most that 5, 5 and 10 can be, leaves 4.
    shown = [None, 5, 5, 10]
    assert intervals(shown, 30, FIVE)[0].least == 4
    assert findings([4, 7, 7, 12], shown, FIVE) == ["a hidden cell can be inferred exactly"]
    assert control([4, 7, 7, 12], FIVE) == [None] * 4


def test_a_group_whose_rounded_cells_add_up_to_the_total_at_their_least_is_withheld():
    # A reader could tell that the hidden cells are empty.
    assert control([5, 8, 0, 0, 0], FIVE) == [None] * 5
    assert control([6, 8, 0, 0, 0], FIVE) == [5, 10, None, None, None]


def test_a_part_moves_into_cells_with_room_in_the_whole_only():
    parts, whole = [2, 8, 8, 8], [100, 8, 8, 8]
    assert control(parts, FIVE) == [None, 10, 10, 10]
    assert control(parts, FIVE, within=whole) == [None] * 4


def test_a_group_without_small_cells_is_shown():
    assert control([5, 7, 12], FIVE) == [5, 5, 10]
    assert control([], FIVE) == []


def test_findings_name_a_small_cell_that_is_shown_and_one_that_is_not_rounded():
    assert findings([3, 20], [5, 20], FIVE) == ["a cell under the threshold is shown"]
    assert findings([9, 20], [9, 20], FIVE) == ["a cell is not shown as it is rounded"]


def test_findings_see_through_suppression_without_rounding():
    exact = DisclosureRules(threshold=5, rounding_base=1, months_to_settle=0)
    assert findings([3, 20, 40], [None, 20, 40], exact) == ["a hidden cell can be inferred exactly"]
    assert findings([3, 4, 40], [None, None, 40], exact) == ["a hidden cell can be inferred to be small"] * 2


@given(RULES, st.lists(st.integers(0, 40), min_size=2, max_size=12))
def test_no_small_cell_follows_from_what_is_shown_and_the_total(rules, counts):
    shown = control(counts, rules)
    assert findings(counts, shown, rules) == []
    for count, value in zip(counts, shown, strict=True):
        assert value is None or value == rules.shown(count)


@given(RULES, st.lists(st.integers(0, 40), min_size=2, max_size=12))
def test_the_true_count_is_within_the_interval_of_a_reader(rules, counts):
    for count, interval in zip(counts, intervals(control(counts, rules), sum(counts), rules), strict=True):
        assert interval.least <= count <= interval.most


@pytest.mark.parametrize(
    ("threshold", "base", "cells", "most"), [(3, 3, 3, 14), (5, 5, 2, 30), (3, 5, 3, 13), (4, 3, 3, 16)]
)
def test_a_reader_who_knows_the_program_learns_no_small_cell(threshold, base, cells, most):
    """A reader cannot tell apart the groups of a total that look alike after the control."""
    rules = DisclosureRules(threshold=threshold, rounding_base=base, months_to_settle=0)
    for total in range(1, most + 1):
        alike: dict[tuple[int | None, ...], list[tuple[int, ...]]] = {}
        for counts in product(range(total + 1), repeat=cells):
            if sum(counts) == total:
                alike.setdefault(tuple(control(counts, rules)), []).append(counts)
        for shown, truths in alike.items():
            for place in range(cells):
                possible = {counts[place] for counts in truths}
                if shown[place] is None and possible & set(range(1, threshold)):
                    assert not possible <= set(range(1, threshold)), (total, shown, possible)


@settings(max_examples=50)
@given(st.lists(st.integers(0, 300), min_size=10, max_size=20), st.randoms())
def test_a_busy_table_is_shown_and_not_withheld(counts, random):
    # Ten cells and more have room for a few small ones; a control that withheld these would be safe and useless.
    busy = [count + 20 for count in counts]
    busy[random.randrange(len(busy))] = random.randrange(1, 5)
    shown = control(busy, FIVE)
    room = sum(FIVE.bounds(FIVE.shown(count))[1] for count in busy) - sum(busy)
    assert room < 8 or sum(value is not None for value in shown) == len(busy) - 1


def test_incomplete_rules_and_rules_that_hide_nothing_are_refused():
    with pytest.raises(RulesError, match="expected at least 2, 1 and 0"):
        DisclosureRules(threshold=1, rounding_base=5, months_to_settle=0)
    with pytest.raises(RulesError, match="has threshold; expected months_to_settle, rounding_base, threshold"):
        DisclosureRules.of({"threshold": 5})


COLUMNS = ("force_code", "month_start", "district", "offence_code", "crimes", "is_provisional")
BY_DISTRICT = {"release": "controlled", "about": "Crimes.", "dimensions": ["district"], "counts": ["crimes"]}


def test_a_mart_without_releases_is_not_public():
    assert releases_of("m", COLUMNS, None) == releases_of("m", COLUMNS, []) == ()


def test_releases_are_read_as_stated():
    whole = {"release": "whole", "columns": ["force_code", "crimes"], "where": "true"}
    assert releases_of("m", COLUMNS, [whole, BY_DISTRICT]) == (
        Whole("m", ("force_code", "crimes"), "true"),
        Controlled("m", "m", "Crimes.", (), ("district",), ("crimes",)),
    )


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ("whole", "is not a list"),
        ([{"release": "all"}], "expected whole or controlled"),
        ([{"release": "whole"}], "names its columns"),
        ([{"release": "whole", "columns": ["victim"]}], "victim, which are not columns"),
        ([BY_DISTRICT | {"count": 1}], "count in a release"),
        ([BY_DISTRICT | {"counts": []}], "names about, dimensions and counts"),
        ([BY_DISTRICT | {"dimensions": ["month_start"]}], "by other dimensions"),
        ([BY_DISTRICT | {"within": {"crimes": "calls"}}], "expected counts of the same release"),
    ],
)
def test_an_invalid_release_is_refused(stated, message):
    with pytest.raises(ReleaseError, match=message):
        releases_of("m", COLUMNS, stated)


def test_a_controlled_release_needs_to_know_which_months_are_provisional():
    with pytest.raises(ReleaseError, match="which months are provisional"):
        releases_of("m", COLUMNS[:-1], [BY_DISTRICT])


def test_two_tables_by_the_same_dimension_or_of_the_same_name_are_refused():
    one, two = (releases_of(mart, COLUMNS, [BY_DISTRICT])[0] for mart in ("m", "n"))
    both = releases_of("o", COLUMNS, [BY_DISTRICT | {"dimensions": ["district", "offence_code"]}])[0]
    with pytest.raises(ReleaseError, match="m and n: both by district"):
        check_releases([one, two])
    with pytest.raises(ReleaseError, match="m and o: both by district"):
        check_releases([one, both])
    with pytest.raises(ReleaseError, match="named by two releases"):
        check_releases([one, Whole("m", ("force_code",), None)])


def test_a_mart_that_does_not_state_its_rows_is_in_no_edition_of_a_force():
    assert force_rows_of("m", COLUMNS, None, ()) is ForceRows.NONE


def test_rows_of_an_edition_of_a_force_are_those_stated():
    releases = releases_of("m", COLUMNS, [{"release": "whole", "columns": ["force_code"]}])
    assert [force_rows_of("m", COLUMNS, str(rows), releases) for rows in ForceRows] == list(ForceRows)


@pytest.mark.parametrize(
    ("stated", "columns", "message"),
    [
        ("mine", COLUMNS, "expected own, own_and_released, released, used_and_released, all, none"),
        (["own"], COLUMNS, "expected own"),
        (True, COLUMNS, "expected own"),
        ("own", ["month_start"], "needs the column force_code"),
        ("own_and_released", ["month_start"], "needs the column force_code"),
        ("own_and_released", COLUMNS, "needs a whole release"),
        ("used_and_released", COLUMNS, "needs a whole release"),
        ("released", COLUMNS, "needs a whole release"),
    ],
)
def test_a_statement_that_cannot_be_followed_is_refused(stated, columns, message):
    with pytest.raises(ReleaseError, match=message):
        force_rows_of("m", columns, stated, ())
