"""The results of the cookbook: numbers in columns."""

from datetime import date
from decimal import Decimal

from dagster_project.publication.site.cookbook import texts_of


def test_numbers_of_a_column_have_the_same_decimals():
    is_number, texts = texts_of(
        [
            ("kent", date(2022, 10, 1), Decimal("1.972"), Decimal("2.000000"), 3, True, None),
            ("kent", date(2022, 9, 1), Decimal("1.2"), None, 14, False, Decimal(0)),
        ],
        7,
    )
    assert is_number == (False, False, True, True, True, False, True)
    assert texts == (
        ("kent", "2022-10-01", "1.972", "2", "3", "True", ""),
        ("kent", "2022-09-01", "1.200", "", "14", "False", "0"),
    )


def test_a_result_without_rows_has_no_texts():
    assert texts_of([], 2) == ((True, True), ())
