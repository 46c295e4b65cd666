"""The calendar of deliveries on the quality page: the newest months, and older ones with a fault."""

from datetime import date
from importlib.resources import files
from pathlib import Path

import pytest

from dagster_project.clock import days_between
from dagster_project.publication.report.months import newest_delivery
from dagster_project.publication.site.data import calendars, sources
from dagster_project.warehouse.roots import root_of_force
from tests.deliveries_mart import deliveries_sql, delivery_totals_sql


@pytest.fixture
def marts(marts):
    columns = "source text, extract_date date, status text, load_id bigint, withdrawn_at timestamp"
    marts.execute(f"create table marts.load_audit ({columns})")
    loads = """(
        select *, load_id // 16777216 as root_number, load_id::text as run_id, null::text as reason
        from marts.load_audit
    )"""
    marts.execute(f"create view marts.deliveries as {deliveries_sql(loads)}")
    return marts


def delivered(marts, first, last, status="loaded"):
    rows = [("crimes", day, status, 1) for day in days_between(first, last)]
    marts.executemany("insert into marts.load_audit values (?, ?, ?, ?, null)", rows)


def test_a_month_has_whole_weeks_and_each_day_its_newest_status(marts):
    delivered(marts, date(2024, 9, 2), date(2024, 9, 29))
    marts.execute("insert into marts.load_audit values ('crimes', '2024-09-03', 'rejected', 2, null)")
    ((month, days),) = calendars(marts)["crimes"].months.items()
    assert month == date(2024, 9, 1)
    assert days[:9] == (
        *[None] * 6,
        *((date(2024, 9, 1), "none"), (date(2024, 9, 2), "loaded"), (date(2024, 9, 3), "rejected")),
    )
    assert days[-7:] == (*((date(2024, 9, 30), "none"),), *[None] * 6)


def test_older_months_are_shown_only_if_something_is_wrong(marts):
    delivered(marts, date(2020, 1, 1), date(2023, 12, 31))
    marts.execute("update marts.load_audit set status = 'missing_delivery' where extract_date = '2021-02-03'")
    marts.execute(
        "update marts.load_audit set status = 'rejected', withdrawn_at = '2023-05-08' where extract_date = '2023-05-06'"
    )
    calendar = calendars(marts)["crimes"]
    assert list(calendar.months) == [
        date(2021, 2, 1),
        *(date(year, month, 1) for year in (2022, 2023) for month in range(1, 13)),
    ]
    assert calendar.faults == ((date(2021, 2, 3), "missing"), (date(2023, 5, 6), "withdrawn"))
    assert calendar.days_left_out == 366 + 365 - 28


def test_a_withdrawn_correction_leaves_the_status_of_the_day(marts):
    delivered(marts, date(2024, 9, 1), date(2024, 9, 3))
    marts.execute("insert into marts.load_audit values ('crimes', '2024-09-02', 'rejected', 2, '2024-09-05')")
    found = calendars(marts)["crimes"]
    assert found.faults == ()
    assert (date(2024, 9, 2), "loaded") in found.months[date(2024, 9, 1)]


def test_of_several_data_roots_the_worst_status_of_a_day_counts(marts):
    delivered(marts, date(2024, 9, 2), date(2024, 9, 4))
    marts.execute(
        "insert into marts.load_audit values ('crimes', '2024-09-03', 'rejected', 16777217, null), "
        "('crimes', '2024-09-03', 'loaded', 33554433, null), ('crimes', '2024-09-04', 'empty', 16777218, null)"
    )
    assert calendars(marts)["crimes"].faults == ((date(2024, 9, 3), "rejected"),)


