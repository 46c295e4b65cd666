"""Tables that a reader chooses from, the first page, and the collected site."""

import base64
import gzip
import json
import re
from dataclasses import replace
from datetime import date
from decimal import Decimal

from dagster_project.publication.files import Draft, write
from dagster_project.publication.html import environment
from dagster_project.publication.site import engine
from dagster_project.publication.site.engine import Choice, Row, Table, View, Views, month_choice, shades
from dagster_project.publication.site.frame import Site, unlink_failed
from dagster_project.publication.site.front_page import not_compared
from tests.cases import sql_of
from tests.unit.publication.reports import a_frame, a_report

HOSTILE, DASH = "</script><b onload=alert(1)>", "\N{EN DASH}"


def some_views(text: str = "5") -> Views:
    forces = Choice("force", "Force", {"kent": "Kent Police", "essex": text}, "kent")
    tables = {(force,): Table(text, ("Hour", "Mon"), (Row(text, (text,), "6"),), text) for force in forces.options}
    return Views((forces,), (View({"view": "calls", "title": "Calls"}, ("force",), tables),))


def test_shades_go_from_the_least_to_the_greatest():
    assert shades([[0, 7, None], [Decimal("3.5"), 6, 14]]) == ("03-", "136")
    assert (shades([[2, 2], [None, 2]]), shades([])) == (("--", "--"), ())


def test_months_are_offered_newest_first_and_the_first_shown_always():
    assert list(month_choice(["2022-12", "2023-01"], "2022-11").options) == ["2023-01", "2022-12", "2022-11"]
    assert len(month_choice([f"{2019 + n // 12}-{n % 12 + 1:02}" for n in range(48)], "2022-01").options) == 24


def test_a_page_shows_the_first_table_and_embeds_all_as_text():
    template = environment().from_string(
        '{% import "site/views.html.j2" as view_macros %}{{ view_macros.chooser(views) }}'
        '{{ view_macros.shown(views, "calls") }}{{ view_macros.data(views) }}'
    )
    page = template.render(views=some_views())
    assert '<td class="number shade6">5</td>' in page
    (packed,) = re.findall(r'<script type="text/plain" class="data">([^<]*)</script>', page)
    data = json.loads(gzip.decompress(base64.b64decode(packed)))
    assert "".join(data["calls\nessex"].split()) in "".join(page.split())
    hostile = template.render(views=some_views(HOSTILE))
    (packed,) = re.findall(r'class="data">([^<]*)</script>', hostile)
    for text in (hostile, gzip.decompress(base64.b64decode(packed)).decode()):
        assert ("&lt;b onload" in text, "<b " in text) == (True, False)
    assert hostile.count("</script>") == 1


def test_a_page_is_the_queries_of_its_sql(marts, monkeypatch, tmp_path):
    write(tmp_path, "pages/a.sql", sql_of(__file__).encode())
    monkeypatch.setattr(engine, "files", lambda _: tmp_path)
    marts.execute("""
        create table marts.report_months as select date '2023-01-01' as month_start;
        create table figures as from (values
            ('kent', date '2023-01-01', true, 50.0, '{force}', 2000), ('kent', date '2021-01-01', false, 100, 'old', 1)
        ) as t (force_code, month_start, is_provisional, share_of_days_loaded, label, amount)
    """)
    page, months = engine.page_sql("a"), {"kent": date(2023, 1, 1)}
    views = engine.read_views(marts, page, {"kent": "Kent"}, months, "kent", {"a.html"})
    wide, long, listed = views.views
    month = "Jan 2023, provisional: 50% of its days delivered"
    # What stands in the data is not read as a text with columns.
    shown = Table(f"Kent, {month}", ("Month", "Count", "% of it"), (Row(month, ("2,000", "1,000.0%"), "--"),))
    assert wide.tables == {("kent", "2023-01"): replace(shown, finding="{force}: 2,000, Jan 2023.")}
    assert wide.settings["note"] == "A note of two lines."
    assert [choice.name for choice in views.choices] == ["force", "month"]
    rows = Row("{force}", ("2,000", DASH, "2,000 of {force}"), "---"), Row("old", ("1", "1.0", DASH), "---")
    assert long.tables == {("kent",): Table("Kent", ("Month", "All", "b", "a"), rows, "1 of 2. old.")}
    row = Row("a", ("of {force}", "2,000.0%"), is_marked=True, link="a.html")
    assert list(listed.tables) == [("{force}",), ("old",)]
    assert listed.tables["{force}",] == Table("", ("Month", "What", "Count"), (row,), "All.")
    assert (listed.is_chosen, listed.is_folded, listed.finding) == (False, False, "All")
    assert (views.summary, views.shown(listed)) == ([listed], list(listed.tables.values()))
    assert not engine.is_absent(page, views)
    # Without forces, a page has the views that need none.
    assert engine.read_views(marts, engine.page_sql("a"), {}, {}).views[2].tables


def test_the_first_page_says_where_no_year_before_can_be_compared():
    report = a_report()
    headline = report.matrix.headlines[0]
    empty = replace(headline, beside={name: replace(figure, value=None) for name, figure in headline.beside.items()})
    bare = replace(report, matrix=replace(report.matrix, headlines=(empty,)))
    words = "There is no complete figure for January 2022 to compare with."
    assert (not_compared(bare), not_compared(report), not_compared(replace(bare, unfinished="x"))) == (words, "", "")


def test_a_site_is_its_pages_and_a_search_without_those_that_failed_or_links_to_them(tmp_path, renderer):
    renderer.attempt("failed.html", lambda: 1 / 0)
    draft = Draft(tmp_path, None, renderer)
    site = Site(draft, a_frame() | {"pages": [("a/b-c.html", "B"), ("failed.html", "Failed")]})
    for address in ("a/b-c.html", "failed.html"):
        site.write(address, "empty.html.j2", title="<Title>")
        site.find(address, "A \u202etitle", "page", "words", anchor="part 1" if "/" in address else "")
    page = tmp_path / "a" / "b-c.html"
    assert [text in page.read_text() for text in ("&lt;Title&gt;", 'href="../failed.html"')] == [True, True]
    unlink_failed(draft)
    assert re.findall(r'(?:<li>\s*)?<a href="([^"]*)', page.read_text()) == ["../a/b-c.html"]
    # The first page is missing too; its name stays in the heading. The next publication renders the page again.
    assert ("Force Crime and Incident Response" in page.read_text(), renderer.made_of) == (True, {})
    assert site.search_index().decode() == (
        'window.FCIR_PAGES=[["a/b-c.html#part%201","A \N{REPLACEMENT CHARACTER}title","page","words",""]];\n'
    )
