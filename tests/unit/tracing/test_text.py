"""A trace as it is worded and checked, on traces made by hand; reading one is for the tests of whole runs."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from dagster_project.tracing import model
from dagster_project.tracing.text import document_of, lines_of, ranges_text, records_of

OCTOBER = date(2022, 10, 1)


def file(day: int = 1, *, events: int = 2, amount: str = "2", rows=((2, 3),)) -> model.TracedFile:
    extract_date = date(2022, 10, day)
    name = f"calls_{extract_date}.csv"
    return model.TracedFile("calls", extract_date, name, f"{day:064}", day, "loaded", events, Decimal(amount), rows)


def part(name: str, *files: model.TracedFile, amount: str) -> model.TracedPart:
    return model.TracedPart(name, Decimal(amount), files)


def of_run(value: str | None, display_value: str | None, is_there: bool = True) -> model.PublishedFigure:
    return model.PublishedFigure("run-1", is_there, value and Decimal(value), display_value)


FIGURE = model.Figure(
    **{"force_code": "kent", "measure": "calls.pct_lost", "month_start": OCTOBER, "label": "% Lost", "unit": "percent"}
    | {"better": "lower", "target": Decimal("2.000000"), "owner": "control-room", "definition": "Share of lost calls."}
    | {"display_value": "40.00%", "value": Decimal("40.000000"), "is_additive": True}
    | {"formula_measure": "calls.pct_lost", "factor": 100, "numerator_divisor": 1, "denominator_divisor": 1}
    | {"numerator": Decimal("2.000000"), "numerator_words": "calls lost"}
    | {"denominator": Decimal("5.000000"), "denominator_words": "calls received"}
    | {"is_delivered": True, "is_provisional": False, "days_in_month": 31, "days_loaded": 31}
    | {"share_of_days_loaded": Decimal("100.000000")}
)
LOST = part("calls.lost", file(1), amount="2")
RECEIVED = part("calls.received", file(1, events=3, amount="3", rows=((2, 5),)), file(2), amount="5")
TRACE = model.Trace(
    figure=FIGURE,
    published=of_run("40.000000", "40.00%"),
    is_current=True,
    sources=("calls",),
    missing_days=(),
    uses=(model.Use("numerator", "calls.lost", 1), model.Use("denominator", "calls.received", 1)),
    parts=(LOST, RECEIVED),
    rows=(),
    quarantined=(),
)

TAKEN_OFF = (model.Use("numerator", "calls.received", 1), model.Use("numerator", "calls.lost", -1))
OF_POPULATION = (model.Use("population", "calls.received", 1),)
CHANGED = "; the warehouse has changed since. Run: fcir run"
WHOLE = """\
calls.pct_lost, kent, October 2022: % Lost

Figure       40.00%   (percent; target under 2)
Published    run-1 has the same figure
Provisional  no; 31 of 31 days are loaded
Definition   Share of lost calls.
Owner        control-room
Quotient     100 * 2 / 5
  numerator   2   calls lost
    + 2 calls.lost
  denominator 5   calls received
    + 5 calls.received
Adds up      the rows below give these sums

calls.lost: 2 events, in 1 file of calls
  extract date  file                  sha256        load  events  rows of the file
  2022-10-01    calls_2022-10-01.csv  000000000000     1       2  2-3

calls.received: 5 events, in 6 rows of 2 files of calls
  extract date  file                  sha256        load  events  rows of the file
  2022-10-01    calls_2022-10-01.csv  000000000000     1       3  2-5
  2022-10-02    calls_2022-10-02.csv  000000000000     2       2  2-3

