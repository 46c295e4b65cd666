"""Groups, descriptions and checks of the dbt nodes in Dagster."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator

from dagster_project.config.project import MODELS
from dagster_project.defs.links import asset_key_of, file_and_text, pages_of_table
from dagster_project.settings import Settings
from dagster_project.transformation.project import project_folder


class Translator(DagsterDbtTranslator):
    """Adds to dagster-dbt's specs what dbt states of a node, its pages and its SQL."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._installation = settings
        self._project = project_folder(settings)

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: Any) -> dg.AssetSpec:
        """Return the spec of a node, with its dbt group as its group and its kinds."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        spec = spec.replace_attributes(key=asset_key_of(manifest, unique_id))
        node = manifest["nodes"].get(unique_id)
        if node is None:
            return spec
        is_seed, path = node["resource_type"] == "seed", node["original_file_path"]
        shown = path if path.startswith(MODELS) else f"dbt/{path}"
        return spec.replace_attributes(
            group_name=node["group"],
            description=node["description"],
            # dbt's tags are only for dbt selections.
            tags={},
            kinds={"dbt", "csv" if is_seed else self._installation.target.value},
        ).merge_attributes(
            metadata=pages_of_table(self._installation, node["schema"], node["name"])
            | (
                {"csv_file": dg.MetadataValue.text(shown)}
                if is_seed
                else file_and_text("sql", self._project / path, shown, "sql")
            )
        )

    def get_asset_check_spec(
        self, asset_spec: dg.AssetSpec, manifest: Mapping[str, Any], unique_id: str, project: Any
    ) -> dg.AssetCheckSpec | None:
        """Return the spec of a data test with what it requires. Its name has to be that which names the result too."""
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        node = manifest["nodes"][unique_id]
        return spec and spec._replace(description=f"{_required_by(node)} {_consequence(node)}")


def _required_by(node: Mapping[str, Any]) -> str:
    """Return the description of a data test; else its arguments, or its name, which is then a sentence."""
    arguments = (node.get("test_metadata") or {}).get("kwargs", {})
    listed = [f"{name}: {_text(value)}." for name, value in arguments.items() if value and name != "model"]
    return node["description"] or " ".join(listed) or f"{node['name'].replace('_', ' ').capitalize()}."


def _text(value: object) -> str:
    """Return an argument of a data test as text."""
    if isinstance(value, Mapping):
        return "; ".join(f"{name} {_text(item)}" for name, item in value.items())
    return ", ".join(map(_text, value)) if isinstance(value, list) else str(value)


def _consequence(node: Mapping[str, Any]) -> str:
    """Return a sentence on what a failure of a data test means."""
    if node["config"]["severity"].lower() == "warn":
        return "A failure is a warning: the marts are published."
    return "A failure stops the run: nothing is published, and what was published before stays."
