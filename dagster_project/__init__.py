"""The FCIR warehouse: extracts of police contact and crime in, published figures out."""

import os

# The libraries read these when they are imported or started, in this process and in those that it starts. So they are
# set before any of them, however the package is loaded. Plain `dbt` reads dbt/dbt_project.yml, and `dagster` the
# dagster.yaml of the current folder.
for _name, _value in (("DAGSTER_DISABLE_TELEMETRY", "1"), ("DO_NOT_TRACK", "1"), ("GX_ANALYTICS_ENABLED", "false")):
    os.environ.setdefault(_name, _value)
