"""Tables that a reader chooses from: shades, choices, and what the page embeds."""

import base64
import gzip
import json
import re
from datetime import date
from decimal import Decimal

from dagster_project.publication.html import environment
from dagster_project.publication.site.views import Choice, Table, View, Views, month_choice, shades

HOSTILE = "</script><b onload=alert(1)>"


def some_views(text: str = "5") -> Views:
    forces = Choice("force", "Force", {"kent": "Kent Police", "essex": text}, "kent")
    tables = {(force,): Table(text, ("Hour", "Mon"), ((text, text),), ("6",), text) for force in forces.options}
    return Views((forces,), (View("calls", "Calls", ("force",), tables),))


def test_shades_go_from_the_least_to_the_greatest():
    assert shades([[0, 7, None], [Decimal("3.5"), 6, 14]]) == ("03-", "136")


def test_equal_figures_have_no_shade():
    assert shades([[2, 2], [None, 2]]) == ("--", "--")
    assert shades([]) == ()


def test_months_are_offered_newest_first_and_the_first_shown_always():
    months = [date(2022, 12, 1), date(2023, 1, 1)]
    choice = month_choice(months, date(2022, 11, 1))
    assert list(choice.options) == ["2023-01", "2022-12", "2022-11"]
    assert choice.first == "2022-11"


def test_a_choice_without_table_has_none():
    views = Views(some_views().choices, (View("calls", "Calls", ("force",), {}),))
    assert views.first(views.view("calls")) is None


def rendered(views: Views) -> str:
    template = environment().from_string(
        '{% import "site/views.html.j2" as view_macros %}{{ view_macros.chooser(views, "Force") }}'
        '{{ view_macros.shown(views, "calls") }}{{ view_macros.data(views) }}'
    )
    return template.render(views=views)


def test_page_has_the_first_table_and_embeds_all():
    page = rendered(some_views())
    assert '<td class="number shade6">5</td>' in page
    packed = re.search(r'<script type="text/plain" class="data">([^<]*)</script>', page)[1]
    data = json.loads(gzip.decompress(base64.b64decode(packed)))
    assert data["calls"]["tables"]["essex"] == ["5", "5", ["Hour", "Mon"], [["5", "5"]], ["6"]]


def test_texts_never_become_markup():
    page = rendered(some_views(HOSTILE))
    assert HOSTILE not in page
    assert "<b " not in page
    assert page.count("</script>") == 1
