"""Commands that look something up import none of the libraries of a run: together they take two seconds."""

from __future__ import annotations

import pytest

from tests.roots import DataRoot

RUN = {"pyarrow", "numpy", "sqlalchemy", "dagster", "great_expectations", "jinja2"}
CONTRACTS = {"open_data_contract_standard", "yaml"}


@pytest.mark.parametrize(("arguments", "unneeded"), [(["query", "select 1"], RUN | CONTRACTS), (["status"], RUN)])
def test_query_and_status_import_no_library_that_they_do_not_need(three_days, arguments, unneeded):
    done = DataRoot(three_days.home, {"PYTHONPROFILEIMPORTTIME": "1"}).process(*arguments)
    imported = {line.rpartition("|")[2].strip() for line in done.err.splitlines() if line.startswith("import time:")}
    assert done.out, done.err
    assert {"dagster_project.cli.app", "duckdb"} <= imported
    assert imported & unneeded == set()


def test_a_night_on_duckdb_loads_nothing_of_spark_or_of_an_edition_for_others(three_days):
    code = "import sys, dagster_project.cli.run; from dagster_project.definitions import of_a_run; of_a_run(); "
    loaded = three_days.process(code=f"{code} print(*sys.modules)").out.split()
    modules = [name.removeprefix("dagster_project.") for name in loaded if name.startswith("dagster_project.")]
    assert {"transformation.build", "publication.publish"} <= set(modules)
    assert not {name for name in modules if "lake" in name or "spark" in name or "edition" in name}
    assert len(modules) <= 145


def test_the_package_turns_off_usage_statistics_before_a_library_is_imported(tmp_path):
    code = "import os, sys, dagster_project; print(os.environ['DO_NOT_TRACK'], 'dagster' in sys.modules)"
    assert DataRoot(tmp_path / "home").process(code=code).out == "1 False\n"


def test_a_locale_without_the_characters_of_a_line_does_not_end_a_command(tmp_path):
    root = DataRoot(tmp_path / "home", {"PYTHONIOENCODING": "ascii"})
    file = root.land("call_segments_2022-10-30_é.csv", "call_id,line", "c,999")
    done = root.process("check", str(file))
    assert done.code == 1
    assert "call_segments_2022-10-30_\\xe9.csv" in done.out
