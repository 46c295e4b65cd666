"""A trace as it is worded and checked, on traces made by hand; reading one is for the tests of whole runs."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from dagster_project.tracing.model import (
    EventRow,
    Figure,
    MissingDay,
    PublishedFigure,
    QuarantinedRows,
    Trace,
    TracedFile,
    TracedPart,
    Use,
    amount_text,
    compact,
)
from dagster_project.tracing.text import document_of, lines_of, ranges_text, records_of

OCTOBER = date(2022, 10, 1)


def file(day: int = 1, *, events: int = 2, amount: str = "2", rows: tuple[tuple[int, int], ...] = ((2, 3),)):
    extract_date = date(2022, 10, day)
    name = f"calls_{extract_date}.csv"
    return TracedFile("calls", extract_date, name, f"{day:064}", day, "loaded", events, Decimal(amount), rows)


def part(name: str, *files: TracedFile, amount: str) -> TracedPart:
    return TracedPart(name, Decimal(amount), files)


FIGURE = Figure(
    force_code="kent",
    measure="calls.pct_lost",
    month_start=OCTOBER,
    label="% Lost",
    unit="percent",
    better="lower",
    target=Decimal("2.000000"),
    owner="control-room",
    definition="Share of the calls that were lost.",
    display_value="40.00%",
    value=Decimal("40.000000"),
    is_additive=True,
    formula_measure="calls.pct_lost",
    numerator=Decimal("2.000000"),
    numerator_words="calls lost",
    denominator=Decimal("5.000000"),
    denominator_words="calls received",
    factor=100,
    numerator_divisor=1,
    denominator_divisor=1,
    is_delivered=True,
    is_provisional=False,
    days_in_month=31,
    days_loaded=31,
    share_of_days_loaded=Decimal("100.000000"),
)

TRACE = Trace(
    figure=FIGURE,
    published=PublishedFigure("run-1", True, Decimal("40.000000"), "40.00%"),
    is_current=True,
    sources=("calls",),
    missing_days=(),
    uses=(Use("numerator", "calls.lost", 1), Use("denominator", "calls.received", 1)),
    parts=(
        part("calls.lost", file(1), amount="2"),
        part("calls.received", file(1, events=3, amount="3", rows=((2, 4),)), file(2), amount="5"),
    ),
    rows=(),
    quarantined=(),
)


def text_of(trace: Trace) -> str:
    return "\n".join(lines_of(trace))


def test_rows_are_written_as_unbroken_runs():
    assert compact([]) == ()
    assert compact(iter([7])) == ((7, 7),)
    assert compact([2, 3, 4, 9, 11, 15, 16]) == ((2, 4), (9, 9), (11, 11), (15, 16))
    assert ranges_text(((2, 4), (9, 9), (11, 11), (15, 16))) == "2-4, 9, 11, 15-16"
    assert ranges_text(()) == ""


def test_what_does_not_fit_beside_a_file_is_counted_in_rows_and_not_in_runs():
    ranges = ((2, 4), (9, 9), (11, 1010), (2000, 2000))
    assert ranges_text(ranges, 6) == "2-4, 9 and 1,001 more"
    assert ranges_text(ranges, 5) == "2-4 and 1,002 more"
    # A number cut in the middle would be another row.
    assert ranges_text(ranges, 1) == "2-4 and 1,002 more"
    assert ranges_text(ranges, 23) == "2-4, 9, 11-1010, 2000"
    assert ranges_text(ranges, 20) == "2-4, 9, 11-1010 and 1 more"


@pytest.mark.parametrize(
    ("amount", "text"),
    [("35634.000000", "35,634"), ("0.500000", "0.5"), ("-1234567.250000", "-1,234,567.25"), ("100", "100"), ("0", "0")],
)
def test_a_sum_has_separators_and_no_zeros_at_its_end(amount, text):
    assert amount_text(Decimal(amount)) == text


def test_a_figure_that_its_rows_add_up_to_has_no_faults():
    assert TRACE.faults == ()
    assert "Adds up      the rows below give these sums" in text_of(TRACE)
    assert document_of(TRACE, with_rows=False)["adds_up"] is True


def test_a_part_that_its_rows_do_not_add_up_to_is_a_fault():
    wrong = replace(TRACE, parts=(part("calls.lost", file(1), amount="3"), TRACE.parts[1]))
    assert wrong.faults == ("calls.lost: the rows give 2, the sum is 3",)
    assert "Adds up      NO: calls.lost: the rows give 2, the sum is 3" in text_of(wrong)
    assert "the rows below give these sums" not in text_of(wrong)


def test_a_figure_made_of_other_sums_than_its_parts_is_a_fault():
    wrong = replace(TRACE, figure=replace(FIGURE, denominator=Decimal(6)))
    assert wrong.faults == ("denominator: the rows give 5, the figure has 6",)


def test_a_part_that_is_taken_off_is_subtracted():
    uses = (Use("numerator", "calls.received", 1), Use("numerator", "calls.lost", -1))
    figure = replace(FIGURE, numerator=Decimal(3), denominator=None, denominator_words=None, factor=1)
    trace = replace(TRACE, figure=figure, uses=uses)
    assert trace.faults == ()
    assert "    - 2 calls.lost" in text_of(trace)
    assert replace(trace, figure=replace(figure, numerator=Decimal(7))).faults


def test_a_month_without_a_delivery_has_no_figure_and_nothing_to_be_wrong():
    nothing = dict.fromkeys(("display_value", "value", "numerator", "denominator"))
    figure = replace(FIGURE, **nothing, is_delivered=False, days_loaded=0)
    empty = tuple(part(item.part, amount="0") for item in TRACE.parts)
    trace = replace(TRACE, figure=figure, parts=empty, published=PublishedFigure("run-1", True, None, None))
    assert trace.faults == ()
    text = text_of(trace)
    assert "Figure       \N{EN DASH}   (percent" in text
    assert "nothing was delivered for this month" in text
    assert "calls.lost: no events" in text


def test_a_delivered_month_without_a_figure_says_what_there_was_none_of():
    figure = replace(FIGURE, display_value=None, value=None)
    assert "             there is nothing to divide by" in lines_of(replace(TRACE, figure=figure))
    figure = replace(figure, is_additive=False)
    assert "             there is no event to work it out from" in lines_of(replace(TRACE, figure=figure))


def test_a_figure_that_does_not_add_up_over_months_shows_its_population():
    figure = replace(FIGURE, is_additive=False, numerator=None, denominator=None, numerator_words=None)
    trace = replace(TRACE, figure=figure, uses=(Use("population", "calls.received", 1),), parts=TRACE.parts[1:])
    assert trace.faults == ()
    assert "Population   the figure does not add up" in text_of(trace)
    assert "    + 5 calls.received" in text_of(trace)
    short = replace(trace, parts=(part("calls.received", file(1), amount="5"),))
    assert short.faults == ("calls.received: the rows give 2, the sum is 5",)


def test_quotients_are_written_with_what_makes_hours_of_seconds():
    assert "Quotient     100 * 2 / 5" in text_of(TRACE)
    hours = replace(FIGURE, factor=1, denominator_divisor=3600)
    assert "Quotient     2 / (5 / 3,600)" in text_of(replace(TRACE, figure=hours))
    talk = replace(FIGURE, factor=1, numerator_divisor=3600, denominator=None, denominator_words=None)
    assert "Sum          2 / 3,600   calls lost" in text_of(replace(TRACE, figure=talk))


CHANGED = "; the warehouse has changed since. Run: fcir run"


@pytest.mark.parametrize(
    ("published", "says"),
    [
        (None, "not yet. Run: fcir run"),
        ((True, Decimal("40.000000"), "40.00%"), "run-1 has the same figure"),
        ((True, Decimal("33.333333"), "33.33%"), f"run-1 has 33.33% (33.333333){CHANGED}"),
        ((True, None, None), f"run-1 has \N{EN DASH} (\N{EN DASH}){CHANGED}"),
        ((False, None, None), "run-1 does not have it; a run publishes it: fcir run"),
    ],
)
def test_a_trace_says_whether_the_publication_has_the_same_figure(published, says):
    figure = published and PublishedFigure("run-1", *published)
    assert f"Published    {says}" in lines_of(replace(TRACE, published=figure))


def test_a_trace_of_a_changed_warehouse_is_marked():
    assert "Not current" not in text_of(TRACE)
    assert "Not current" in text_of(replace(TRACE, is_current=False))


def test_a_provisional_figure_names_the_days_that_are_missing_and_why():
    states = [(3, "rejected"), (4, "rejected"), (6, "missing"), (30, "not delivered"), (31, "not delivered")]
    missing = tuple(MissingDay("calls", date(2022, 10, day), state) for day, state in states)
    figure = replace(FIGURE, is_provisional=True, days_loaded=26, share_of_days_loaded=Decimal("83.870968"))
    lines = text_of(replace(TRACE, figure=figure, missing_days=missing)).splitlines()
    assert "Provisional  yes, it may change; 26 of 31 days are loaded (83.87%)" in lines
    days = "2022-10-03 to 2022-10-04 rejected; 2022-10-06 missing; 2022-10-30 to 2022-10-31 not delivered"
    assert f"             calls: {days}" in lines


def test_the_formula_in_force_is_named_where_it_is_not_the_measure_itself():
    assert "Formula" not in text_of(TRACE)
    other = replace(TRACE, figure=replace(FIGURE, formula_measure="calls.other"))
    assert "Formula      calls.other, in force for kent in this month" in text_of(other)


def test_twelve_files_are_listed_and_the_rest_is_counted_and_a_machine_gets_all():
    files = tuple(file(day) for day in range(1, 16))
    trace = replace(TRACE, parts=(part("calls.lost", *files, amount="30"), TRACE.parts[1]))
    text = text_of(trace)
    assert "calls_2022-10-12.csv" in text
    assert "calls_2022-10-13.csv" not in text
    assert "  and 3 more files: --csv lists all, --rows every row" in text
    columns, rows = records_of(trace, with_rows=False)
    assert columns[-1] == "source_rows"
    assert len(rows) == 17
    assert {len(row) for row in rows} == {len(columns)}
    assert len(document_of(trace, with_rows=False)["parts"][0]["files"]) == 15


def test_a_file_is_named_with_its_day_the_start_of_its_hash_its_load_and_its_rows():
    line = next(line for line in lines_of(TRACE) if "calls_2022-10-02.csv" in line)
    assert line.split() == ["2022-10-02", "calls_2022-10-02.csv", "0" * 12, "2", "2", "2-3"]
    replaced = replace(file(2), status="replaced")
    trace = replace(TRACE, parts=(TRACE.parts[0], part("calls.received", replaced, amount="2")))
    assert "calls_2022-10-02.csv (replaced)" in text_of(trace)


def test_rows_are_listed_with_what_each_adds_and_further_rows_with_nothing():
    rows = (
        EventRow("calls.lost", Decimal("1.000000"), "calls", OCTOBER, "a.csv", 1, 2),
        EventRow("calls.lost", None, "calls", OCTOBER, "a.csv", 1, 3),
    )
    trace = replace(TRACE, rows=rows)
    assert records_of(trace, with_rows=True)[1] == [
        ["calls.lost", Decimal("1.000000"), "calls", OCTOBER, "a.csv", 1, 2],
        ["calls.lost", None, "calls", OCTOBER, "a.csv", 1, 3],
    ]
    lines = text_of(trace).splitlines()
    assert "calls.lost       1  calls   2022-10-01    a.csv     1    2" in [line.strip() for line in lines]
    assert "a further row of an event" in lines[-1]
    assert "rows" not in document_of(trace, with_rows=False)
    assert len(document_of(trace, with_rows=True)["rows"]) == 2


def test_what_was_left_out_is_counted_by_reason_and_by_file_with_the_query_that_lists_it():
    assert "Quarantined  no row" in text_of(TRACE)
    items = tuple(
        QuarantinedRows("calls", date(2022, 10, day), f"calls_{day}.csv", day, code, rows)
        for day in range(1, 15)
        for code, rows in (("duplicate_row", 1), ("not_a_timestamp", 2))
    )
    text = text_of(replace(TRACE, quarantined=items))
    assert "Quarantined  42 rows in the deliveries" in text
    assert "28 not_a_timestamp, 14 duplicate_row" in text
    assert "calls_12.csv" in text
    assert "calls_13.csv" not in text
    assert "  and 2 more files" in text
    condition = "source in ('calls') and extract_date between '2022-10-01' and '2022-10-14'"
    assert f'fcir query "from quarantine where {condition}"' in text
