"""The explorer in a browser has the limits of the control charts by week."""

import duckdb
import pytest
from playwright.sync_api import expect

from tests.pages.conftest import WIDE
from tests.pages.test_explorer import SPAN, Explorer


@pytest.fixture
def explorer(browser, published):
    opened = Explorer(browser.new_page(viewport=WIDE), published)
    yield opened
    assert opened.faults == []
    opened.page.close()


def test_weeks_have_the_limits_and_target_of_the_marts(explorer, published):
    measure = "calls_999.pct_not_answered"
    page = explorer.choose(f"measures={measure}&forces=kent&{SPAN}&grain=week")
    names = ("mean", "lower_limit", "upper_limit", "target")
    shown = {
        row["first_day"]: (*(float(row[name]) for name in names), row["signal"])
        for row in explorer.rows()
        if row["mean"]
    }
    with duckdb.connect(str(published / "fcir.duckdb"), read_only=True) as connection:
        judged = connection.execute(
            f"select week_start, {', '.join(names)}, signal from fcir.marts.kpi_measure_spc_weekly "
            "where force_code = 'kent' and measure = $measure and mean is not null",
            {"measure": measure},
        ).fetchall()
    assert len(judged) > 12
    assert shown == {f"{week}": (*map(float, limits), signal or "") for week, *limits, signal in judged}
    expect(page.locator(".legend").first).to_contain_text("Limits of the usual range")
    expect(page.locator("#notes")).to_contain_text("those of the newest control chart")
    assert page.locator("#table thead th").all_inner_texts()[2:] == [
        *("Benchmark", "Mean", "Lower limit", "Upper limit", "Control chart", "Days delivered")
    ]
