"""Contracts of the sources: the model, and the reader of Open Data Contract Standard files."""

from dagster_project.contracts.model import FORCE_COLUMN, CellType, Column, Contract, Identifier, Rule, Severity
from dagster_project.contracts.odcs import ContractError, load_contract, load_contracts

__all__ = [
    "FORCE_COLUMN",
    "CellType",
    "Column",
    "Contract",
    "ContractError",
    "Identifier",
    "Rule",
    "Severity",
    "load_contract",
    "load_contracts",
]
