"""What a force states without touching a shipped file: its folder of settings, laid over what is shipped.

`contracts.py` reads `contracts/SOURCE.yaml`, `seeds.py` lays `seeds/*.csv` over the shipped ones, `parts.py` reads what
its events count for, and `project.py` joins its models to the dbt project. What the options mean is in `contracts/`,
`loading/` and `dbt/`.
"""

from dagster_project.config.contracts import contracts_of
from dagster_project.config.files import ConfigError

__all__ = ["ConfigError", "contracts_of"]
