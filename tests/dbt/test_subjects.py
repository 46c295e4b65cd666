"""A fault in the models of one subject leaves the tables of the others built and tested."""

from dagster_project.contracts import load_contracts
from dagster_project.settings import CONTRACTS, Settings
from dagster_project.transformation.project import invoke, parse
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.tables import ensure_tables

SUBJECTS = ["path:models/calls", "path:models/contact", "path:models/crime", "path:models/measures"]


def test_a_broken_model_of_crimes_skips_what_is_made_of_crimes_alone(settings: Settings) -> None:
    with loading_connection(settings.warehouse) as connection:
        ensure_tables(connection, load_contracts(CONTRACTS).values())
    parsed = parse(settings)
    parsed.nodes["model.fcir.int_crime_event"].raw_code = "select no_such_column from {{ ref('fct_crime') }}"
    selected = ["--select", *(f"+{path}" for path in SUBJECTS), "--exclude-resource-type", "unit_test"]
    results = invoke(settings, ["build", *selected, "--no-write-json"], manifest=parsed).results
    outcomes: dict[str, set[str]] = {}
    for item in results:
        node = parsed.nodes.get(getattr(item.node, "attached_node", None) or item.node.unique_id, item.node)
        folder = node.fqn[1] if node.unique_id.startswith("model.") else "other"
        outcomes.setdefault(folder, set()).add(str(item.status))
    assert outcomes["crime"] == {"success", "pass", "error", "skipped"}
    assert "skipped" in outcomes.pop("measures")
    built = {folder: found for folder, found in outcomes.items() if folder in ("calls", "contact", "completeness", "core")}
    assert built == dict.fromkeys(("calls", "contact", "completeness", "core"), {"success", "pass"})
