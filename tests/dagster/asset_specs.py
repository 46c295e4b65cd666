"""What every asset shows, as data for a file that is kept beside this one. Whether it is right is for the tests.

After a wanted change of assets, write the file again and read its difference before it is committed:

    .venv/bin/python -m tests.dagster.asset_specs
"""

import json
import os
import tempfile
from pathlib import Path

import dagster as dg

from dagster_project.definitions import definitions

FILE = Path(__file__).with_suffix(".json")


def as_text(loaded: dg.Definitions) -> str:
    """The content of the file: a line for each asset."""
    graph = loaded.resolve_asset_graph()
    lines = []
    for spec in sorted(loaded.resolve_all_asset_specs(), key=lambda spec: spec.key.path):
        fresh, days = spec.freshness_policy, spec.partitions_def
        described = {
            "is_executable": graph.get(spec.key).is_executable,
            "group": spec.group_name,
            "owners": sorted(spec.owners),
            "kinds": sorted(spec.kinds),
            "tags": {name: value for name, value in sorted(spec.tags.items()) if not name.startswith("dagster/")},
            # The first day depends on what was delivered.
            "partitions": f"daily, {days.timezone}" if isinstance(days, dg.DailyPartitionsDefinition) else None,
            "fresh": [fresh.deadline_cron, fresh.lower_bound_delta.seconds, fresh.timezone] if fresh else None,
            "deps": sorted(dep.asset_key.to_user_string() for dep in spec.deps),
            "checks": sorted(check.name for check in graph.get(spec.key).check_keys),
        }
        lines.append(f" {json.dumps(spec.key.to_user_string())}: {json.dumps(described)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"FCIR_HOME": home}
        FILE.write_text(as_text(definitions()), encoding="utf-8")
