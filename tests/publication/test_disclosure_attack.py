"""Random small tables are published twice, with corrections between, and a solver works on both editions at once."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagster_project.disclosure.control import control
from dagster_project.disclosure.rules import DisclosureRules
from tests.publication.public_attacker import Assumption, Attack, learnt, look

RULES = DisclosureRules(threshold=5, rounding_base=5, months_to_settle=0)
DISTRICTS, CODES = 4, 3

COUNTS = st.lists(st.integers(0, 3) | st.integers(0, 14), min_size=DISTRICTS * CODES, max_size=DISTRICTS * CODES)
CHANGES = st.lists(st.integers(-2, 3), min_size=DISTRICTS * CODES, max_size=DISTRICTS * CODES)


def _cells():
    return [(district, code) for district in range(DISTRICTS) for code in range(CODES)]


def _margins(joint):
    """Counts by district and by code of a joint table, with the names that the attack gives them."""
    by_district = {("district", d): sum(joint[d, c] for c in range(CODES)) for d in range(DISTRICTS)}
    by_code = {("code", c): sum(joint[d, c] for d in range(DISTRICTS)) for c in range(CODES)}
    return by_district, by_code


def _know_data(attack, edition, total):
    """A reader knows that both tables are of the same crimes, and how many there are."""
    for cell in _cells():
        attack.count((edition, *cell))
    for d in range(DISTRICTS):
        attack.count((edition, "district", d))
        attack.same([(edition, d, c) for c in range(CODES)], (edition, "district", d))
    for c in range(CODES):
        attack.count((edition, "code", c))
        attack.same([(edition, d, c) for d in range(DISTRICTS)], (edition, "code", c))
    attack.adds_up([(edition, *cell) for cell in _cells()], total)


def _see(attack, edition, margin, shown):
    look(attack, {name: (edition, *name) for name in margin}, shown, RULES.threshold, RULES.rounding_base)


def _control(margin):
    return dict(zip(margin, control(list(margin.values()), RULES), strict=True))


@pytest.mark.parametrize("assumption", Assumption)
@settings(max_examples=40, deadline=None)
@given(counts=COUNTS, changes=CHANGES)
def test_two_tables_and_two_editions_tell_no_small_cell(assumption, counts, changes):
    first = dict(zip(_cells(), counts, strict=True))
    signed = {
        Assumption.NOTHING: changes,
        Assumption.ADDED: [abs(n) for n in changes],
        Assumption.TAKEN: [-abs(n) for n in changes],
    }
    second = {
        cell: max(0, count + change) for (cell, count), change in zip(first.items(), signed[assumption], strict=True)
    }
    attack = Attack()
    truth = {}
    for edition, joint in ((1, first), (2, second)):
        _know_data(attack, edition, sum(joint.values()))
        for margin in _margins(joint):
            truth |= {(edition, *name): count for name, count in margin.items()}
            if edition == 1:
                # The second edition repeats the first and shows nothing of the corrected counts.
                _see(attack, 1, margin, _control(margin))
    for cell in _cells():
        if assumption is Assumption.ADDED:
            attack.not_more((1, *cell), (2, *cell))
        elif assumption is Assumption.TAKEN:
            attack.not_more((2, *cell), (1, *cell))
    assert learnt(truth, attack.solve(truth), RULES.threshold) == {}


@settings(max_examples=40, deadline=None)
@given(
    answered=st.lists(st.integers(0, 12), min_size=5, max_size=8),
    not_answered=st.lists(st.integers(0, 6), min_size=8, max_size=8),
)
def test_a_count_and_its_part_tell_no_small_cell_of_either(answered, not_answered):
    hours = range(len(answered))
    parts = [not_answered[hour] for hour in hours]
    whole = [answered[hour] + parts[hour] for hour in hours]
    shown = {"whole": control(whole, RULES), "part": control(parts, RULES, within=whole)}
    attack = Attack()
    truth = {}
    for kind, counts in (("whole", whole), ("part", parts)):
        names = {hour: (kind, hour) for hour in hours}
        look(attack, names, dict(enumerate(shown[kind])), RULES.threshold, RULES.rounding_base)
        attack.adds_up(names.values(), sum(counts))
        truth |= {(kind, hour): count for hour, count in enumerate(counts)}
    for hour in hours:
        attack.not_more(("part", hour), ("whole", hour))
    assert learnt(truth, attack.solve(truth), RULES.threshold) == {}


def test_the_attacker_finds_what_suppression_alone_gives_away():
    attack = Attack()
    truth = {"a": 3, "b": 20, "c": 41}
    look(attack, {name: name for name in truth}, {"b": 20, "c": 41}, 5, 1)
    attack.adds_up(truth, 64)
    assert learnt(truth, attack.solve(truth), 5) == {"a": "exactly"}


def test_the_attacker_finds_what_a_table_shown_again_gives_away():
    """One crime was added: a cell that was hidden is shown as 5, so it had 4. This is why a month is shown once."""
    attack = Attack()
    truth = {(1, "a"): 4, (2, "a"): 5}
    for edition, shown, total in ((1, None, 53), (2, 5, 54)):
        look(attack, {cell: (edition, cell) for cell in "abc"}, {"a": shown, "b": 40, "c": 10}, 5, 5)
        attack.adds_up([(edition, cell) for cell in "abc"], total)
    for cell in "abc":
        attack.not_more((1, cell), (2, cell))
    assert learnt(truth, attack.solve(truth), RULES.threshold) == {(1, "a"): "exactly"}


def test_the_attacker_finds_what_a_second_table_by_the_same_dimension_gives_away():
    attack = Attack()
    look(attack, {"C5": "C5"}, {"C5": 10}, 5, 5)
    look(attack, {"a": "C5 a", "b": "C5 b"}, {"a": 5}, 5, 5)
    attack.same(["C5 a", "C5 b"], "C5")
    assert learnt({"C5 b": 4}, attack.solve(["C5 b"]), 5) == {"C5 b": "to be small"}
