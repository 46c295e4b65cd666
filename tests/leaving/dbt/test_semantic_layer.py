"""The metrics: one for each measure of the catalogue, valid, and equal to what the marts say of any period."""

import csv
import os
import subprocess
import sys
from collections import defaultdict
from datetime import date
from decimal import Decimal
from fractions import Fraction

import duckdb
import pytest

from dagster_project.contracts import load_contracts
from dagster_project.settings import CONTRACTS, DBT_PROJECT
from dagster_project.sql import rows_as_dicts
from dagster_project.tools.metric_definitions import metric_name
from dagster_project.transformation.project import read_manifest, target_path
from dagster_project.warehouse.connection import loading_connection, open_read_only
from dagster_project.warehouse.tables import ensure_tables
from tests.leaving.dbt.running import run_dbt
from tests.leaving.reference.raw_tables import load_history
from tests.leaving.reference.worlds import draw_history

FORCES = ("kent", "essex", "surrey")
# Marts are rounded to six decimals. MetricFlow divides and interpolates in DOUBLE and rounds nothing.
NEAR = Decimal("0.000001")
# Ends a process in which any library connects, looks a name up, or opens what an update checker keeps for all users.
WATCH = """
import os, sys

NETWORK = ("socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname")

def end(event, arguments):
    shared = os.path.join(os.environ["SHARED_TMP"], "update_checker_cache.pkl")
    if event in NETWORK or (event == "open" and str(arguments[0]) == shared):
        os.write(2, f"{event} {arguments}\\n".encode())
        os._exit(99)

sys.addaudithook(end)
"""


