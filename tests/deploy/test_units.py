"""The systemd units deny the services all that they do not need, and start the right commands."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from dagster_project.settings import PROJECT_ROOT
from tests.deploy.programs import program

SERVICES = sorted((PROJECT_ROOT / "deploy").glob("*.service"))


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_a_service_is_exposed_to_three_of_ten_at_most(unit: Path):
    analysis = subprocess.run(
        [program("systemd-analyze"), "security", "--offline=true", "--threshold=30", "--no-pager", unit],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Overall exposure level" in analysis.stdout, analysis.stderr
    assert analysis.returncode == 0, analysis.stdout


def test_there_are_three_services():
    assert [unit.stem for unit in SERVICES] == ["fcir-nightly", "fcir-ui", "fcir-viewer"]


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_a_service_starts_the_command_and_nothing_behind_its_back(unit: Path):
    [started] = re.findall(r"^ExecStart=(.*)$", unit.read_text(encoding="utf-8"), re.M)
    assert started.startswith("/opt/fcir/.venv/bin/fcir ")


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_a_service_leaves_no_core_dump(unit: Path):
    assert re.findall(r"^LimitCORE=(.*)$", unit.read_text(encoding="utf-8"), re.M) == ["0"]


def test_viewers_cannot_start_a_run_nor_see_an_extract():
    unit = (PROJECT_ROOT / "deploy" / "fcir-viewer.service").read_text(encoding="utf-8")
    assert "fcir ui --read-only --port 3001" in unit
    assert re.findall(r"^ReadWritePaths=(.*)$", unit, re.M) == ["-/srv/fcir/dagster"]
    assert re.findall(r"^InaccessiblePaths=(.*)$", unit, re.M) == [
        "-/srv/fcir/landing -/srv/fcir/secrets",
        "-/srv/fcir/suppression -/srv/fcir/record -/srv/fcir/certificates -/srv/fcir/history",
    ]


@pytest.mark.parametrize("name", ["fcir-nightly", "fcir-ui"])
def test_the_lines_for_spark_are_valid_and_leave_the_service_closed(name: str, tmp_path: Path):
    readme = (PROJECT_ROOT / "deploy" / "README.md").read_text(encoding="utf-8")
    [lines] = re.findall(r"^```ini\n(.*?)^```$", readme, re.M | re.S)
    unit, added = tmp_path / f"{name}.service", tmp_path / f"{name}.service.d" / "spark.conf"
    assert f"{name}.service.d/{added.name}" in readme
    shutil.copyfile(PROJECT_ROOT / "deploy" / unit.name, unit)
    added.parent.mkdir()
    added.write_text(lines, encoding="utf-8")

    def complaints() -> list[str]:
        command = [program("systemd-analyze"), "verify", "--recursive-errors=no", "--man=no", unit]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return [line for line in done.stderr.splitlines() if str(tmp_path) in line]

    assert complaints() == []
    security = [program("systemd-analyze"), "security", "--offline=true", "--threshold=30", "--no-pager", unit]
    assert subprocess.run(security, capture_output=True, check=False).returncode == 0
    # systemd skips an invalid line with a warning.
    added.write_text(lines.replace("ReadWritePaths", "ReadWritePath").replace("192.0.2.30", "spark.example"))
    assert len({line.split(": ")[1] for line in complaints()}) == 2
