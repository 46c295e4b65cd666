"""What a force states without touching a shipped file: its folder of settings, laid over the contracts of the sources.

`contracts.py` reads `contracts/SOURCE.yaml`. What the options mean is in `contracts/` and `loading/`.
"""

from dagster_project.config.contracts import ConfigError, contracts_of

__all__ = ["ConfigError", "contracts_of"]