@pytest.fixture(scope="module")
def catalogue():
    with (DBT_PROJECT / "seeds" / "measure_catalogue.csv").open(encoding="utf-8", newline="") as file:
        return {row["measure"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def settings(settings):
    """An installation with a warehouse built from a random history, and a publication of the marts of the metrics."""
    with loading_connection(settings.warehouse) as connection:
        ensure_tables(connection, load_contracts(CONTRACTS).values())
        load_history(connection, draw_history(20221030, FORCES))
    run_dbt(settings, "build", "--select", "+semantic_model:*", "--exclude-resource-type", "test", "unit_test")
    folder = settings.published / "first"
    folder.mkdir(parents=True)
    (settings.published / "current").symlink_to("first")
    with duckdb.connect(str(folder / "fcir.duckdb")) as connection:
        connection.execute(f"attach '{settings.marts}' as built (read_only)")
        connection.execute("create schema marts")
        for mart in ("kpi_measure_monthly", "dim_date", "dim_force"):
            connection.execute(f"create table marts.{mart} as from built.marts.{mart}")
    return settings


@pytest.fixture(scope="module")
def months(settings):
    """Every measure by force and month as the marts have it, with the two sums that it is made of."""
    with open_read_only(settings.warehouse) as connection:
        answer = connection.execute(
            """
            select
                kpi.force_code, kpi.measure, kpi.month_start, kpi.value, kpi.fytd_value, kpi.last_6_months,
                made_of.numerator, made_of.denominator
            from marts.kpi_measure_monthly as kpi
            inner join measures.int_measure_monthly as made_of
                on kpi.force_code = made_of.force_code
                and kpi.measure = made_of.measure
                and kpi.month_start = made_of.month_start
            order by kpi.month_start
            """
        )
        return rows_as_dicts(answer)


@pytest.fixture(scope="module")
def answers(settings, catalogue, tmp_path_factory):
    """What MetricFlow says of all measures: by month, by financial year, of six months, and of two forces together."""
    folder = tmp_path_factory.mktemp("answers")
    questions = {
        "months": ["--group-by", "force,metric_time__month"],
        "years": ["--group-by", "force,calendar_month__financial_year"],
        "six_months": ["--group-by", "force", "--start-time", "2022-04-01", "--end-time", "2022-09-30"],
        "two_forces": ["--group-by", "metric_time__quarter", "--where", "{{ Entity('force') }} in ('kent', 'essex')"],
    }
    metrics = ["--metrics", ",".join(map(metric_name, catalogue))]
    for name, question in questions.items():
        mf(settings, "--warehouse", "query", "--quiet", *metrics, *question, "--csv", str(folder / name))
    return {name: read_answer(folder / name, catalogue) for name in questions}


def read_answer(path, catalogue):
    """Figures of an answer by measure and group, without empty cells."""
    measure_of = {metric_name(measure): measure for measure in catalogue}
    figures = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            group = tuple(text for name, text in sorted(row.items()) if name not in measure_of)
            figures |= {
                (measure, *group): Decimal(row[metric]) for metric, measure in measure_of.items() if row[metric]
            }
    return figures


def quarter_of(month):
    return f"{date(month.year, month.month - (month.month - 1) % 3, 1)} 00:00:00"


def financial_year_of(month):
    first = month.year if month.month >= 4 else month.year - 1
    return f"{first}/{(first + 1) % 100:02}"


def differences(actual, expected):
    """Figures that one side lacks or that are not near each other; a figure that is null is one that is lacking."""
    known = {key: figure for key, figure in expected.items() if figure is not None}
    return {
        key: (actual.get(key), known.get(key))
        for key in actual.keys() | known.keys()
        if key not in actual or key not in known or abs(actual[key] - known[key]) > NEAR
    }


def mf(settings, *arguments, environment=None):
    """Standard output of MetricFlow's command line as people run it."""
    command = [sys.executable, "-m", "dagster_project.metrics", *arguments]
    variables = os.environ | (environment or {})
    done = subprocess.run(command, env=variables, cwd=settings.home, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_measure_of_the_catalogue_has_one_metric_and_no_metric_is_of_anything_else(settings, catalogue):
    metrics = read_manifest(target_path(settings) / "manifest.json")["metrics"].values()
    measures = [metric["config"]["meta"].get("measure") for metric in metrics]
    inputs = [metric["name"] for metric in metrics if "measure" not in metric["config"]["meta"]]
    assert sorted(filter(None, measures)) == sorted(catalogue)
    assert sorted(inputs) == ["denominator_total", "numerator_total"]


def test_metricflow_finds_every_metric_valid_and_opens_no_connection(settings, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(WATCH, encoding="utf-8")
    watched = {"PYTHONPATH": str(tmp_path), "TMPDIR": str(tmp_path), "SHARED_TMP": str(tmp_path)}
    output = mf(settings, "--warehouse", "validate-configs", "--show-all", environment=watched)
    # Semantics, semantic models, dimensions, entities, measures, metrics.
    assert output.count("ERRORS: 0, FUTURE_ERRORS: 0, WARNINGS: 0") == 6


def test_metrics_of_a_publication_are_answered_without_changing_it(settings, months):
    database = settings.published / "first" / "fcir.duckdb"
    before = database.read_bytes()
    output = mf(
        settings,
        *("query", "--metrics", "calls_999_pct_not_answered", "--group-by", "metric_time__month,force__force_name"),
        *("--where", "{{ Dimension('force__force_name') }} = 'Kent Police'", "--order", "metric_time__month"),
    )
    printed = [line.split("Kent Police") for line in output.splitlines() if "Kent Police" in line]
    expected = [
        (f"{row['month_start']}T00:00:00", row["value"])
        for row in months
        if (row["measure"], row["force_code"]) == ("calls_999.pct_not_answered", "kent")
    ]
    assert [month.strip() for month, _ in printed] == [month for month, _ in expected]
    # A table shows six digits.
    assert [float(figure) for _, figure in printed if figure.strip()] == pytest.approx(
        [float(value) for _, value in expected if value is not None], rel=1e-5
    )
    assert database.read_bytes() == before


def test_a_month_of_a_force_is_what_the_mart_says(answers, months):
    expected = {(row["measure"], row["force_code"], f"{row['month_start']} 00:00:00"): row["value"] for row in months}
    assert differences(answers["months"], expected) == {}
    # A month without a figure, and a measure of each kind with one.
    assert None in expected.values()
    assert {measure for measure, *_ in answers["months"]} >= {
        "calls_999.median_queue_time",
        "calls_101.p90_queue_time",
        "calls_101.max_queue_time",
        "calls_999.talk_hours",
        "digital.other_than_ocr_and_chat",
        "live_chat.chats_per_operator_hour",
        "crime.pct_cancelled",
    }


def test_a_financial_year_is_the_year_to_date_of_its_last_delivered_month(answers, months):
    expected = {}
    for row in months:
        key = (row["measure"], financial_year_of(row["month_start"]), row["force_code"])
        expected[key] = row["fytd_value"] if row["fytd_value"] is not None else expected.get(key)
    assert differences(answers["years"], expected) == {}


def test_six_months_are_what_the_mart_says_of_them(answers, months):
    shown = [row for row in months if row["month_start"] == date(2022, 9, 1)]
    expected = {(row["measure"], row["force_code"]): row["last_6_months"] for row in shown}
    assert differences(answers["six_months"], expected) == {}


def test_quarters_of_two_forces_are_made_of_their_sums(answers, months, catalogue):
    rows = defaultdict(list)
    for row in months:
        if row["force_code"] in ("kent", "essex") and is_made_of_months(row["measure"]):
            rows[row["measure"], quarter_of(row["month_start"])].append(row)
    expected = {key: figure_of(some, catalogue[key[0]]) for key, some in rows.items()}
    actual = {key: figure for key, figure in answers["two_forces"].items() if is_made_of_months(key[0])}
    assert differences(actual, expected) == {}


def is_made_of_months(measure):
    """Percentiles are not: they are compared in the tests above."""
    return not measure.endswith((".median_queue_time", ".p90_queue_time"))


def figure_of(rows, measure):
    """A measure over several months and forces, from its rows."""
    if measure["is_additive"] == "false":
        return max((row["value"] for row in rows if row["value"] is not None), default=None)
    numerators = [Fraction(row["numerator"]) for row in rows if row["numerator"] is not None]
    denominators = [Fraction(row["denominator"]) for row in rows if row["denominator"] is not None]
    top = sum(numerators) * int(measure["factor"]) / int(measure["numerator_divisor"])
    bottom = sum(denominators) / int(measure["denominator_divisor"]) if measure["denominator"] else Fraction(1)
    if not numerators or not bottom:
        return None
    return Decimal((top / bottom).numerator) / (top / bottom).denominator
