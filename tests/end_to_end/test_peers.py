"""What is published nationally is shown where it was delivered, and nothing hints at it elsewhere."""

from __future__ import annotations

import json
import re
import shutil
from decimal import Decimal

import duckdb
import pytest
from command import Command


def test_the_page_is_absent_without_the_source(undisturbed):
    assert not (undisturbed.current / "peers.html").exists()
    for page in ("index.html", "explorer.html", "demand.html", "assets/search-index.js"):
        assert "peers.html" not in (undisturbed.current / page).read_text(encoding="utf-8"), page
    assert undisturbed.published("select count(*) from marts.national_call_answering") == [(0,)]


def test_the_sample_has_the_page_in_its_navigation_and_search(sample):
    page = (sample.current / "peers.html").read_text(encoding="utf-8")
    assert re.search(r"\d+\.\d% of 999 calls were answered in under 10 seconds, (above|below|as in) ", page)
    assert "starts when the operator of BT connects" in page
    assert page.count("<tr") == 1 + 46 + 1 + 1 + 6
    for other in ("index.html", "explorer.html", "assets/search-index.js"):
        assert "peers.html" in (sample.current / other).read_text(encoding="utf-8"), other


def test_figures_of_the_united_kingdom_are_computed_from_the_calls(sample):
    months = sample.published(
        """
        select
            uk_calls, uk_mean_answer_seconds, uk_pct_under_10s,
            sum(calls), sum(calls * mean_answer_seconds) / sum(calls), sum(calls * pct_under_10s) / sum(calls)
        from marts.national_call_answering
        group by month_start, uk_calls, uk_mean_answer_seconds, uk_pct_under_10s
        """
    )
    assert len(months) == 15
    for calls, mean, share, all_calls, weighted_mean, weighted_share in months:
        assert calls == all_calls
        assert abs(mean - Decimal(weighted_mean)) < Decimal("0.00001")
        # A share with two decimals is of whole calls.
        assert abs(share - Decimal(weighted_share)) < Decimal("0.01")


def test_calls_of_the_forces_of_the_sample_are_those_that_they_received(sample):
    different = sample.published(
        """
        select count(*), count(*) filter (where published.calls <> own.received)
        from marts.national_call_answering as published
        inner join marts.kpi_calls_monthly as own
            on published.force_code = own.force_code and published.month_start = own.month_start
        where own.line = '999' and not own.is_provisional
        """
    )
    assert different == [(12, 0)]


@pytest.fixture(scope="module")
def editions(sample, tmp_path_factory) -> Command:
    copy = Command(tmp_path_factory.mktemp("editions") / "home")
    shutil.copytree(sample.home, copy.home, symlinks=True)
    for edition in (("public",), ("force", "--force", "city-of-london")):
        done = copy.run("publish", "--edition", *edition)
        assert done.returncode == 0, done.stdout + done.stderr
    return copy


def test_the_public_edition_has_the_figures_and_not_their_rows(editions):
    folder = (editions.home / "published_public" / "current").resolve()
    tables = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["tables"]
    assert tables["national_call_answering"] == 15 * 46
    assert "fct_national_call_answering" not in tables


def test_the_edition_of_a_force_has_all_figures_and_its_own_rows(editions):
    folder = (editions.home / "published_force" / "city-of-london" / "current").resolve()
    with duckdb.connect(str(folder / "fcir.duckdb"), read_only=True) as connection:
        forces = "select count(*), count(distinct force_code) from marts.{}"
        assert connection.execute(forces.format("national_call_answering")).fetchall() == [(15 * 46, 46)]
        assert connection.execute(forces.format("fct_national_call_answering")).fetchall() == [(15, 1)]
