"""What a force states without touching a shipped file: its folder of settings, laid over what is shipped.

`contracts.py` reads `contracts/SOURCE.yaml`, `seeds.py` lays `seeds/*.csv` over the shipped ones. What the options mean
is in `contracts/` and `loading/`.
"""

from dagster_project.config.contracts import ConfigError, contracts_of

__all__ = ["ConfigError", "contracts_of"]
