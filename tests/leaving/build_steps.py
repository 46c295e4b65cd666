"""The three dbt steps of a run, without Dagster."""

from __future__ import annotations

from dagster_project.settings import Settings
from dagster_project.transformation.build import STEPS, NodeResult, build_step
from dagster_project.transformation.project import parse


def build_all(settings: Settings, *, run_id: str) -> list[NodeResult]:
    """Build and test each step after the one before it; return every node, up to the first step that fails."""
    parsed = parse(settings)
    nodes: list[NodeResult] = []
    for step in STEPS:
        report = build_step(settings, step, run_id=run_id, parsed=parsed)
        nodes += report.nodes
        if report.failed:
            break
    return nodes
