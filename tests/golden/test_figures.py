"""The sample reproduces what the force printed, and its figures are those that can be worked out from the paper."""

from __future__ import annotations

import csv
import re
from decimal import Decimal

from dagster_project.settings import PROJECT_ROOT
from tests.roots import DataRoot

PAPER = PROJECT_ROOT / "dagster_project" / "sample" / "kent_fcir_2022-08_to_2023-01.csv"


def by_month(sample: DataRoot, measure: str, column: str = "value") -> list[Decimal]:
    """A measure of Kent in the six months of the paper."""
    rows = sample.published(
        f"select {column} from marts.kpi_measure_monthly where force_code = 'kent' and measure = '{measure}' "
        "and month_start >= '2022-08-01' order by month_start"
    )
    return [value for (value,) in rows]


def test_all_108_printed_figures_are_reproduced_to_the_last_character(sample):
    paper = {
        (row["section"], row["measure"], month): row[month]
        for row in csv.DictReader(PAPER.read_text(encoding="utf-8").splitlines())
        for month in row.keys() - {"section", "label", "measure", "unit"}
    }
    assert len(paper) == 108
    board = sample.published(
        "select section, measure, strftime(month_start, '%Y-%m'), display_value from marts.board_paper "
        "where force_code = 'kent'"
    )
    assert {tuple(key): text for *key, text in board} == paper
    assert sample.published("select verdict, count(*) from marts.reconciliation group by verdict") == [("match", 108)]
    formulas = "select formula, count(*) from marts.reconciliation where measure = 'pct_cancelled' group by formula"
    assert {*sample.published(formulas)} == {
        ("pct_cancelled_of_initially_recorded", 3),
        ("pct_cancelled_of_recorded", 3),
    }


def test_figures_between_and_over_the_printed_ones_are_exact(sample):
    recorded, cancelled = (by_month(sample, f"crime.{name}") for name in ("recorded_crime", "cancelled_crime"))
    of_recorded = [round(100 * one / whole, 6) for one, whole in zip(cancelled, recorded, strict=True)]
    of_initial = [round(100 * one / (whole + one), 6) for one, whole in zip(cancelled, recorded, strict=True)]
    # As the force reports it, by another formula since November.
    assert by_month(sample, "crime.pct_cancelled") == of_initial[:3] + of_recorded[3:]
    rest = by_month(sample, "digital.other_than_ocr_and_chat")
    assert rest == [10_986, 10_146, 10_894, 10_042, 9_139, 9_850]
    assert by_month(sample, "demand.non_emergency") == [49_809, 47_744, 48_038, 43_625, 38_522, 42_724]
    six_months = sample.published(
        "select measure, value from marts.kpi_measure_period where force_code = 'kent' and period = 'last_6_months' "
        "and month_start = '2023-01-01' and measure in ('calls_999.pct_not_answered', 'calls_999.avg_queue_time')"
    )
    # 2,572 of 192,764 calls; 3,623,649 seconds of 190,192 calls, where the mean of the six printed means is 18.83.
    assert dict(six_months) == {
        "calls_999.pct_not_answered": Decimal("1.334274"),
        "calls_999.avg_queue_time": Decimal("19.052584"),
    }


def test_the_night_and_the_status_name_what_was_loaded_and_published(sample, golden):
    name = sample.current.resolve().name
    for text in (f"Published    {name}\n", "All is well", "108 of 108 printed figures reproduced exactly"):
        assert text in golden.night.out
    status = sample.fcir("status")
    assert (status.code, name in status.out) == (0, True)
    rows = {line.split()[0]: line.split()[1:] for line in status.out.splitlines() if re.match("[a-z]", line)}
    assert (rows["crimes"][:3], "2023-01-31" in rows["crimes"]) == (["184", "0", "0"], True)
    assert set(rows) >= {"call_segments", "crimes", "digital_contacts", "live_chats", "online_crime_reports"}
