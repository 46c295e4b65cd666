"""The control of one group of cells, against a reader who tries every truth that there could be."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagster_project.disclosure.control import control
from dagster_project.disclosure.inference import findings, intervals
from dagster_project.disclosure.rules import DisclosureRules, RulesError

FIVE = DisclosureRules(threshold=5, rounding_base=5, months_to_settle=1)
RULES = st.builds(DisclosureRules, st.integers(2, 12), st.integers(1, 12), st.just(0))


@given(RULES, st.integers(0, 400))
def test_the_range_of_a_shown_cell_has_the_counts_that_look_like_it_and_no_others(rules, count):
    assert [FIVE.shown(count) for count in (0, 1, 4, 5, 7, 8, 12, 13, 63)] == [None, None, None, 5, 5, 10, 10, 15, 65]
    shown = rules.shown(count)
    alike = [other for other in range(450) if rules.shown(other) == shown]
    assert rules.bounds(shown) == (alike[0], alike[-1])


@pytest.mark.parametrize(
    ("counts", "within", "shown"),
    [
        ([5, 7, 12], None, [5, 5, 10]),
        ([], None, []),
        # A small cell is hidden where the others have room for it.
        ([63, 38, 32, 3], None, [65, 40, 30, None]),
        # 30 less 7, 7 and 12, the most that 5, 5 and 10 can be, would leave 4.
        ([4, 7, 7, 12], None, [None] * 4),
        # The rounded cells at their least would add up to the total: the hidden ones would be known to be empty.
        ([5, 8, 0, 0, 0], None, [None] * 5),
        ([6, 8, 0, 0, 0], None, [5, 10, None, None, None]),
        # A part moves into cells with room in the whole only.
        ([2, 8, 8, 8], None, [None, 10, 10, 10]),
        ([2, 8, 8, 8], [100, 8, 8, 8], [None] * 4),
        ([2, 8, 8, 8], [100, 12, 12, 12], [None, 10, 10, 10]),
    ],
)
def test_a_group_is_shown_if_its_hidden_cells_have_room_and_withheld_if_not(counts, within, shown):
    assert control(counts, FIVE, within=within) == shown


@pytest.mark.parametrize(
    ("counts", "shown", "base", "found"),
    [
        ([3, 20], [5, 20], 5, ["a cell under the threshold is shown"]),
        ([9, 20], [9, 20], 5, ["a cell is not shown as it is rounded"]),
        ([4, 7, 7, 12], [None, 5, 5, 10], 5, ["a hidden cell can be inferred exactly"]),
        # Suppression without rounding does not help.
        ([3, 20, 40], [None, 20, 40], 1, ["a hidden cell can be inferred exactly"]),
        ([3, 4, 40], [None, None, 40], 1, ["a hidden cell can be inferred to be small"] * 2),
        # The only cell is the total.
        ([3, 0], [None, None], 5, []),
    ],
)
def test_findings_name_what_a_reader_can_see_or_infer(counts, shown, base, found):
    assert findings(counts, shown, DisclosureRules(threshold=5, rounding_base=base, months_to_settle=0)) == found


@given(RULES, st.lists(st.integers(0, 40), min_size=2, max_size=12))
def test_no_small_cell_follows_from_what_is_shown_and_every_true_count_is_possible(rules, counts):
    shown = control(counts, rules)
    assert findings(counts, shown, rules) == []
    found = intervals(shown, sum(counts), rules)
    for count, value, (least, most) in zip(counts, shown, found, strict=True):
        assert value is None or value == rules.shown(count)
        assert least <= count <= most


@pytest.mark.parametrize(("threshold", "base", "cells", "most"), [(5, 5, 2, 30), (3, 5, 3, 13), (4, 3, 3, 16)])
def test_a_reader_who_knows_the_program_learns_no_small_cell(threshold, base, cells, most):
    """A reader cannot tell apart the groups of a total that look alike after the control."""
    rules = DisclosureRules(threshold=threshold, rounding_base=base, months_to_settle=0)
    small = set(range(1, threshold))
    for total in range(1, most + 1):
        alike: dict[tuple[int | None, ...], list[tuple[int, ...]]] = {}
        for counts in product(range(total + 1), repeat=cells):
            if sum(counts) == total:
                alike.setdefault(tuple(control(counts, rules)), []).append(counts)
        for shown, truths in alike.items():
            for place in range(cells):
                possible = {counts[place] for counts in truths}
                if shown[place] is None and possible & small:
                    assert not possible <= small, (total, shown, possible)


def test_rules_that_are_incomplete_or_hide_nothing_are_refused():
    rows = {"threshold": 2, "rounding_base": 1, "months_to_settle": 0}
    assert DisclosureRules.of(rows) == DisclosureRules(2, 1, 0)
    for name, value in rows.items():
        with pytest.raises(RulesError, match="expected at least 2, 1 and 0"):
            DisclosureRules.of(rows | {name: value - 1})
    with pytest.raises(RulesError, match="has threshold; expected months_to_settle, rounding_base, threshold"):
        DisclosureRules.of({"threshold": 5})
