"""Numbers and their nouns agree in every message."""

import pytest

from dagster_project.words import be, counted


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [
        (0, "row", "0 rows"),
        (1, "row", "1 row"),
        (2, "row", "2 rows"),
        (2400, "delivery", "2,400 deliveries"),
        (1, "more delivery", "1 more delivery"),
        (3, "day", "3 days"),
    ],
)
def test_a_noun_agrees_with_its_number(number, noun, text):
    assert counted(number, noun) == text


def test_a_plural_can_be_given():
    assert counted(2, "index", "indices") == "2 indices"


def test_the_verb_agrees_too():
    assert [be(number) for number in (0, 1, 2)] == ["are", "is", "are"]
