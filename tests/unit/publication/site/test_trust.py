"""The trust page: printed figures that differ, and deliveries that are counted."""

from datetime import date

import pytest

from dagster_project.publication.site.engine import PageSql, View, page_sql, read_views
from tests.cases import sql_of


@pytest.fixture
def read(marts):
    """A function that reads a view of the page."""
    marts.execute(sql_of(__file__))

    def read(key: str) -> View:
        view = next(view for view in page_sql("trust").views if view[0]["view"] == key)
        return read_views(marts, PageSql({}, (view,)), {"kent": "Kent Police"}, {"kent": date(2022, 10, 1)}).views[0]

    return read


def test_a_printed_figure_that_differs_stands_with_ours_and_the_formula_of_each_month(read):
    view = read("printed")
    rest = "1 by another formula; 1 different; 1 for months that are not delivered"
    assert view.finding == f"2 of 4 printed figures reproduced exactly; {rest}"
    (table,) = view.tables.values()
    formulas = "cancelled / both (from August 2022); pct_of (from September 2022); none of the formulas tried (from"
    assert tuple((row.name, *row.cells) for row in table.rows) == (
        ("Crime: %", "3.6%", "3.4%; ours 3.5% (difference 0.1%)", "3.4% (not delivered)", f"{formulas} October 2022)"),
        ("crime: N", "\N{EN DASH}", "\N{EN DASH}", "5", "pct"),
    )
    assert table.caption == "Kent Police, paper of 15 March 2023"
    assert table.columns[1:4] == ("Aug 2022", "Sep 2022", "Oct 2022")
    assert [row.is_marked for row in table.rows] == [True, False]


def test_deliveries_are_counted_by_how_they_ended(read):
    view = read("faults")
    assert view.finding == "29 of 31 deliveries due are loaded; 1 missing, 1 rejected"
    rows = next(iter(view.tables.values())).rows
    assert [(row.name, row.cells[5]) for row in rows] == [("crimes", "2022-10-31"), ("live chats", "never delivered")]
