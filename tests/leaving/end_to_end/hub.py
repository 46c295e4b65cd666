"""Data roots of two forces, and a hub over them. No tests here."""

from collections.abc import Mapping
from pathlib import Path

from tests.leaving.end_to_end.command import CALLS, Command, call, land_three_days

FORCES = ("kent", "surrey")


def loaded_members(folder: Path, parsed_project: Path) -> dict[str, Command]:
    """Return the data roots of two forces, loaded at the same time: three days, and a late call or two."""
    members = {
        force: Command(folder / force, settings={"FCIR_FORCE": force, "FCIR_ROOT_NUMBER": str(number)})
        for number, force in enumerate(FORCES, 1)
    }
    for number, root in enumerate(members.values()):
        land_three_days(root)
        root.land("call_segments_2022-10-31_late.csv", CALLS, *(call(n, "2022-10-31") for n in range(30, 32 + number)))
        root.know_the_project(parsed_project)
    running = [root.start("run", "--load-only") for root in members.values()]
    for process in running:
        out, err = process.communicate()
        assert process.returncode == 0, out + err
        assert "All is well" in out
    return members


def hub_over(home: Path, members: Mapping[str, Command], settings: Mapping[str, str] | None = None) -> Command:
    """Return a hub over members that has not run yet."""
    hub = Command(
        home, settings={"FCIR_MEMBERS": ",".join(str(root.home) for root in members.values())} | dict(settings or {})
    )
    hub.home.mkdir(exist_ok=True)
    return hub
