"""The sample reproduces what the force printed, and its figures are those that can be worked out from the paper."""

from __future__ import annotations

import csv
import re
from decimal import Decimal

import pytest

from dagster_project.publication.report.display import display
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
        (row["section"], row["measure"], row["month"]): row["published_value"]
        for row in csv.DictReader(PAPER.read_text(encoding="utf-8").splitlines())
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


def test_figures_between_the_printed_ones_are_exact(sample):
    for line in ("calls_999", "calls_101"):
        lost, answered = (by_month(sample, f"{line}.{name}") for name in ("not_answered", "answered"))
        assert [sum(pair) for pair in zip(lost, answered, strict=True)] == by_month(sample, f"{line}.received")
    recorded, cancelled = (by_month(sample, f"crime.{name}") for name in ("recorded_crime", "cancelled_crime"))
    of_recorded = [round(100 * one / whole, 6) for one, whole in zip(cancelled, recorded, strict=True)]
    of_initial = [round(100 * one / (whole + one), 6) for one, whole in zip(cancelled, recorded, strict=True)]
    assert by_month(sample, "crime.pct_cancelled_of_recorded") == of_recorded
    assert by_month(sample, "crime.pct_cancelled_of_initially_recorded") == of_initial
    # As the force reports it, by another formula since November.
    assert by_month(sample, "crime.pct_cancelled") == of_initial[:3] + of_recorded[3:]
    rest = by_month(sample, "digital.other_than_ocr_and_chat")
    assert rest == [10_986, 10_146, 10_894, 10_042, 9_139, 9_850]
    assert by_month(sample, "demand.non_emergency") == [49_809, 47_744, 48_038, 43_625, 38_522, 42_724]
    per_day = by_month(sample, "calls_999.received", "per_day")
    assert (f"{per_day[0]:.1f}", f"{per_day[-1]:.1f}") == ("1149.5", "917.5")


@pytest.mark.parametrize(
    ("measure", "column", "expected"),
    [
        # 2,572 of 192,764, and 51,317 of 148,434 calls.
        ("calls_999.pct_not_answered", "value", "1.334274"),
        ("calls_101.pct_not_answered", "value", "34.572268"),
        # 3,623,649 seconds of 190,192 calls. The mean of the six printed means is 18.83.
        ("calls_999.avg_queue_time", "value", "19.052584"),
        ("calls_999.avg_queue_time", "display_value", "19s"),
        ("calls_101.avg_queue_time", "display_value", "7m 8s"),
        # 85,967 / 6; the paper cut it off.
        ("crime.recorded_crime", "mean_per_month", "14327.833333"),
        # 2,915 of 85,967, and of 88,882.
        ("crime.pct_cancelled_of_recorded", "value", "3.390836"),
        ("crime.pct_cancelled_of_initially_recorded", "value", "3.279629"),
    ],
)
def test_six_months_are_the_ratio_of_their_sums(sample, measure, column, expected):
    ((figure,),) = sample.published(
        f"select {column} from marts.kpi_measure_period where force_code = 'kent' and measure = '{measure}' "
        "and month_start = '2023-01-01' and period = 'last_6_months'"
    )
    assert str(figure) == expected


def test_ten_figures_in_sentences_are_explained_or_name_missing_months(sample):
    rows = sample.published(
        "select statement_id, verdict, warehouse_value, formula, months_needed from marts.reconciliation_narrative"
    )
    loaded = "pooled over the loaded months 2022-08 to 2023-01, instead of 2022-04 to 2023-01"
    year_needs, change_needs = "2022-04 to 2022-07", "2022-02 to 2022-07"
    assert {name: tuple(found) for name, *found in rows} == {
        **dict.fromkeys(("N1", "N2"), ("match_other_formula", None, loaded, year_needs)),
        **dict.fromkeys(("N3", "N4", "N6"), ("no_data", None, None, year_needs)),
        "N5": ("no_data", None, None, "not stated"),
        "N7": ("match_other_formula", "14,328", "mean per month, cut off", None),
        # 3.6, 2.7, 3.0, 3.6, 3.7 and 3.5 make 20.1; 2,915 of 87,400 are 3.34%.
        "N9": ("match_other_formula", "3.34%", "mean of rounded months", None),
        **dict.fromkeys(("N8", "N10"), ("no_data", None, None, change_needs)),
    }


