"""Names, groups, descriptions and checks of the dbt nodes in Dagster."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator

from dagster_project.defs.links import file_of_project, pages_of_table
from dagster_project.settings import Settings

# Sentence for each kind of data test, with its arguments in braces. For `integrity`, see `_integrity`.
_CLAIMS = {
    "dated_list": "Of each force and {key}, one row at most is in force on any day, and none is missing between.",
    "sums_to_measure": "{column} adds up to the measure {measure} in every month of a force.",
}


class Translator(DagsterDbtTranslator):
    """Maps dbt nodes to Dagster names (schema and table) and to groups, as in dbt_project.yml."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._installation = settings

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: Any) -> dg.AssetSpec:
        """Return the spec of a node, with its stage as the group, its owner and its kinds."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        node = manifest["nodes"].get(unique_id) or manifest["sources"][unique_id]
        if node["resource_type"] == "source":
            return spec.replace_attributes(key=asset_key_of(manifest, unique_id))
        return spec.replace_attributes(
            key=asset_key_of(manifest, unique_id),
            group_name=node["group"],
            description=node["description"],
            # dbt's tags are only for dbt selections.
            tags={},
            kinds={"dbt", "csv" if node["resource_type"] == "seed" else self._installation.target.value},
        ).merge_attributes(
            metadata=pages_of_table(self._installation, node["schema"], node["name"], unique_id)
            | (
                {"csv_file": dg.MetadataValue.text(f"dbt/{node['original_file_path']}")}
                if node["resource_type"] == "seed"
                else file_of_project("sql", f"dbt/{node['original_file_path']}", "sql")
            )
        )

    def get_asset_check_spec(
        self, asset_spec: dg.AssetSpec, manifest: Mapping[str, Any], unique_id: str, project: Any
    ) -> dg.AssetCheckSpec | None:
        """Return the spec of a data test with its claim in words."""
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        if spec is None:
            return None
        node = manifest["nodes"][unique_id]
        # The name of a singular test is a sentence.
        claim = node["description"] or _claim(node) or f"{node['name'].replace('_', ' ').capitalize()}."
        # Its name has to be that of dagster-dbt, which names the result too.
        return spec._replace(description=f"{claim} {_consequence(node)}")


def asset_key_of(manifest: Mapping[str, Any], unique_id: str) -> dg.AssetKey:
    """Return the asset key, schema and table, of a node or dbt source."""
    node = manifest["nodes"].get(unique_id) or manifest["sources"][unique_id]
    return dg.AssetKey([node.get("source_name") or node["schema"], node["name"]])


def _consequence(node: Mapping[str, Any]) -> str:
    """Return a sentence on what a failure of a data test means."""
    if node["config"]["severity"].lower() == "warn":
        return "A failure is a warning: the marts are published."
    return "A failure stops the run: nothing is published, and what was published before stays."


def _claim(node: Mapping[str, Any]) -> str | None:
    """Return the claim of a generic test; None for kinds of tests without a sentence here."""
    if not node.get("test_metadata"):
        return None
    name, arguments = node["test_metadata"]["name"], node["test_metadata"]["kwargs"]
    if name == "integrity":
        return _integrity(arguments)
    claim = _CLAIMS.get(name)
    texts = {name: _listed(value) if isinstance(value, list) else str(value) for name, value in arguments.items()}
    return claim.format_map(texts) if claim else None


def _integrity(arguments: Mapping[str, Any]) -> str:
    """Return a sentence for each claim of an integrity test."""
    claims = []
    if "grain" in arguments:
        claims.append(f"No two rows have the same {_listed(arguments['grain'])}.")
    if "required" in arguments:
        claims.append(f"Never empty: {_listed(arguments['required'])}.")
    claims += [f"{column} is one of: {_listed(values)}." for column, values in arguments.get("accepted", {}).items()]
    claims += [f"{item['total']} is the sum of {_listed(item['parts'])}." for item in arguments.get("totals", [])]
    claims += [f"No row where {item['text']}." for item in arguments.get("conditions", [])]
    for item in arguments.get("parents", []):
        table = item["to"].removeprefix("ref('").removesuffix("')")
        to_columns = item.get("to_columns", item["columns"])
        relation = "in" if to_columns == item["columns"] else f"a {_listed(to_columns)} of"
        claims.append(f"Every {_listed(item['columns'])} is {relation} {table}.")
    return " ".join(claims)


def _listed(items: Sequence[object]) -> str:
    return ", ".join(str(item) for item in items)