Quarantined  no row in the deliveries of the month and in others that the figure was counted from"""


def text_of(trace: model.Trace) -> str:
    return "\n".join(lines_of(trace))


def test_a_trace_names_its_figure_sums_files_rows_and_what_was_left_out():
    assert text_of(TRACE) == WHOLE


def test_rows_are_written_as_unbroken_runs_and_what_does_not_fit_is_counted_in_rows():
    assert [model.compact([]), model.compact(iter([7]))] == [(), ((7, 7),)]
    ranges = ((2, 4), (9, 9), (11, 1010), (2000, 2000))
    assert model.compact([*range(2, 5), 9, *range(11, 1011), 2000]) == ranges
    # A number cut in the middle would be another row.
    assert {width: ranges_text(ranges, width) for width in (1, 5, 6, 20, 23, None)} == {
        **dict.fromkeys((1, 5), "2-4 and 1,002 more"),
        **{6: "2-4, 9 and 1,001 more", 20: "2-4, 9, 11-1010 and 1 more"},
        **dict.fromkeys((23, None), "2-4, 9, 11-1010, 2000"),
    }


TOO_FEW, EMPTY = part("calls.lost", file(1), amount="3"), tuple(part(item.part, amount="0") for item in TRACE.parts)
MANY = part("calls.lost", *(file(day) for day in range(1, 16)), amount="30")
CHANGED_FILES = (replace(file(2), status="replaced"), replace(file(3, amount="7.5"), purged_at=OCTOBER, rows=()))
NOTHING = dict.fromkeys(("display_value", "value", "numerator", "denominator"))
POPULATION = {"is_additive": False, "numerator": None, "denominator": None, "numerator_words": None}
NO_QUOTIENT = {"denominator": None, "denominator_words": None, "factor": 1}
PROVISIONAL = {"is_provisional": True, "days_loaded": 26, "share_of_days_loaded": Decimal("83.870968")}
STATES = {3: "rejected", 4: "rejected", 6: "missing", 30: "not delivered", 31: "not delivered"}
MISSING = tuple(model.MissingDay("calls", date(2022, 10, day), state) for day, state in STATES.items())
QUARANTINED = tuple(
    model.QuarantinedRows("calls", date(2022, 10, day), f"calls_{day}.csv", day, code, rows)
    for day in range(1, 15)
    for code, rows in (("duplicate_row", 1), ("not_a_timestamp", 2))
)
OF_FILE = ("calls", OCTOBER, "a.csv", 1)
ROWS = (model.EventRow("calls.lost", Decimal("1.000000"), *OF_FILE, 2), model.EventRow("calls.lost", None, *OF_FILE, 3))
LESS = (LOST, part("calls.received", *CHANGED_FILES, amount="9.5"))
STATED = "calls: 2022-10-03 to 2022-10-04 rejected; 2022-10-06 missing; 2022-10-30"
UP_TO_TWELVE = "calls_2022-10-12.csv  000000000000    12       2  2-3\n  and 3 more files: --csv"
UNDER, FIRST_ROW = " " * 13, "calls   2022-10-01    a.csv     1    2"
LEFT_OUT = ["Quarantined  42 rows in the deliveries", "28 not_a_timestamp, 14 duplicate_row"]
LEFT_OUT += ["  calls   2022-10-12    calls_12.csv    12     3\n  and 2 more files"]
LEFT_OUT += ["source in ('calls') and extract_date between '2022-10-01' and '2022-10-14'"]


@pytest.mark.parametrize(
    ("changes", "more", "texts", "faults"),
    [
        ({}, {"parts": (TOO_FEW, RECEIVED)}, ["Adds up      NO: calls.lost: the rows give 2, the sum is 3"], 1),
        ({"denominator": Decimal(6)}, {}, ["Adds up      NO: denominator: the rows give 5, the figure has 6"], 1),
        ({**NO_QUOTIENT, "numerator": Decimal(3)}, {"uses": TAKEN_OFF}, ["    - 2 calls.lost"], 0),
        ({**NO_QUOTIENT, "numerator": Decimal(7)}, {"uses": TAKEN_OFF}, ["the rows give 3, the figure has 7"], 1),
        ({**NO_QUOTIENT, "numerator_divisor": 3600}, {}, ["Sum          2 / 3,600   calls lost"], 0),
        ({"factor": 1, "denominator_divisor": 3600}, {}, ["Quotient     2 / (5 / 3,600)"], 0),
        (POPULATION, {"uses": OF_POPULATION}, ["Population   the figure does not add", "    + 5 calls.received"], 0),
        ({**NOTHING, "is_delivered": False}, {"parts": EMPTY}, [f"{UNDER}nothing was delivered for this month"], 0),
        (NOTHING, {"parts": EMPTY}, ["calls.lost: no events"], 0),
        ({"display_value": None}, {}, [f"{UNDER}there is nothing to divide by"], 0),
        ({"display_value": None} | POPULATION, {}, [f"{UNDER}there is no event to work it out from"], 0),
        ({"target": None}, {}, ["Figure       40.00%   (percent)"], 0),
        ({"better": "higher", "target": Decimal("2.50")}, {}, ["Figure       40.00%   (percent; target over 2.5)"], 0),
        ({"formula_measure": "calls.other"}, {}, ["Formula      calls.other, in force for kent in this month"], 0),
        ({}, {"is_current": False}, ["Not current  what is loaded, or the project, has changed"], 0),
        ({}, {"published": None}, ["Published    not yet. Run: fcir run"], 0),
        ({}, {"published": of_run("33.333333", "33.33%")}, [f"run-1 has 33.33% (33.333333){CHANGED}"], 0),
        ({}, {"published": of_run("33.333333", None)}, [f"run-1 has 33.333333 (33.333333){CHANGED}"], 0),
        ({}, {"published": of_run(None, None)}, [f"run-1 has \N{EN DASH} (\N{EN DASH}){CHANGED}"], 0),
        ({}, {"published": of_run(None, None, False)}, ["run-1 does not have it; a run publishes it"], 0),
        (PROVISIONAL, {}, ["Provisional  yes, it may change; 26 of 31 days are loaded (83.87%)"], 0),
        (PROVISIONAL, {"sources": ("calls", "chats")}, ["are loaded of the source with fewest (83.87%)"], 0),
        (PROVISIONAL, {"missing_days": MISSING}, [STATED], 0),
        ({}, {"parts": (MANY, RECEIVED)}, [UP_TO_TWELVE], 1),
        ({}, {"parts": LESS}, ["4 events, 9.5 together, in 2 files", "-02.csv (replaced)", "purged 2022-10-01"], 1),
        ({}, {"rows": ROWS}, [f"  calls.lost       1  {FIRST_ROW}\n", "a further row of an event"], 0),
        ({}, {"quarantined": QUARANTINED}, LEFT_OUT, 0),
    ],
)
def test_a_trace_says_whether_it_adds_up_what_is_published_and_what_it_was_counted_from(changes, more, texts, faults):
    trace = replace(TRACE, figure=replace(FIGURE, **changes), **more)
    shown = text_of(trace)
    assert [text for text in texts if text not in shown] == []
    document = document_of(trace, with_rows=False)
    assert (len(trace.faults), document["adds_up"], len(document["faults"])) == (faults, not faults, faults)
    assert ("the rows below give these sums" in shown) == (not faults)
    if trace.published:
        assert document["published"]["has_moved_on"] == (trace.published.value != trace.figure.value)


def test_a_machine_gets_all_files_or_all_rows():
    trace = replace(TRACE, parts=(MANY, RECEIVED), rows=ROWS)
    columns, rows = records_of(trace, with_rows=False)
    assert len(rows) == 17
    assert dict(zip(columns, rows[0], strict=True)) == {
        **{"part": "calls.lost", "source": "calls", "extract_date": OCTOBER, "file_name": "calls_2022-10-01.csv"},
        **{"file_sha256": f"{1:064}", "load_id": 1, "events": 2, "amount": Decimal(2), "source_rows": "2-3"},
    }
    of_rows = [["calls.lost", amount, *OF_FILE, row] for amount, row in ((Decimal(1), 2), (None, 3))]
    assert records_of(trace, with_rows=True)[1] == of_rows
    document = document_of(trace, with_rows=False)
    lost = document["parts"][0]
    assert (lost["events"], lost["uses"], "rows" in document) == (30, [{"role": "numerator", "weight": 1}], False)
    assert [found["source_rows"] for found in lost["files"]] == ["2-3"] * 15
    assert len(document_of(trace, with_rows=True)["rows"]) == 2
