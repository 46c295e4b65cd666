"""Commands of dbt as the tests of the project run them."""

from dagster_project.settings import Settings
from dagster_project.transformation.project import invoke


def run_dbt(settings: Settings, *command: str):
    """Run a command over the project as it is; return its results, all of them successes."""
    parsed = invoke(settings, ["parse", "--no-write-json"])
    results = invoke(settings, list(command), manifest=parsed).results
    failed = {item.node.name: item.message for item in results if str(item.status) not in ("success", "pass")}
    assert failed == {}, failed
    return results
