"""Roots of these tests: the golden one, and a copy of it with a correction and two public editions."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from unittest.mock import patch

import pytest

from dagster_project.publication import editions
from dagster_project.settings import Settings
from dagster_project.transformation.build import build
from dagster_project.transformation.dbt import Dbt, run_dbt
from dagster_project.transformation.project import Mart, ensure_manifest, marts_of, read_manifest
from dagster_project.warehouse.connection import loading_connection
from tests.compiled_engine import CompiledDbt
from tests.conftest import Golden
from tests.roots import DataRoot

UNLISTED = {"city-of-london": "998Z", "kent": "997Z"}
"""Offence codes that the list lacks, each of one crime of a force."""

ABOUT = "licence: OGL\nowner: Head of Data\ncontact: statistics@force.example\nnextRelease: 2023-02-16\n"
BOARD = {
    "defaults.md": "---\nowner: Head of Unit\nmarking: OFFICIAL\n---\n",
    "events.csv": "date,label\n2022-10-14,Strike\n",
    "2023-01.md": "For the board alone.\n",
    "public-2023-01.md": "Approved for **all**.\n",
}
"""What analysts write beside the second edition; only the last file is for it."""


@pytest.fixture(scope="session")
def sample(golden: Golden) -> DataRoot:
    """The golden root. It is read only: a test that changes it takes a copy."""
    return golden.root


@pytest.fixture(scope="session")
def marts(sample: DataRoot) -> list[Mart]:
    return marts_in(sample)


@pytest.fixture(scope="session")
def figures(sample: DataRoot) -> dict[tuple[str, ...], tuple[Decimal | None, str]]:
    """Every published figure and its text, by force, measure, month and period."""
    rows = sample.published(
        "select force_code, measure, strftime(month_start, '%Y-%m'), period, value, display_value "
        "from marts.kpi_measure_period"
    )
    return {tuple(key): (value, text or "\N{EN DASH}") for *key, value, text in rows}


@pytest.fixture(scope="session")
def corrected(made_once: Callable[..., Path], sample: DataRoot, compiled: Path) -> DataRoot:  # noqa: ARG001
    """A copy of the golden root with two public editions and a correction between them.

    The correction takes away an e-mail of September and ten crimes of a day in October, two of whose crimes get an
    offence code that the list lacks. The first edition shows the months to November, the second one December too.
    """

    def fill(folder: Path) -> None:
        root = sample.copy(folder / "home")
        write_about(root)
        # The build that follows sets it to one month again.
        with loading_connection(root.home / "warehouse.duckdb") as connection:
            connection.execute("update reference.disclosure_rules set value = 2 where rule = 'months_to_settle'")
        with patch.object(editions, "write_papers", lambda *_, **__: []):
            succeed(root, "publish", "--edition", "public")
        correct(root)
        root.load()
        settings = Settings(home=root.home, _env_file=None)
        manifest = read_manifest(ensure_manifest(settings))
        with patch.object(Dbt, "cli", CompiledDbt.cli):
            assert not build(settings, partial(run_dbt, settings), run_id="corrected", manifest=manifest).failed
        write(root, BOARD)
        succeed(root, "publish", "--edition", "public")

    return DataRoot(made_once("corrected", fill) / "home")


def write_about(root: DataRoot) -> None:
    """Write what a public edition says of itself."""
    (root.home / "config").mkdir(exist_ok=True)
    (root.home / "config" / "publication.yaml").write_text(ABOUT, encoding="utf-8")


def marts_in(root: DataRoot) -> list[Mart]:
    return marts_of(read_manifest(root.home / "dbt" / "manifest.json"))


def write(root: DataRoot, texts: dict[str, str]) -> None:
    """Write files of the analysts of Kent."""
    folder = root.home / "commentary" / "kent"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


def succeed(root: DataRoot, *arguments: str) -> str:
    done = root.fcir(*arguments)
    assert done.code == 0, done.out + done.err
    return done.out


def correct(root: DataRoot) -> None:
    """Deliver a day of contacts with one e-mail fewer, and a day of crimes without its last ten."""
    (contacts,) = (root.home / "landing" / "digital_contacts").glob("*2022-09-14*.jsonl")
    lines = contacts.read_text(encoding="utf-8").splitlines(keepends=True)
    counted = next(place for place, line in enumerate(lines) if '"email"' in line and "true" not in line.lower())
    contacts.write_text("".join(lines[:counted] + lines[counted + 1 :]), encoding="utf-8")
    (crimes,) = (root.home / "landing" / "crimes").glob("*2022-10-26*.csv")
    lines = crimes.read_text(encoding="latin-1").splitlines(keepends=True)[:-10]
    for force, code in UNLISTED.items():
        place = next(place for place, line in enumerate(lines) if line.startswith(force))
        cells = lines[place].split(",")
        lines[place] = ",".join([*cells[:4], code, *cells[5:]])
    crimes.write_text("".join(lines), encoding="latin-1")