def test_fifteen_claims_have_verdicts_and_evidence(sample):
    rows = sample.published("select statement_id, test_no, claim_verdict, months_needed, evidence from marts.claims")
    assert {name: verdict for name, _, verdict, *_ in rows} == {
        **dict.fromkeys(("C6", "C7", "C9", "C11", "C12", "C13"), "supported"),
        "C1": "supported_so_far",
        **dict.fromkeys(("C3", "C4", "C8", "C10"), "contradicted"),
        **dict.fromkeys(("C2", "C5", "C14", "C15"), "not_testable"),
    }
    needed = {name: months for name, number, _, months, _ in rows if months and number == 1}
    assert needed == {"C1": "2022-04 to 2022-07", "C5": "2021-02 to 2022-01, 2022-02 to 2022-07", "C14": "2022-07"}
    evidence = {name: text for name, number, *_, text in rows if number == 1}
    for name, text in {
        "C1": "1.33% over August 2022 to January 2023, under the benchmark of 2%. 6 of the 10 months are loaded; not "
        "loaded: April 2022 to July 2022.",
        "C2": "The control chart with August 2022 to January 2023 has 6 of the 12 points that a verdict needs.",
        "C3": "Fell from 1,149.5 a day in August 2022 to 917.5 a day in January 2023.",
        "C5": "Not loaded: February 2021 to July 2022. Loaded: August 2022 to January 2023.",
        "C7": "Fell from 53.27% in October 2022 to 15.89% in January 2023; lower is better.",
        "C8": "Fell from 1,606.7 a day in August 2022 to 1,378.2 a day in January 2023.",
        "C10": "Not the sum in 6 of 6 months, August 2022 to January 2023: 122,028 in total, the other measures "
        "60,971.",
    }.items():
        assert evidence[name] == text


def test_claims_about_events_agree_with_the_events(sample):
    values = dict(sample.published("select statement_id, value from marts.claims where statement_id in ('C4', 'C13')"))
    ((called_back,),) = sample.published(
        "select 100 * avg(case when called_back_date = arrived_date then 1 else 0 end) from marts.fct_call "
        # Rows that arrived late in the first days are of the month before.
        "where line = '999' and not is_answered and force_code = 'kent' and arrived_date >= '2022-08-01'"
    )
    assert abs(float(values["C4"]) - called_back) < 1e-6
    chats = sample.published(
        "select operator_id, date_trunc('month', requested_date), accepted_at, ended_at from marts.fct_live_chat "
        "where is_accepted and operator_id is not null and force_code = 'kent' and requested_date >= '2022-08-01' "
        "order by all"
    )
    until, several = {}, set()
    for operator, month, accepted, ended in chats:
        if accepted < until.get((operator, month), accepted):
            several.add((operator, month))
        until[operator, month] = max(ended, until.get((operator, month), ended))
    assert abs(float(values["C13"]) - 100 * len(several) / len(until)) < 1e-6


def test_every_row_read_is_loaded_or_quarantined_with_a_reason(sample):
    ((files, quarantined, wrong),) = sample.published(
        "select count(*), sum(rows_quarantined), count(*) filter (rows_read <> rows_loaded + rows_quarantined) "
        "from marts.load_audit"
    )
    assert (files > 900, wrong) == (True, 0)
    ((rows, reasons),) = sample.published("select count(*), count(distinct reason_code) from marts.quarantine")
    assert (rows, reasons > 5) == (quarantined, True)


def test_texts_of_marts_are_those_of_python(sample):
    """Limits and axes have no text in the marts; theirs follows the same rule."""
    rows = sample.published(
        "select distinct value, unit, decimals, display_value from marts.kpi_measure_period "
        "inner join marts.measures using (measure) where value is not null"
    )
    assert len(rows) > 500
    # The value has six decimals; at exactly a half the text is made from the sums and may be the other.
    assert sum(display(value, unit, decimals) != text for value, unit, decimals, text in rows) <= 1


def test_national_figures_are_computed_from_the_calls_of_all_forces(sample):
    months = sample.published(
        "select uk_calls - sum(calls), uk_mean_answer_seconds - sum(calls * mean_answer_seconds) / sum(calls), "
        "uk_pct_under_10s - sum(calls * pct_under_10s) / sum(calls) from marts.national_call_answering "
        "group by month_start, uk_calls, uk_mean_answer_seconds, uk_pct_under_10s"
    )
    assert len(months) == 15
    # A share with two decimals is of whole calls.
    assert [row for row in months if row[0] or abs(row[1]) > 0.00001 or abs(row[2]) > 0.01] == []
    # Those of the two forces are the calls that they received.
    assert sample.published(
        "select count(*), count(*) filter (published.calls <> own.received) from marts.national_call_answering "
        "as published inner join marts.kpi_calls_monthly as own using (force_code, month_start) "
        "where own.line = '999' and not own.is_provisional"
    ) == [(12, 0)]


def test_the_night_and_the_status_name_what_was_loaded_and_published(sample, golden):
    assert golden.night.code == 0
    name = sample.current.resolve().name
    for text in (f"Published    {name}\n", "Month shown  January 2023 (newest complete)\n", "All is well"):
        assert text in golden.night.out
    assert "108 of 108 printed figures reproduced exactly" in golden.night.out
    status = sample.fcir("status")
    assert (status.code, name in status.out) == (0, True)
    rows = {line.split()[0]: line.split()[1:] for line in status.out.splitlines() if re.match("[a-z]", line)}
    assert (rows["crimes"][:3], "2023-01-31" in rows["crimes"]) == (["184", "0", "0"], True)
    assert set(rows) >= {"call_segments", "crimes", "digital_contacts", "live_chats", "online_crime_reports"}
