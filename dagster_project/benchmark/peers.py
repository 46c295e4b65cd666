"""Other ways of doing the same work, each a command that is measured and compared like the reference.

A peer reads a landing folder as `data.py` writes it and makes a DuckDB file with the facts in the schema `marts`: the
columns and rows of the reference, in whatever order, `load_id` left out or numbered as it likes. It hashes personal
values with the key in the key file (HMAC-SHA-256, 32 hexadecimal digits), so that its pseudonyms are the same. Its
figures are only shown when its facts equal those of the reference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dagster_project.benchmark.equality import FACTS, Comparison


@dataclass(frozen=True)
class Peer:
    """A named command.

    Attributes:
        name: what the table calls it.
        command: gives program and arguments for a landing folder, the DuckDB file to make (it does not exist) and the
            file of the pseudonym key.
        comparisons: what of its file has to equal the reference's; the facts, unless it does less or more.
    """

    name: str
    command: Callable[[Path, Path, Path], Sequence[str]]
    comparisons: tuple[Comparison, ...] = FACTS


PEERS: tuple[Peer, ...] = ()
"""Peers in the order of the table. A peer whose libraries are not installed does not belong here: leave it out by a
condition at the end of its module, so that the others can be measured."""
