"""A build of a run, without Dagster."""

from __future__ import annotations

from functools import partial

from dagster_project.settings import Settings
from dagster_project.transformation.build import NodeResult, build
from dagster_project.transformation.dbt import run_dbt
from dagster_project.transformation.project import ensure_manifest, read_manifest


def build_all(settings: Settings, *, run_id: str) -> tuple[NodeResult, ...]:
    """Build and test all tables; return every node."""
    manifest = read_manifest(ensure_manifest(settings))
    return build(settings, partial(run_dbt, settings), run_id=run_id, manifest=manifest).nodes
