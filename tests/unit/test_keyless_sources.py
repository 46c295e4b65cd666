"""Sources of which no column tells two records apart: load and row number are the key."""

from __future__ import annotations

from dataclasses import replace

import pytest
from loading_helpers import VISITS, Installation

from dagster_project.validation.expectations import expectations_of

STOPS = replace(
    VISITS,
    source="stops",
    columns=tuple(replace(column, key_position=None, is_required=False) for column in VISITS.columns),
)
SAME = "v,2022-11-01 10:00,5,someone"


@pytest.fixture
def stops(tmp_path):
    return Installation(tmp_path / "home", {"stops": STOPS})


def test_rows_that_are_alike_all_load_and_nothing_is_expected_of_a_key(stops):
    stops.land("2022-11-01", SAME, SAME, "w,2022-11-01 10:00,never,x", source="stops")
    stops.land("2022-11-01", SAME, "v,2022-11-01 10:00,6,someone", suffix="_late", source="stops")
    stops.run(source="stops")
    assert [entry[1:] for entry in stops.audit()] == [
        ("stops_2022-11-01.csv", "loaded", 3, 2, 1),
        ("stops_2022-11-01_late.csv", "loaded", 2, 2, 0),
    ]
    assert [code for _, _, code in stops.quarantine()] == ["not_an_integer"]
    assert "superseded_rows_are_within_limits" not in {expectation.name for expectation in expectations_of(STOPS)}


@pytest.mark.usefixtures("without_expectations")
def test_a_correction_replaces_the_whole_day_and_says_how_many_rows_came_and_went(stops):
    stops.land("2022-11-01", SAME, SAME, "a,2022-11-01 10:00,1,x", source="stops")
    stops.land("2022-11-02", SAME, source="stops")
    stops.run(source="stops")
    stops.land("2022-11-01", SAME, SAME, SAME, "b,2022-11-01 10:00,,x", source="stops")
    report = stops.run(source="stops")
    (delivery,) = report.deliveries
    assert delivery.is_correction
    loaded = stops.query(
        """
        select cast(raw.extract_date as varchar), visit_id, count(*)
        from raw.stops as raw
        join audit.load as load on raw.load_id = load.load_id and load.status = 'loaded'
        group by all
        order by all
        """
    )
    assert loaded == [("2022-11-01", "b", 1), ("2022-11-01", "v", 3), ("2022-11-02", "v", 1)]
    # One more of the same row, one row gone, one new: a row without a key cannot be a changed one.
    assert stops.query(
        "select rows_before, rows_after, rows_added, rows_removed, rows_changed from audit.correction"
    ) == [(3, 4, 2, 1, 0)]
