"""Sources without a key: load and row number identify a record."""

from dataclasses import replace

import pytest

from dagster_project.validation.expectations import expectations_of
from tests.unit.loading_helpers import VISITS, Installation, row

STOPS = replace(
    VISITS,
    source="stops",
    columns=tuple(replace(column, key_position=None, is_required=False) for column in VISITS.columns),
)
SAME = row("v")


@pytest.fixture
def stops(tmp_path):
    return Installation(tmp_path / "home", {"stops": STOPS})


def test_equal_rows_are_all_loaded_and_no_key_is_expected(stops):
    stops.land("2022-11-01", SAME, SAME, row("w", "never"), source="stops")
    stops.land("2022-11-01", SAME, row("v", 6), suffix="_late", source="stops")
    stops.run(source="stops")
    assert [entry[1:] for entry in stops.audit()] == [
        ("stops_2022-11-01.csv", "loaded", 3, 2, 1),
        ("stops_2022-11-01_late.csv", "loaded", 2, 2, 0),
    ]
    assert [code for _, _, code in stops.quarantine()] == ["not_an_integer"]
    assert "superseded_rows_are_within_limits" not in {expectation.name for expectation in expectations_of(STOPS)}


def test_a_correction_replaces_the_whole_day_and_counts_rows_added_and_removed(stops):
    stops.land("2022-11-01", SAME, SAME, row("a", 1), source="stops")
    stops.land("2022-11-02", SAME, source="stops")
    stops.run(source="stops")
    stops.land("2022-11-01", SAME, SAME, SAME, row("b", ""), source="stops")
    (delivery,) = stops.run(source="stops").deliveries
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
    # One more equal row, one row removed, one new; a row without a key is never a changed one.
    assert stops.query(
        "select rows_before, rows_after, rows_added, rows_removed, rows_changed from audit.correction"
    ) == [(3, 4, 2, 1, 0)]