def test_the_newest_day_of_a_force_is_that_of_its_data_root(marts):
    marts.execute(
        """
        create table marts.measures as select 'a' as measure, 'crimes' as sources;
        create table marts.fct_call as select 'essex' as force_code, 5 as load_id;
        create table marts.fct_crime as select 'kent' as force_code, 16777221 as load_id;
        alter table marts.load_audit add column is_synthetic boolean default false;
        insert into marts.load_audit by name
        select
            'crimes' as source,
            unnest([date '2024-09-02', date '2024-09-04', date '2024-09-03']) as extract_date,
            'loaded' as status,
            unnest([16777221, 5, 33554433]) as load_id
        """
    )
    newest = {
        force: newest_delivery(marts, root_number=root_of_force(marts, force))[0]
        for force in ("kent", "essex", "without facts")
    }
    assert newest == {"kent": date(2024, 9, 2), "essex": date(2024, 9, 4), "without facts": date(2024, 9, 4)}


def test_a_source_of_a_measure_that_was_never_delivered_is_listed(marts):
    delivered(marts, date(2024, 9, 2), date(2024, 9, 4))
    marts.execute(
        """
        alter table marts.load_audit add column rows_read bigint default 4;
        alter table marts.load_audit add column rows_loaded bigint default 4;
        alter table marts.load_audit add column rows_quarantined bigint default 0;
        create table marts.quarantine (source text);
        create table marts.measures as
        select unnest(['crime.recorded_crime', 'demand.total']) as measure,
            unnest(['crimes', 'call_segments,digital_contacts']) as sources;
        """
    )
    marts.execute(f"create view marts.delivery_totals as {delivery_totals_sql()}")
    found = {row["source"]: (row["days_loaded"], row["newest_day"], row["is_delivered"]) for row in sources(marts)}
    assert found == {
        "call_segments": (0, None, False),
        "crimes": (3, date(2024, 9, 4), True),
        "digital_contacts": (0, None, False),
    }


def test_a_day_whose_correction_was_rejected_is_loaded_and_rejected(marts):
    delivered(marts, date(2024, 9, 2), date(2024, 9, 4))
    marts.execute(
        """
        insert into marts.load_audit values
            ('crimes', '2024-09-04', 'rejected', 2, null), ('crimes', '2024-09-05', 'missing_delivery', 3, null),
            ('crimes', '2024-09-06', 'rejected', 4, null), ('crimes', '2024-09-07', 'rejected', 5, '2024-09-09');
        alter table marts.load_audit add column rows_read bigint default 4;
        alter table marts.load_audit add column rows_loaded bigint default 4;
        alter table marts.load_audit add column rows_quarantined bigint default 0;
        create table marts.quarantine (source text);
        create table marts.measures as select 'crime.recorded_crime' as measure, 'crimes' as sources;
        """
    )
    marts.execute(f"create view marts.delivery_totals as {delivery_totals_sql()}")
    ((source,), found) = sources(marts), calendars(marts)["crimes"]
    assert [source[f"days_{state}"] for state in ("due", "loaded", "missing", "rejected", "withdrawn")] == [
        *(6, 3, 1, 2, 1)
    ]
    assert source["newest_day"] == date(2024, 9, 4)
    assert [status for _, status in found.faults] == ["rejected", "missing", "rejected", "withdrawn"]


def test_the_cookbook_lists_missing_and_rejected_days(marts):
    delivered(marts, date(2024, 9, 2), date(2024, 9, 4))
    marts.execute(
        """
        insert into marts.load_audit values
            ('crimes', '2024-09-04', 'rejected', 2, null), ('crimes', '2024-09-05', 'missing_delivery', 3, null),
            ('crimes', '2024-09-03', 'rejected', 4, '2024-09-09'),
            ('crimes', '2024-09-06', 'rejected', 5, '2024-09-09'),
            -- Of another data root, which does not deliver the day for the first one.
            ('crimes', '2024-09-05', 'loaded', 16777217, null)
        """
    )
    (recipe,) = Path(str(files("dagster_project.publication") / "cookbook")).glob("*_missing_days.sql")
    rows = marts.execute(recipe.read_text(encoding="utf-8")).fetchall()
    assert [(root, f"{day}", status, is_in_figures) for _, root, day, status, is_in_figures, _ in rows] == [
        (0, "2024-09-05", "missing", False),
        (0, "2024-09-04", "rejected", True),
    ]
