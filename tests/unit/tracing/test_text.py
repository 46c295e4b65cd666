"""A trace as it is worded and checked, on traces made by hand; reading one is for the tests of whole runs."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from dagster_project.tracing import model
from dagster_project.tracing.text import document_of, lines_of, records_of

OCTOBER = date(2022, 10, 1)


def file(day: int = 1, *, events: int = 2, amount: str = "2", rows: str = "2-3", **changes: object) -> model.Row:
    day_of = date(2022, 10, day)
    names = {"source": "calls", "extract_date": day_of, "file_name": f"calls_{day_of}.csv", "file_sha256": f"{day:064}"}
    counts = {"events": events, "amount": Decimal(amount), "row_count": 2, "source_rows": rows, "purged_at": None}
    return names | {"load_id": day, "status": "loaded"} | counts | changes


def part(name: str, *files: model.Row, amount: str, **weights: int) -> model.Part:
    return model.Part(name, weights, Decimal(amount), files)


def of_run(value: str | None, display_value: str | None) -> model.Row:
    found = value and Decimal(value)
    return {"run_id": "run-1", "value": found, "display_value": display_value, "has_moved_on": value != "40.000000"}


FIGURE: model.Row = {
    **{"force_code": "kent", "measure": "calls.pct_lost", "month_start": OCTOBER, "label": "% Lost", "unit": "percent"},
    **{"better": "lower", "target": Decimal("2.000000"), "owner": "control-room", "definition": "Share of lost calls."},
    **{"display_value": "40.00%", "value": Decimal("40.000000"), "is_additive": True, "sources": "calls"},
    **{"formula_measure": "calls.pct_lost", "factor": 100, "numerator_divisor": 1, "denominator_divisor": 1},
    **{"numerator": Decimal("2.000000"), "numerator_words": "calls lost"},
    **{"denominator": Decimal("5.000000"), "denominator_words": "calls received"},
    **{"is_delivered": True, "is_provisional": False, "days_in_month": 31, "days_loaded": 31},
    **{"share_of_days_loaded": Decimal("100.000000")},
}
LOST = part("calls.lost", file(1), amount="2", numerator=1)
RECEIVED_FILES = file(1, events=3, amount="3", rows="2-5", row_count=4), file(2)
RECEIVED = part("calls.received", *RECEIVED_FILES, amount="5", denominator=1)
TRACE = model.Trace(FIGURE, (LOST, RECEIVED), (), published=of_run("40.000000", "40.00%"))

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
  extract_date  file_name             status  file_sha256   load_id  events  row_count  source_rows
  2022-10-01    calls_2022-10-01.csv  loaded  000000000000        1       2          2  2-3

calls.received: 5 events, in 6 rows of 2 files of calls
  extract_date  file_name             status  file_sha256   load_id  events  row_count  source_rows
  2022-10-01    calls_2022-10-01.csv  loaded  000000000000        1       3          4  2-5
  2022-10-02    calls_2022-10-02.csv  loaded  000000000000        2       2          2  2-3

Quarantined  no row in the deliveries of the month and in others that the figure was counted from"""


def text_of(trace: model.Trace) -> str:
    return "\n".join(lines_of(trace))


def test_a_trace_names_its_figure_sums_files_rows_and_what_was_left_out():
    assert text_of(TRACE) == WHOLE


TOO_FEW = part("calls.lost", file(1), amount="3", numerator=1)
EMPTY = tuple(replace(item, amount=Decimal(0), files=()) for item in TRACE.parts)
MANY = part("calls.lost", *(file(day) for day in range(1, 16)), amount="30", numerator=1)
CHANGED_FILES = file(2, status="replaced"), file(3, amount="7.5", purged_at=OCTOBER, rows="purged 2022-10-01")
NOTHING = dict.fromkeys(("display_value", "value", "numerator", "denominator"))
POPULATION = {"is_additive": False, "numerator": None, "denominator": None, "numerator_words": None}
NO_QUOTIENT = {"denominator": None, "denominator_words": None, "factor": 1}
TAKEN_OFF = (replace(RECEIVED, weights={"numerator": 1}), replace(LOST, weights={"numerator": -1}))
OF_POPULATION = (replace(RECEIVED, weights={"population": 1}),)
PROVISIONAL = {"is_provisional": True, "days_loaded": 26, "share_of_days_loaded": Decimal("83.870968")}
STATES = {3: "rejected", 4: "rejected", 6: "missing", 30: "not delivered", 31: "not delivered"}
MISSING = [{"source": "calls", "day": date(2022, 10, day), "state": state} for day, state in STATES.items()]
OF_FILE = {"source": "calls", "extract_date": OCTOBER, "file_name": "a.csv", "load_id": 1}
QUARANTINED = [
    OF_FILE | {"extract_date": date(2022, 10, day), "load_id": day, "reason_code": code, "rows": rows}
    for day in range(1, 15)
    for code, rows in (("duplicate_row", 1), ("not_a_timestamp", 2))
]
ROWS = [{"part": "calls.lost", "amount": Decimal("1.000000"), **OF_FILE, "source_row": 2}]
ROWS += [{"part": "calls.lost", "amount": None, **OF_FILE, "source_row": 3}]
LESS = (LOST, part("calls.received", *CHANGED_FILES, amount="9.5", denominator=1))
STATED = "calls: 2022-10-03 to 2022-10-04 rejected; 2022-10-06 missing; 2022-10-30 to 2022-10-31 not delivered"
UP_TO_TWELVE = "calls_2022-10-12.csv  loaded  000000000000       12       2          2  2-3\n  and 3 more: --json has"
UNDER, FIRST_ROW = " " * 13, "calls   2022-10-01    a.csv            1           2"
LEFT_OUT = ["Quarantined  42 rows in the deliveries", "from: 14 duplicate_row, 28 not_a_timestamp"]
LEFT_OUT += ["  calls   2022-10-06    a.csv            6  not_a_timestamp     2\n  and 16 more"]
LEFT_OUT += ["source in ('calls') and extract_date between '2022-10-01' and '2022-10-14'"]
CUT = replace(LOST, files=[file(rows=", ".join(str(row) for row in range(101, 301, 2)))])


