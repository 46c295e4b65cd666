"""Comparisons and reasons of claims that go with the search for a formula."""

from dataclasses import fields, replace
from datetime import date
from decimal import Decimal

import pytest

from dagster_project.publication.mart_texts import write_texts
from dagster_project.publication.report.claims import Claim, evidence
from dagster_project.warehouse.connection import dry_connection, insert_rows

NAMES = {"calls_999.received": "999 calls: Received", "calls_101.received": "101 calls: Received"}
BOTH = "August 2022 to September 2022"
# 1.50% in two months, both loaded.
CLAIM = Claim(
    **dict.fromkeys(field.name for field in fields(Claim))
    | {"comparison": "more_than", "verdict": "supported", "value": Decimal("1.5"), "base_value": Decimal("1.4")}
    | {"first_month": date(2022, 8, 1), "last_month": date(2022, 9, 1), "value_months": "2022-08 to 2022-09"}
    | {"months_loaded": 2, "months_in_period": 2, "unit": "percent", "decimals": 2, "better": "lower"}
    | {"is_sum": False}
)


def figures(value: object, base_value: object) -> dict[str, Decimal | None]:
    return {"value": Decimal(value), "base_value": None if base_value is None else Decimal(base_value)}


COUNT = {"unit": "count", "decimals": 0, "better": "neither", "is_sum": True}
ENDS = {"value_months": "2022-09", "base_value_months": "2022-08"}
YEAR = {"comparison": "falls_year_on_year", "base_value_months": "2021-08 to 2021-09"}
PEAK = {"comparison": "peaks_in", **figures(310, 310), "peaks": "calls_999.received 2022-08", **COUNT}
PEAK |= {"base_value_months": "2022-08"}
PEAKS = PEAK | {"comparison": "peaks_with", "base_value": None}
TARGET = {"comparison": "within_benchmark"}
SUM = {"comparison": "is_the_sum_of", "months_differing": 0}
FOUND = [
    ({}, f"1.50% over {BOTH}, more than 1.4%."),
    ({"comparison": "less_than", **COUNT, **figures(612, 613)}, f"612 over {BOTH}, less than 613."),
    ({"comparison": "equals", "unit": "duration", **figures(7384, 7384)}, f"2h 3m 4s over {BOTH}, exactly 2h 3m 4s."),
    (YEAR | COUNT | figures(612, 600), f"612 over {BOTH}, more than 600 over August 2021 to September 2021."),
    (YEAR | figures("1.5", "1.5"), f"1.50% over {BOTH}, the same as 1.50% over August 2021 to September 2021."),
    (
        {"comparison": "improves", **ENDS, **COUNT, "better": "higher", **figures("10.066666666667", 10)},
        "Rose from 10.0 a day in August 2022 to 10.1 a day in September 2022; higher is better.",
    ),
    # With as many decimals as show that two figures differ.
    (
        {"comparison": "improves", **ENDS, **figures("2.001", "2.002")},
        "Fell from 2.002% in August 2022 to 2.001% in September 2022; lower is better.",
    ),
    (PEAK, f"Of the months {BOTH}, August 2022 is the highest (310)."),
    (
        PEAK | {"base_value": Decimal(302), "base_value_months": "2022-09"},
        f"Of the months {BOTH}, August 2022 is the highest (310); September 2022 has 302.",
    ),
    (
        PEAK | {"peaks": "calls_999.received 2022-08, 2022-09"},
        f"Of the months {BOTH}, August 2022 and September 2022 are the highest (310 each).",
    ),
    (
        PEAKS | {"peaks": "calls_101.received 2022-08, 2022-09, a.b 2022-08"},
        f"Of the months {BOTH}, the highest are August 2022 and September 2022 (101 calls: Received); August 2022 "
        "(a.b).",
    ),
    (TARGET | {"better": "higher", **figures(95, 90)}, f"95.00% over {BOTH}, above the benchmark of 90%."),
    (
        TARGET | {"better": "higher", "verdict": "contradicted", **figures("89.999", 90)},
        f"89.999% over {BOTH}, not above the benchmark of 90.000%.",
    ),
    (SUM | COUNT | figures(612, 612), f"Equal to the sum in 2 months, {BOTH}: 612 in total."),
    (SUM | {"months_loaded": 1, "value_months": "2022-08"}, "Equal to the sum in 1 month, August 2022."),
    (
        SUM | COUNT | {"months_differing": 1, **figures(612, 603)},
        f"Not the sum in 1 of 2 months, {BOTH}: 612 in total, the other measures 603.",
    ),
]
SO_FAR = {"verdict": "supported_so_far", "first_month": date(2022, 4, 1), "months_in_period": 6}
SO_FAR |= {"months_needed": "2022-04 to 2022-07"}
WAITS = SO_FAR | {"verdict": "not_testable", "reason_code": "months_not_loaded"}
INCOMPLETE = [
    (
        SO_FAR | TARGET | {"base_value": Decimal(2)},
        f"1.50% over {BOTH}, under the benchmark of 2%. 2 of the 6 months are loaded; not loaded: April 2022 to July "
        "2022.",
    ),
    (
        WAITS | TARGET | {"months_loaded": 1, "value_months": "2022-08", "months_needed": "2022-09"},
        "1.50% over August 2022, not under the benchmark of 1.4%. 1 of the 6 months is loaded; not decided before "
        "September 2022 is loaded.",
    ),
    (
        WAITS | PEAK | {"base_value": None, "base_value_months": "2022-07", "months_needed": "2022-04, 2022-07"},
        f"Of the months {BOTH}, August 2022 is the highest (310). 2 of the 6 months are loaded; not decided before "
        "April 2022 and July 2022 are loaded.",
    ),
    (
        WAITS | PEAK | {"months_loaded": 1, "value_months": "2022-08"},
        "Not loaded: April 2022 to July 2022. Loaded: August 2022.",
    ),
    (WAITS | {"base_value": None, "value_months": None}, "Not loaded: April 2022 to July 2022. Loaded: none."),
]
REASONS = [
    ("unknown_measure", {"unknown_measures": "calls_999.none"}, "The catalogue has no measure calls_999.none."),
    ("no_direction", {}, "Neither direction of this measure is better."),
    ("one_month", {}, f"The period is {BOTH} alone, which leaves nothing to compare it with."),
    ("month_outside_period", {"base_value_months": "2022-07"}, f"July 2022 is not in the period, {BOTH}."),
    ("no_target", {}, f"No target is in force in {BOTH}."),
    ("no_figure", {"first_month": None}, "There is no figure to compare in its period."),
    ("not_tested", {}, "Whether figures are stable is not tested."),
]


