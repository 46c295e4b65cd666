"""A public edition has the months of which it has a figure."""

from datetime import date

from dagster_project.publication.public_edition import _write_whole
from dagster_project.publication.report.months import paper_months
from dagster_project.transformation.project import ensure_manifest, marts_of, read_manifest


def test_a_month_without_a_public_figure_is_left_out(marts, settings):
    marts.execute(
        """
        create schema reference;
        create table reference.public_measures as
        from (values ('calls.received', 'whole'), ('demand.visits', 'private')) as rows (measure, release);
        create table marts.report_months as
        select
            'kent' as force_code, month_start, 31 as days, 31 as days_loaded, false as is_provisional,
            month_start = date '2022-12-01' as is_default, month_start > date '2022-12-01' as is_running
        from unnest([date '2022-10-01', date '2022-12-01', date '2023-01-01', date '2024-03-01']) as rows (month_start);
        create table marts.kpi_measure_period as
        from (values
            ('kent', 'calls.received', date '2022-10-01', 'month', 1),
            ('kent', 'calls.received', date '2022-12-01', 'month', 0),
            ('kent', 'calls.received', date '2023-01-01', 'month', null),
            ('kent', 'calls.received', date '2024-03-01', 'fytd', 3),
            ('kent', 'demand.visits', date '2024-03-01', 'month', 2),
            ('essex', 'calls.received', date '2024-03-01', 'month', 2)
        ) as rows (force_code, measure, month_start, period, value);
        attach ':memory:' as published;
        create schema published.marts;
        """
    )
    (mart,) = (mart for mart in marts_of(read_manifest(ensure_manifest(settings))) if mart.name == "report_months")
    (release,) = mart.releases
    _write_whole(marts, mart, release)
    marts.execute("use published")
    assert [item.month for item in paper_months(marts)["kent"]] == [date(2022, 10, 1), date(2022, 12, 1)]
