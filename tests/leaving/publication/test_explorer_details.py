"""The files of the explorer have the weeks, days, districts and offence groups of the marts as they are."""

import pytest

MEASURES = {
    "calls_999.received": ("count", 0),
    "calls_999.pct_not_answered": ("percent", 2),
    "calls_999.avg_queue_time": ("duration", 0),
    "crime.recorded_crime": ("count", 0),
    "crime.cancelled_crime": ("count", 0),
}


@pytest.fixture
def tables(marts):
    """Marts of two months: 999 calls by day, a measure by week, crimes by district and by offence."""
    marts.execute(
        """
        create table marts.measures (measure varchar, unit varchar, decimals bigint);
        create table marts.report_months (month_start date);
        create table marts.kpi_measure_weekly (
            force_code varchar, measure varchar, week_start date, value decimal(38, 6), is_provisional boolean,
            share_of_days_loaded decimal(38, 6)
        );
        create table marts.kpi_calls_daily (
            force_code varchar, line varchar, date_day date, received bigint, pct_not_answered decimal(38, 6),
            avg_queue_seconds decimal(38, 6), is_provisional boolean
        );
        create table marts.kpi_crime_by_district_monthly (
            force_code varchar, month_start date, district varchar, recorded_crime bigint, cancelled_crime bigint
        );
        create table marts.kpi_cancellations_monthly (
            force_code varchar, month_start date, cancel_code varchar, offence_code varchar, cancelled bigint
        );
        create table marts.dim_offence (offence_code varchar, offence_group varchar);
        create table marts.kpi_measure_period (
            force_code varchar, measure varchar, month_start date, period varchar, value decimal(38, 6),
            is_provisional boolean, days bigint, days_loaded bigint
        );
        insert into marts.report_months values ('2022-12-01'), ('2023-01-01');
        insert into marts.kpi_measure_weekly values
            ('kent', 'calls_999.pct_not_answered', '2022-12-26', 2.345, false, 100),
            ('kent', 'calls_999.pct_not_answered', '2023-01-02', null, true, 0),
            ('kent', 'calls_999.pct_not_answered', '2023-01-09', 1, true, 57.142857);
        insert into marts.kpi_calls_daily values
            ('kent', '999', '2023-01-01', 1234, 2.5, 61.4, false), ('kent', '999', '2023-01-02', 0, null, null, true);
        insert into marts.kpi_crime_by_district_monthly values
            ('kent', '2022-12-01', 'Dover', 1500, 3), ('kent', '2023-01-01', 'Dover', 20, 0),
            ('kent', '2023-01-01', null, 7, 1);
        insert into marts.dim_offence values ('1', 'Violence'), ('2', 'Violence'), ('3', 'Theft');
        insert into marts.kpi_cancellations_monthly values
            ('kent', '2022-12-01', 'C1', '1', 2), ('kent', '2022-12-01', 'C2', '2', 1),
            ('kent', '2023-01-01', 'C1', 'unlisted', 1);
        insert into marts.kpi_measure_period values
            ('kent', 'crime.recorded_crime', '2022-12-01', 'month', 1500, false, 31, 31),
            ('kent', 'crime.recorded_crime', '2023-01-01', 'month', 27, true, 31, 30),
            ('kent', 'crime.recorded_crime', '2023-01-01', 'fytd', 1527, true, 62, 61),
            ('kent', 'crime.cancelled_crime', '2022-12-01', 'month', 3, false, 31, 31),
            ('kent', 'crime.cancelled_crime', '2023-01-01', 'month', 1, true, 31, 30);
        """
    )
    marts.executemany("insert into marts.measures values (?, ?, ?)", [[code, *unit] for code, unit in MEASURES.items()])
    return marts
