"""The limits of the run queue: one run per data root, four in all; Dagster's daemon decides, and nothing is run."""

import json
import os
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from dagster_project.cli.storage import instance_configuration
from dagster_project.settings import Settings
from tests.leaving.deploy.programs import wait_for
from tests.leaving.end_to_end.command import PROJECT

# Two runs of the first force.
FORCES = ("kent", "kent", "essex", "surrey", "sussex", "dorset")


class Idle(dg.DefaultRunLauncher):
    """Launches a run that does nothing: it counts as starting."""

    def launch_run(self, context: Any) -> None:
        """Do nothing."""


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """Dagster's own files with the limits of Postgres, and the daemon."""
    configuration = yaml.safe_load(
        instance_configuration(Settings(dagster_storage="postgresql://a@b/c", _env_file=None))
    )
    del configuration["storage"]
    configuration["run_launcher"] = {"module": "tests.leaving.deploy.test_run_limits", "class": "Idle"}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(configuration), encoding="utf-8")
    (tmp_path / "workspace.yaml").write_text("load_from: []\n", encoding="utf-8")
    environment = os.environ | {"DAGSTER_HOME": str(tmp_path), "PYTHONPATH": str(PROJECT)}
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        for number, force in enumerate(FORCES):
            instance.run_storage.add_run(queued(number, force))
        daemon = str(Path(sys.executable).with_name("dagster-daemon"))
        with (tmp_path / "log").open("w") as log:
            process = subprocess.Popen(
                [daemon, "run", "--workspace", str(tmp_path / "workspace.yaml")],
                cwd=tmp_path,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            yield instance
        finally:
            process.terminate()
            process.wait()


def queued(number: int, force: str) -> dg.DagsterRun:
    origin = {
        "__class__": "ExternalPipelineOrigin",
        "external_repository_origin": {
            "__class__": "ExternalRepositoryOrigin",
            "repository_location_origin": {
                "__class__": "RegisteredRepositoryLocationOrigin",
                "location_name": force,
            },
            "repository_name": "__repository__",
        },
        "pipeline_name": "nightly",
    }
    return dg.DagsterRun(
        job_name="nightly",
        run_id=str(uuid.UUID(int=number)),
        status=dg.DagsterRunStatus.QUEUED,
        tags={"dagster/code_location": force},
        remote_job_origin=dg.deserialize_value(json.dumps(origin)),
    )


def launched(instance: dg.DagsterInstance) -> Counter[str]:
    runs = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTING]))
    return Counter(run.tags["dagster/code_location"] for run in runs)


def test_one_run_of_a_root_and_four_of_all_are_under_way(instance: dg.DagsterInstance, tmp_path: Path):
    log = tmp_path / "log"
    wait_for("four runs", lambda: launched(instance).total() >= 4, log)
    wait_for("a full queue", lambda: "4 runs are currently in progress" in log.read_text(encoding="utf-8"), log)
    assert launched(instance) == {"kent": 1, "essex": 1, "surrey": 1, "sussex": 1}
    # A place is free: the next force takes it, not the second run of kent, which came before it.
    essex = next(iter(instance.get_runs(dg.RunsFilter(tags={"dagster/code_location": "essex"}))))
    instance.report_run_failed(essex)
    wait_for("the next run", lambda: launched(instance).total() == 4, log)
    assert launched(instance) == {"kent": 1, "surrey": 1, "sussex": 1, "dorset": 1}
