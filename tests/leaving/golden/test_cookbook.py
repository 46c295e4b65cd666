"""The page of the cookbook."""

import re
from datetime import date, datetime
from decimal import Decimal
from html import unescape

from dagster_project.publication.site.cookbook import texts_of
from dagster_project.settings import PROJECT_ROOT


def test_the_cookbook_shows_each_query_with_its_result(sample):
    page, answered = unescape((sample.current / "cookbook.html").read_text(encoding="utf-8")), 0
    for file in (PROJECT_ROOT / "dagster_project" / "publication" / "cookbook").glob("*.sql"):
        sql = "\n".join(file.read_text(encoding="utf-8").splitlines()[2:])
        part = page[page.index(f'id="{file.stem}"') :].partition("<h2")[0]
        assert sql in part
        rows, lines = sample.published(sql), re.findall(r"<tr><td.*?</tr>", part)
        for row, line in zip(rows, lines, strict=True):
            assert [cell for cell in row if isinstance(cell, str) and f">{cell}<" not in line] == []
        answered += bool(rows)
    # No day is missing, nothing has changed since the only publication, and no month is judged yet.
    assert answered == 9


def test_results_of_the_cookbook_have_the_same_decimals_in_a_column():
    is_number, texts = texts_of(
        [
            ("kent", date(2022, 10, 1), Decimal("1.972"), Decimal("2.000000"), 3, True, None),
            ("kent", datetime(2022, 9, 1, 4, 5), Decimal("1.2"), None, 1400, False, Decimal(0)),  # noqa: DTZ001
        ],
        7,
    )
    assert is_number == (False, False, True, True, True, False, True)
    assert texts == (
        ("kent", "2022-10-01", "1.97", "2", "3", "yes", ""),
        ("kent", "2022-09-01 04:05", "1.20", "", "1,400", "no", "0"),
    )
    assert texts_of([], 2) == ((True, True), ())
