"""Erasing a person from a data root in this process. No tests here."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from dagster_project.contracts import Contract
from dagster_project.privacy.erasure import erase, find_person
from dagster_project.privacy.held import HeldRows
from dagster_project.privacy.person import person_of
from dagster_project.settings import Settings
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.lock import writer_lock
from tests.leaving.unit.loading_helpers import CONTRACTS


def erase_person(
    settings: Settings,
    identifier: str,
    *,
    reason: str = "request 4711",
    held: Sequence[HeldRows] = (),
    contracts: Mapping[str, Contract] = CONTRACTS,
) -> Path:
    """Erase the person of an identifier; return the certificate."""
    with writer_lock(settings.lock_file):
        with loading_connection(settings.warehouse) as connection:
            person = person_of(settings, connection, identifier)
        found = find_person(settings, contracts, person)
        return erase(settings, person, reason=reason, found=found, held=held)
