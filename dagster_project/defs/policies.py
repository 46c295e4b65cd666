"""Owner, freshness, retries and tags of every asset, defined here and applied to all specs at once."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import time, timedelta
from pathlib import Path

import dagster as dg

from dagster_project.clock import LONDON_NAME
from dagster_project.contracts import Contract
from dagster_project.transformation.project import read_manifest

RETRY_LOADING = dg.RetryPolicy(max_retries=1, delay=10)
"""For a full disk or a file share that is briefly unavailable. Data faults are not exceptions and are not retried."""

# Owner by group, unless a contract or a group of dbt/models/_models__groups.yml states one. Models without a group have
# the owner of the sources.
_OWNERS = {
    "sources": "data-engineering",
    "sources_audit": "data-engineering",
    "publication": "performance-analysis",
    "public_edition": "performance-analysis",
    "force_edition": "performance-analysis",
}

# When people start to read. The nightly run starts at 04:15 (`automation.py`).
_PUBLISHED_BY = time(9)


def with_policies(
    assets: Iterable[dg.AssetsDefinition | dg.AssetSpec], *, contracts: Mapping[str, Contract], manifest: Path
) -> Sequence[dg.AssetsDefinition | dg.AssetSpec]:
    """Return the assets, each with its owner, its tags and, if people wait for it, its freshness policy.

    Args:
        assets: all assets of the code location, each with its group.
        contracts: the sources; their owner and tags apply to the landing folder and the raw table.
        manifest: dbt's manifest, for the owners of its groups.
    """
    groups = read_manifest(manifest)["groups"].values()
    owners = _OWNERS | {group["name"]: group["owner"]["name"] for group in groups}

    def map_spec(spec: dg.AssetSpec) -> dg.AssetSpec:
        schema, name = spec.key.path
        contract = contracts[name] if schema in ("landing", "raw") else None
        group = str(spec.group_name)
        tags = {"stage": "publication" if group in ("public_edition", "force_edition") else group.partition("_")[0]}
        if contract:
            tags |= {"domain": contract.domain, "cadence": contract.cadence}
        deadline = _PUBLISHED_BY if group == "publication" else None
        if contract and contract.is_daily and schema == "landing":
            deadline = contract.delivered_by
        return spec.replace_attributes(
            owners=[f"team:{(contract and contract.owner) or owners.get(group, _OWNERS['sources'])}"],
            freshness_policy=_fresh_by(deadline) if deadline else None,
        ).merge_attributes(tags=tags)

    return dg.map_asset_specs(map_spec, assets)


def _fresh_by(deadline: time) -> dg.FreshnessPolicy:
    """Return a policy: materialised each day between midnight and the deadline, in London.

    For a landing folder: deliveries came, and all were accepted. A raw table has none: its asset is materialised by
    every run, also by one that rejects what came.
    """
    # Dagster accepts no window shorter than a minute.
    since_midnight = timedelta(hours=deadline.hour, minutes=deadline.minute) or timedelta(hours=1)
    return dg.FreshnessPolicy.cron(
        deadline_cron=f"{deadline.minute} {deadline.hour} * * *",
        lower_bound_delta=since_midnight,
        timezone=LONDON_NAME,
    )
