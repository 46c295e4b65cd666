"""Every other program of the benchmark comes to the tables of the reference."""

from __future__ import annotations

import shutil
import subprocess
from datetime import date

import duckdb
import pytest

from tests.long.benchmark import data, reference
from tests.long.benchmark.data import Extent
from tests.long.benchmark.equality import differences
from tests.long.benchmark.peers.arguments import Asked
from tests.long.benchmark.peers.models import checks, macros
from tests.long.benchmark.peers.registry import FACTS_ALONE, INSTALL, PEERS

# Around both clock changes; extracts of several forces have a column of the force.
_ONE = Extent(("kent",), date(2022, 10, 27), 5)
_TWO = Extent(("kent", "essex"), date(2023, 3, 24), 4)

# A script reads and converts in its own way; the others run the statements of the reference, so that one extent tells
# whether they are given the files and the key.
_TRIALS = [(_TWO, peer) for peer in PEERS] + [(_ONE, peer) for peer in PEERS if peer.against == FACTS_ALONE]


@pytest.fixture(scope="module")
def expected(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("extent")
    extent = request.param
    data.write_extracts(folder / "landing", extent)
    key = folder / "key"
    key.write_text(bytes(range(32)).hex())
    database = folder / "reference" / "warehouse.duckdb"
    reference.run(folder / "landing", database, secret=bytes(range(32)), default_force=extent.forces[0])
    return folder / "landing", database, key, extent.forces[0]


@pytest.mark.parametrize(
    ("expected", "peer"),
    _TRIALS,
    indirect=["expected"],
    ids=[f"{peer.name}: {', '.join(extent.forces)}" for extent, peer in _TRIALS],
)
def test_a_peer_comes_to_the_tables_of_the_reference(peer, expected, tmp_path):
    if not peer.is_installed():
        pytest.skip(f"{peer.name} is not installed; {INSTALL} installs it")
    landing, database, key, force = expected
    found = tmp_path / "made" / "warehouse.duckdb"
    made = subprocess.run(
        peer.command(landing, found, key=key, force=force), capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stdout[-2_000:] + made.stderr[-2_000:]
    assert differences(database, found, peer.comparisons) == []


@pytest.mark.parametrize("expected", [_TWO], indirect=True, ids=["two forces"])
def test_a_check_of_dbt_and_sqlmesh_gives_a_row_when_it_fails(expected, tmp_path):
    landing, database, key, force = expected
    shutil.copytree(database.parent, tmp_path / "copy")
    with duckdb.connect(str(tmp_path / "copy" / database.name)) as connection:
        reference.attach_marts(connection, tmp_path / "copy" / database.name)
        for statement in macros(Asked(landing, database, key, force)):
            connection.execute(statement)

        def failing():
            return {name for name, query in checks().items() if connection.execute(query).fetchall()}

        assert failing() == set()
        connection.execute(
            "update raw.live_chats set topic = 'weather' where chat_id = (select min(chat_id) from raw.live_chats)"
        )
        connection.execute("update marts.fct_call set line = null")
        assert failing() == {"live_chats_1", "call_segments_3"}
