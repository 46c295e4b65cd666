"""Numbers of control charts that papers state in words are those of the dbt project."""

import yaml

from dagster_project.publication.report.sentences import POINTS_NEEDED
from dagster_project.publication.report.weekly import WEEKS
from dagster_project.settings import DBT_PROJECT
from tests.leaving.dbt.rendering import macros_of


def test_papers_name_the_least_points_of_a_verdict():
    assert macros_of("duckdb", "control_chart_points.sql")["control_chart_least_points"]() == POINTS_NEEDED


def test_papers_draw_the_weeks_of_a_weekly_chart():
    project = yaml.safe_load((DBT_PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))
    assert project["vars"]["control_chart_weeks"] == WEEKS
