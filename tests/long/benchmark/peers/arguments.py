"""What the programs of this package are asked for: the same arguments as the reference."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Asked:
    """What a program works on.

    Attributes:
        landing: folder with one folder for each of the five daily sources.
        database: DuckDB file that is made; its folder is there and empty.
        key_file: hexadecimal key of the pseudonyms.
        force: force of extracts without a force column.
    """

    landing: Path
    database: Path
    key_file: Path
    force: str

    def secret(self) -> bytes:
        """The key of the pseudonyms."""
        return bytes.fromhex(self.key_file.read_text(encoding="ascii").strip())


def asked_for() -> Asked:
    """Read the command line and make the folder of the database.

    Raises:
        FileExistsError: the database is there already.
    """
    parser = ArgumentParser()
    parser.add_argument("landing", type=Path)
    parser.add_argument("database", type=Path)
    parser.add_argument("--key", type=Path, required=True, help="file with the key of the pseudonyms")
    parser.add_argument("--force", default="kent", help="force of extracts without a force column")
    asked = parser.parse_args()
    database = asked.database.resolve()
    if database.exists():
        raise FileExistsError(f"{database} exists")
    database.parent.mkdir(parents=True, exist_ok=True)
    return Asked(asked.landing.resolve(), database, asked.key.resolve(), asked.force)
