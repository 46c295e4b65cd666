"""What every asset shows, as data for a file that is kept beside this one. Whether it is right is for the tests.

After a wanted change of assets, write the file again and read its difference before it is committed:

    .venv/bin/python -m tests.dagster.asset_specs
"""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import dagster as dg

from dagster_project.definitions import definitions

FILE = Path(__file__).with_suffix(".json")


def described(loaded: dg.Definitions) -> dict[str, dict[str, Any]]:
    """By asset key: group, owners, kinds, tags, dependencies, partitions, freshness. Checks have tests of their own."""
    graph = loaded.resolve_asset_graph()
    return {
        spec.key.to_user_string(): {
            "is_executable": graph.get(spec.key).is_executable,
            "group": spec.group_name,
            "owners": sorted(spec.owners),
            "kinds": sorted(spec.kinds),
            "tags": {name: value for name, value in sorted(spec.tags.items()) if not name.startswith("dagster/")},
            "partitions": _partitions(spec.partitions_def),
            "fresh_by": getattr(spec.freshness_policy, "deadline_cron", None),
            "deps": sorted(dep.asset_key.to_user_string() for dep in spec.deps),
        }
        for spec in sorted(loaded.resolve_all_asset_specs(), key=lambda spec: spec.key.path)
    }


def _partitions(definition: dg.PartitionsDefinition | None) -> str | None:
    """What an asset is partitioned by; the first day depends on what was delivered."""
    return f"daily, {definition.timezone}" if isinstance(definition, dg.DailyPartitionsDefinition) else None


def as_text(specs: dict[str, dict[str, Any]]) -> str:
    """The content of the file: one line for each asset."""
    lines = [f" {json.dumps(key)}: {json.dumps(spec)}" for key, spec in specs.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"FCIR_HOME": home}
        FILE.write_text(as_text(described(definitions())), encoding="utf-8")
