"""The sample with one event changed: its figure alone changes, and no public edition discloses a small count."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dagster_project.transformation.project import marts_of, read_manifest
from tests.end_to_end.command import Command
from tests.publication.public_attacker import Assumption, attack_of, learnt, small_counts, true_counts


@pytest.fixture(scope="module")
def corrected(sample, tmp_path_factory):
    """A copy of the sample without one e-mail of September and ten crimes of a day in October.

    With the public edition before and after it, each with the counts that it was made from.
    """
    copy = Command(tmp_path_factory.mktemp("corrected") / "home")
    # So that the other tests may come in any order.
    shutil.copytree(sample.home, copy.home, symlinks=True)
    marts = marts_of(read_manifest(copy.home / "dbt" / "manifest.json"))

    def released() -> tuple[Path, dict]:
        done = copy.run("publish", "--edition", "public")
        assert done.returncode == 0, done.stdout + done.stderr
        folder = (copy.home / "published_public" / "current").resolve()
        return folder, true_counts(copy.home / "warehouse.duckdb", marts)

    before = released()
    path = sorted((copy.home / "landing" / "digital_contacts").glob("*2022-09-14*.jsonl"))[0]
    records = path.read_text(encoding="utf-8").splitlines(keepends=True)
    counted = next(place for place, line in enumerate(records) if '"email"' in line and "true" not in line.lower())
    path.write_text("".join(records[:counted] + records[counted + 1 :]), encoding="utf-8")
    (path,) = (copy.home / "landing" / "crimes").glob("*2022-10-26*.csv")
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-10]))
    done = copy.run("run")
    assert done.returncode == 0, done.stdout + done.stderr
    return copy, marts, [before, released()]


def test_changed_event_changes_only_its_figure(sample, corrected):
    copy, _, _ = corrected
    differing = copy.published(
        "select section, measure, cast(month_start as varchar), difference from marts.reconciliation "
        "where verdict not in ('match', 'match_other_formula')"
    )
    ((section, measure, month, difference),) = [row for row in differing if row[0] != "crime"]
    assert (section, measure, month, abs(difference)) == ("digital", "digital_contacts", "2022-09-01", 1)
    # Some of the ten lines updated a crime that another line has. The others, of 14,000 crimes, do not
    # move the share of cancelled ones.
    crimes = (
        "select count(*) from marts.fct_crime "
        "where force_code = 'kent' and recorded_date between '2022-10-01' and '2022-10-31'"
    )
    ((before,),), ((after,),) = sample.published(crimes), copy.published(crimes)
    assert 0 < before - after <= 10
    assert [(*row[:3], abs(row[3])) for row in differing if row[0] == "crime"] == [
        ("crime", "recorded_crime", "2022-10-01", before - after)
    ]
    assert copy.published(
        "select count(*) from marts.reconciliation where verdict in ('match', 'match_other_formula')"
    ) == [(106,)]


def test_solver_over_sample_editions_learns_no_small_count(corrected):
    _, marts, editions = corrected
    assert editions[0][1] != editions[1][1]
    for assumption in Assumption:
        attack, truth = attack_of(marts, editions, assumption)
        tried = small_counts(truth, 5, at_most=60)
        assert len(tried) > 100
        assert learnt(truth, attack.solve(tried), 5) == {}, assumption
