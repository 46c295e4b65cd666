"""The parts of the sample that its exact figures rest on: sums, months, targets and the order of deliveries."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagster_project.sample.deliveries import Deliveries, File, Kind, in_common_files, joined
from dagster_project.sample.draws import fit_sum, texts, weighted_sample
from dagster_project.sample.targets import PRINTED_FIGURES, read_printed
from dagster_project.sample.timeline import NONE, Timeline, week


def of(keys: list[str], day: list[int]) -> Deliveries:
    return Deliveries("things", kinds={"key": Kind.TEXT}, columns={"key": texts(keys)}, day=np.array(day))


def files(deliveries: Deliveries) -> list[tuple[int, File, list[str]]]:
    return [(chunk.day, chunk.file, deliveries.columns["key"][chunk.rows].tolist()) for chunk in deliveries.chunks()]


@given(
    st.lists(st.floats(min_value=0.01, max_value=1e5), min_size=1, max_size=50),
    st.integers(min_value=0, max_value=10),
    st.integers(min_value=0, max_value=10**6),
)
def test_fitted_values_add_up_exactly_and_none_is_below_the_minimum(values: list[float], minimum: int, more: int):
    total = minimum * len(values) + more
    fitted = fit_sum(np.array(values), total=total, minimum=minimum)
    assert int(fitted.sum()) == total
    assert int(fitted.min()) >= minimum
    with pytest.raises(ValueError, match="cannot add up"):
        fit_sum(np.array(values), total=minimum * len(values) - 1, minimum=minimum)


def test_a_weighted_sample_has_the_size_asked_for_and_prefers_heavy_positions():
    chosen = weighted_sample(np.random.default_rng(1), np.array([1.0] * 500 + [9.0] * 500), count=100)
    assert int(chosen.sum()) == 100
    assert int(chosen[500:].sum()) > 70


def test_arrivals_keep_to_their_local_month_and_count():
    timeline = Timeline(("2022-09", "2022-10", "2022-11"))
    by_week = week((1.0,) * 24, (1.0,) * 7)
    instants = timeline.arrivals(
        np.random.default_rng(1), month=1, counts=[100, 5000, 9000], by_week=by_week, spread=0.0
    )
    days = {timeline.days[day].isoformat() for day in timeline.day(instants).tolist()}
    assert len(instants) == 5000
    assert days == {f"2022-10-{day:02}" for day in range(1, 32)}


def test_the_repeated_hour_is_two_hours_long_and_on_one_local_day():
    timeline = Timeline(("2022-10",))
    minutes = np.arange(timeline.begin, timeline.end, 60)
    repeated = minutes[timeline.is_repeated_hour(minutes)]
    assert len(repeated) == 120
    assert {timeline.days[day].isoformat() for day in timeline.day(repeated).tolist()} == {"2022-10-30"}
    assert set((timeline.local(repeated) // 3600 % 24).tolist()) == {1}
    assert not timeline.is_repeated_hour(np.array([NONE])).any()


def test_an_event_at_local_midnight_moves_by_a_second():
    timeline = Timeline(("2022-10",))
    moved = timeline.off_midnight(np.array([timeline.begin, timeline.begin + 1, NONE]))
    assert moved.tolist() == [timeline.begin + 1, timeline.begin + 1, NONE]


def test_targets_are_read_from_the_printed_file_and_another_spelling_is_an_error(tmp_path: Path):
    targets = read_printed(PRINTED_FIGURES)
    assert targets.months == ("2022-08", "2022-09", "2022-10", "2022-11", "2022-12", "2023-01")
    assert targets.of("calls_101", "avg_queue_time")[2] == 15 * 60 + 29
    assert targets.of("calls_999", "received")[0] == 35_634
    path = tmp_path / "figures.csv"
    path.write_text("section,measure,unit,month,published_value\nx,y,duration,2022-08,04:56\n", encoding="utf-8")
    with pytest.raises(ValueError, match="'04:56' is not a duration"):
        read_printed(path)


def test_days_lean_towards_the_months_beside_them():
    daily = Timeline(("2022-09", "2022-10", "2022-11")).interpolated([10, 20, 40])
    assert daily[:15].tolist() == [10.0] * 15
    assert (np.diff(daily[15:75]) > 0).all()
    assert (daily[45], daily[-1]) == (20, 40)  # 16 October is the middle of its month


def test_a_week_keeps_the_weight_of_its_days_when_its_hours_move():
    by_weekday = (1.0, 1.0, 1.0, 1.0, 2.0, 3.0, 0.5)
    moved = week((1.0,) * 24, by_weekday, nights=2.0, mornings=0.5)
    assert np.allclose(moved.sum(axis=1), by_weekday)
    assert moved[4, 22] > moved[4, 12]
    assert moved[6, 7] < moved[6, 12] < moved[6, 2]


def test_rows_of_an_earlier_set_come_first_in_a_file_of_both():
    earlier = of(["a", "b", "c"], [0, 1, 2])
    earlier.cells[2] = {"key": "?"}
    both = joined(earlier.since(1), of(["d", "e"], [1, 2]))
    assert files(both) == [(1, File.MAIN, ["b", "d"]), (2, File.MAIN, ["c", "e"])]
    assert both.cells == {1: {"key": "?"}}
    assert files(of([], [])) == []


def test_rows_of_forces_come_in_the_order_of_their_instants():
    def at(instants: list[int]) -> Deliveries:
        columns = {"at": np.array(instants)}
        return Deliveries("things", kinds={"at": Kind.INSTANT}, columns=columns, day=np.zeros(len(instants)))

    common = in_common_files({"one": at([1, 5]), "two": at([3])}, by="at")
    assert common.columns["force_code"].tolist() == ["one", "two", "one"]
    assert common.columns["at"].tolist() == [1, 3, 5]


def test_rows_come_out_by_day_then_file_then_place():
    deliveries = of(["a", "b", "c"], [0, 0, 1])
    before = deliveries.copy(np.array([1]), rank=-1)
    deliveries.columns["key"][before] = "before b"
    deliveries.file[0] = File.LATE
    assert files(deliveries) == [(0, File.MAIN, ["before b", "b"]), (0, File.LATE, ["a"]), (1, File.MAIN, ["c"])]


def test_a_row_takes_part_in_one_disorder_at_most():
    deliveries, rng = of(["a", "b", "c"], [0, 0, 0]), np.random.default_rng(1)
    first, second = (deliveries.pick(rng, count=2, among=np.ones(3, dtype=bool)).tolist() for _ in range(2))
    assert sorted(first + second) == [0, 1, 2]
