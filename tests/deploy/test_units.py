"""The systemd units deny the services all that they do not need, and start the right commands."""

import re
import shutil
import subprocess
from pathlib import Path

from dagster_project.settings import PROJECT_ROOT
from tests.deploy.programs import program

DEPLOY = PROJECT_ROOT / "deploy"
FCIR = "/opt/fcir/.venv/bin/fcir"
WRITER = {"ReadWritePaths": "/srv/fcir", "ReadOnlyPaths": "-/srv/fcir/landing"}
# Nobody but the proxy opens a UI.
PROXY = {"Group": "www-data", "RuntimeDirectoryMode": "0750"}
CLOSED = ("landing", "secrets", "history")
SERVICES = {
    # 75: another run holds the warehouse.
    "fcir-nightly": WRITER | {"ExecStart": f"{FCIR} run", "RestartForceExitStatus": "75", "IPAddressDeny": "any"},
    "fcir-status": WRITER | {"ExecStart": f"{FCIR} status --max-age 26h", "IPAddressDeny": "any"},
    "fcir-ui": WRITER
    | {"ExecStart": f"{FCIR} ui --socket /run/fcir-ui/ui.sock", "SupplementaryGroups": "fcir"}
    | PROXY
    | {"RuntimeDirectory": "fcir-ui"},
    "fcir-viewer": {
        "ExecStart": f"{FCIR} ui --read-only --socket /run/fcir-viewer/ui.sock",
        "RuntimeDirectory": "fcir-viewer",
        **PROXY,
        "ReadWritePaths": "-/srv/fcir/dagster",
        "InaccessiblePaths": " ".join(f"-/srv/fcir/{folder}" for folder in CLOSED),
        "IPAddressDeny": "any",
    },
}


def exposure(*units: Path) -> subprocess.CompletedProcess[str]:
    """Score units: the exit code is 0 if none is exposed to more than three of ten."""
    command = [program("systemd-analyze"), "security", "--offline=true", "--threshold=30", "--no-pager", *units]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_no_service_is_exposed_to_more_than_three_of_ten():
    scored = exposure(*DEPLOY.glob("*.service"))
    assert scored.stdout.count("Overall exposure level") == len(SERVICES), scored.stderr
    assert scored.returncode == 0, scored.stdout


def test_each_service_starts_its_command_and_reaches_the_folders_that_it_needs():
    assert {unit.stem for unit in DEPLOY.glob("*.service")} == set(SERVICES)
    for service, expected in SERVICES.items():
        settings: dict[str, str] = {}
        for name, value in re.findall(r"^(\w+)=(.*)$", (DEPLOY / f"{service}.service").read_text("utf-8"), re.M):
            settings[name] = f"{settings.get(name, '')} {value}".strip()
        assert settings.items() >= (expected | {"User": "fcir", "UMask": "0077", "LimitCORE": "0"}).items(), service


def test_the_lines_for_spark_are_valid_and_leave_the_services_closed(tmp_path):
    [lines] = re.findall(r"^```ini\n(.*?)^```$", (DEPLOY / "README.md").read_text("utf-8"), re.M | re.S)
    units = [tmp_path / f"{service}.service" for service in ("fcir-nightly", "fcir-ui")]
    for unit in units:
        shutil.copyfile(DEPLOY / unit.name, unit)
        Path(f"{unit}.d").mkdir()
        Path(f"{unit}.d/spark.conf").write_text(lines, "utf-8")
    command = [program("systemd-analyze"), "verify", "--recursive-errors=no", "--man=no", *units]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    # systemd skips an invalid line with a warning.
    assert str(tmp_path) not in done.stderr
    assert exposure(*units).returncode == 0