@pytest.mark.parametrize(
    ("changes", "more", "texts", "faults"),
    [
        ({}, {"parts": (TOO_FEW, RECEIVED)}, ["Adds up      NO: calls.lost: the rows give 2, the sum is 3"], 1),
        ({"denominator": Decimal(6)}, {}, ["Adds up      NO: denominator: the rows give 5, the figure has 6"], 1),
        ({**NO_QUOTIENT, "numerator": Decimal(3)}, {"parts": TAKEN_OFF}, ["    - 2 calls.lost"], 0),
        ({**NO_QUOTIENT, "numerator": Decimal(7)}, {"parts": TAKEN_OFF}, ["the rows give 3, the figure has 7"], 1),
        ({**NO_QUOTIENT, "numerator_divisor": 3600}, {"parts": (LOST,)}, ["Sum          (2 / 3,600)   calls lost"], 0),
        ({"factor": 1, "denominator_divisor": 3600}, {}, ["Quotient     2 / (5 / 3,600)"], 0),
        (POPULATION, {"parts": OF_POPULATION}, ["Population   the figure does not add", "    + 5 calls.received"], 0),
        ({**NOTHING, "is_delivered": False}, {"parts": EMPTY}, [f"{UNDER}nothing was delivered for this month"], 0),
        (NOTHING, {"parts": EMPTY}, ["calls.lost: no events"], 0),
        ({"display_value": None}, {}, [f"{UNDER}there is nothing to divide by"], 0),
        ({"display_value": None} | POPULATION, {}, [f"{UNDER}there is no event to work it out from"], 0),
        ({"target": None}, {}, ["Figure       40.00%   (percent)"], 0),
        ({"better": "higher", "target": Decimal("2.50")}, {}, ["Figure       40.00%   (percent; target over 2.5)"], 0),
        ({"formula_measure": "calls.other"}, {}, ["Formula      calls.other, in force for kent in this month"], 0),
        ({"owner": "\x1b[31m\u202e\n"}, {}, ["Owner        \\x1b[31m\\u202e\\n\n"], 0),
        ({}, {"is_current": False}, ["Not current  what is loaded, or the project, has changed"], 0),
        ({}, {"published": None}, ["Published    not yet. Run: fcir run"], 0),
        ({}, {"published": of_run("33.333333", "33.33%")}, [f"run-1 has 33.33% (33.333333){CHANGED}"], 0),
        ({}, {"published": of_run(None, None)}, [f"run-1 has \N{EN DASH}{CHANGED}"], 0),
        (PROVISIONAL, {}, ["Provisional  yes, it may change; 26 of 31 days are loaded (83.87%)"], 0),
        (PROVISIONAL | {"sources": "calls,chats"}, {}, ["are loaded of the source with fewest (83.87%)"], 0),
        (PROVISIONAL, {"missing_days": MISSING}, [STATED], 0),
        ({}, {"parts": (MANY, RECEIVED)}, [UP_TO_TWELVE], 1),
        ({}, {"parts": LESS}, ["4 events, 9.5 together, in 2 files", "-02.csv  replaced", "purged 2022-10-01"], 1),
        # A number that is cut in the middle would be another row.
        ({}, {"parts": (CUT, RECEIVED)}, ["  101, 103, ", " 119, 121, 123, ...\n"], 0),
        ({}, {"rows": ROWS}, [f"  calls.lost       1  {FIRST_ROW}\n", "a further row of an event"], 0),
        ({}, {"quarantined": QUARANTINED}, LEFT_OUT, 0),
    ],
)
def test_a_trace_says_whether_it_adds_up_what_is_published_and_what_it_was_counted_from(changes, more, texts, faults):
    trace = replace(TRACE, figure=FIGURE | changes, **more)
    shown = text_of(trace)
    assert [text for text in texts if text not in shown] == []
    document = document_of(trace)
    assert (len(trace.faults), document["adds_up"], len(document["faults"])) == (faults, not faults, faults)
    assert ("the rows below give these sums" in shown) == (not faults)


def test_a_machine_gets_all_files_or_all_rows():
    trace = replace(TRACE, parts=(MANY, RECEIVED), rows=ROWS)
    columns, rows = records_of(trace, with_rows=False)
    assert len(rows) == 17
    assert dict(zip(columns, rows[0], strict=True)) == {
        **{"part": "calls.lost", "source": "calls", "extract_date": OCTOBER, "file_name": "calls_2022-10-01.csv"},
        **{"file_sha256": f"{1:064}", "load_id": 1, "events": 2, "amount": Decimal(2), "source_rows": "2-3"},
    }
    of_rows = [["calls.lost", amount, *OF_FILE.values(), row] for amount, row in ((Decimal(1), 2), (None, 3))]
    assert records_of(trace, with_rows=True)[1] == of_rows
    assert len(document_of(trace)["parts"][0].files) == 15


def test_the_files_of_a_figure_have_what_each_part_was_counted_from():
    first, second = RECEIVED_FILES
    assert TRACE.files == [(first, [LOST.files[0], first]), (second, [None, second])]