@pytest.mark.parametrize(("changes", "text"), [*FOUND, *INCOMPLETE])
def test_evidence_gives_the_deciding_figures_and_months(changes, text):
    assert evidence(replace(CLAIM, **changes), NAMES) == text


@pytest.mark.parametrize(("code", "changes", "text"), REASONS)
def test_a_claim_without_a_verdict_has_a_reason(code, changes, text):
    assert evidence(replace(CLAIM, verdict="not_testable", reason_code=code, **changes), NAMES).startswith(text)


LOST = "calls_999.lost"


def test_texts_are_written_again_and_again_into_the_warehouse():
    kinds = {"months_loaded": "bigint", "months_in_period": "bigint", "months_differing": "bigint"}
    kinds |= {"first_month": "date", "last_month": "date", "value": "decimal(38, 12)"}
    kinds |= {"base_value": "decimal(38, 12)"}
    facts = [field.name for field in fields(Claim)][:-4]
    key = {"force_code": "kent", "report_id": "p", "statement_id": "C1"}
    row = key | {name: getattr(CLAIM, name) for name in facts}
    with dry_connection() as connection:
        connection.execute(
            f"""
            create schema if not exists marts;
            create table marts.claims (
                force_code text, report_id text, statement_id text, test_no bigint, measure text, evidence text,
                {", ".join(f"{name} {kinds.get(name, 'text')}" for name in facts)}
            );
            create table marts.measures as from (values
                ('calls_999.lost', '999 calls', 'Not', 'percent', 2, 'lower', false, 'xmr', 'lost', 'received'),
                ('calls_999.received', '999 calls', 'Received', 'count', 0, 'neither', true, 'xmr', null, null)
            ) as t (measure, section_title, label, unit, decimals, better, is_sum, chart_type, numerator, denominator);
            create table marts.reconciliation as select 'kent' as force_code, 'p' as report_id, 'calls_999' as section,
                'lost' as measure, date '2022-08-01' as month_start, 'calls_999.lost' as method, 'stale' as formula;
            create table marts.reconciliation_narrative as
            select * exclude (section, month_start) replace (unnest(['own; pooled', null]) as method,
                'calls_999.lost' as measure), unnest(['N1', 'N2']) as statement_id, 1::bigint as test_no,
                date '2022-08-01' as first_month, date '2022-09-01' as last_month
            from marts.reconciliation
            """
        )
        peaks = {"test_no": 2, "measure": "calls_999.received", "comparison": "peaks_with", "peaks": PEAK["peaks"]}
        insert_rows(connection, "marts.claims", [row | {"test_no": 1, "measure": LOST}, row | peaks])
        for _ in range(2):
            write_texts(connection)
            assert connection.execute("select evidence from marts.claims order by test_no").fetchall() == [
                (f"1.50% over {BOTH}, more than 1.4%.",),
                (f"Of the months {BOTH}, August 2022 is the highest of each: 999 calls: Received.",),
            ]
            assert connection.execute("select formula from marts.reconciliation").fetchall() == [("lost / received",)]
            narrative = connection.execute("select formula from marts.reconciliation_narrative order by statement_id")
            assert narrative.fetchall() == [("pooled",), ("stale",)]
            connection.execute("update marts.claims set evidence = 'stale'")
