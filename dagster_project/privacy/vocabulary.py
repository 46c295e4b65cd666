"""Words of the project itself, such as `calls_999`: replacing them would rename tables, measures and files."""

import os
import re
import socket
from collections.abc import Iterator, Mapping
from typing import Any

from dagster_project.contracts import Contract
from dagster_project.errors import UsageError
from dagster_project.loading.pseudonyms import PSEUDONYM_LENGTH
from dagster_project.privacy.findings import find_values, pseudonyms_in_databases
from dagster_project.privacy.person import Person
from dagster_project.privacy.values import Values
from dagster_project.record import who
from dagster_project.settings import DBT_PROJECT, Settings
from dagster_project.transformation.project import ensure_manifest, read_manifest

_NAMED = ("nodes", "sources", "macros", "exposures", "metrics", "semantic_models", "unit_tests", "groups")


def require_no_word_of_project(settings: Settings, contracts: Mapping[str, Contract], person: Person) -> None:
    """Check that an identifier is not only a word of the project. One that is a person's in the data is accepted.

    One of the machine is not, since the certificate and the entry of the erasure would have it.

    Args:
        settings: the data root; the caller holds the writer lock and no connection.
        contracts: all contracts.
        person: who is to be erased.

    Raises:
        UsageError: a name of the project has it, no place has its pseudonym, and it was not erased before; or the name
            of the user, the login or the host, or the path of the data root has it.
        DamagedStore: the warehouse or the marts cannot be read.
    """
    words = Values({}, person.identifier)
    of_machine = (who.user(), who.login(), socket.gethostname(), *settings.home.parts)
    if any(words.count_in(os.fsencode(name)) for name in of_machine):
        raise UsageError(
            "the identifier is in the name of the user, the login or the host, or in the path of the data root; "
            "the certificate and the record would contain it. Nothing was erased. Run the command as another user, on "
            "another host, or with the data root in another folder: fcir erase"
        )
    is_like_one = re.fullmatch(f"[0-9a-f]{{{PSEUDONYM_LENGTH}}}", person.identifier)
    # Any other is not looked for, since it takes a search of every database.
    if is_like_one and pseudonyms_in_databases(
        settings, contracts, "{} in (select value from known_value)", [person.identifier]
    ):
        raise UsageError(
            "the identifier is a pseudonym, and the next load would bring the person back. Nothing was erased. "
            "Enter the identifier itself, as the extracts have it: fcir erase"
        )
    if person.suppressed or not words.is_in_clear:
        return
    manifest = read_manifest(ensure_manifest(settings))
    if not words.count_in("\n".join(_words(manifest, contracts)).encode()):
        return
    held = find_values(settings, Values(dict.fromkeys(person.pseudonyms.values(), "")))
    if not any((held.warehouse, held.marts, held.publications, held.files, held.backups)):
        raise UsageError(
            "the identifier is in names of this project (sources, columns, tables, measures, codes), and no personal "
            "column has its pseudonym. Erasing it would rename them. Nothing was erased. Enter the identifier of a "
            "person as the extracts have it"
        )


def _words(manifest: Mapping[str, Any], contracts: Mapping[str, Contract]) -> Iterator[str]:
    """Yield the names of the dbt project and of the sources, and the contents of its seeds, which have the codes."""
    for kind in _NAMED:
        for node in manifest.get(kind, {}).values():
            yield node["name"]
            yield from node.get("columns", ())
    for source, contract in contracts.items():
        yield source
        yield from (column.name for column in contract.columns)
    for seed in (DBT_PROJECT / "seeds").glob("*.csv"):
        yield seed.read_text(encoding="utf-8")
