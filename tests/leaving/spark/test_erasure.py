"""An erased person is gone from the lake: from its tables after the next run, from its files when it is compacted."""

import itertools
import shutil

import pytest

from dagster_project.definitions import definitions
from tests.leaving.end_to_end.command import Command
from tests.leaving.end_to_end.erasing import PLANTED, ask, land_planted, places, pseudonyms, substitutes
from tests.leaving.spark.conftest import running_spark
from tests.leaving.spark.equality import copy_loads, different_tables

pytestmark = pytest.mark.long


def run(command: Command) -> None:
    done = command.run("run")
    assert done.returncode == 0, done.stdout + done.stderr


def compact(settings: dict[str, str]) -> None:
    """Run the job as docs/privacy.md says."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        job = definitions().resolve_job_def("compact_lake")
        assert job.execute_in_process({"ops": {"compact_tables": {"config": {"days": 0}}}}).success


def test_erased_people_leave_the_lake(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    with running_spark(home) as spark:
        settings = {"FCIR_TARGET": "spark", "FCIR_SPARK_PORT": str(spark.spark_port)}
        command = Command(home, settings=settings)
        land_planted(command)
        run(command)
        old = pseudonyms(home)
        assert len(places(home / "spark", old.values())) > 3
        on_duckdb = Command(home)
        for identifier, asked in zip(PLANTED, itertools.cycle((on_duckdb, command))):
            done = ask(asked, "erase", "--yes", "--reason", "request 4711", identifier=identifier)
            assert done.returncode == 0, done.stdout + done.stderr
        run(command)
        compact(settings | {"FCIR_HOME": str(home)})
        assert places(home, [*PLANTED, *old.values()]) == []
        assert places(home / "spark", substitutes(home).values()) != []
        # What is built from the lake is what DuckDB builds from the same loads.
        copy = Command(tmp_path / "copy")
        copy_loads(command, copy)
        shutil.copytree(home / "suppression", copy.home / "suppression")
        run(copy)
        assert different_tables(home, copy.home) == []
