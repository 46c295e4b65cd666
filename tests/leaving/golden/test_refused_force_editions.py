"""Editions of a force that are refused."""

from __future__ import annotations

import pytest

from dagster_project.warehouse.connection import loading_connection


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--edition", "force"), 2, "--edition force and --force FORCE go together"),
        (("--force", "kent"), 2, "--edition force and --force FORCE go together"),
        (("--edition", "force", "--force", "../kent"), 2, "police.uk identifier"),
        (("--edition", "force", "--force", "kemt"), 2, "did you mean kent?"),
        (("--edition", "force", "--force", "essex"), 1, "no figure of the force essex"),
    ],
)
def test_a_wrong_edition_is_refused(three_days, arguments, code, message):
    done = three_days.fcir("publish", *arguments)
    assert (done.code, message in done.out + done.err) == (code, True), done.out + done.err
    assert not (three_days.home / "published_force").exists()


def test_an_edition_is_refused_when_marts_are_outdated(three_days, tmp_path):
    root = three_days.copy(tmp_path / "home")
    with loading_connection(root.home / "warehouse.duckdb") as connection:
        connection.execute("update audit.build_started set project_fingerprint = 'another'")
    done = root.fcir("publish", "--edition", "force", "--force", "kent")
    assert (done.code, "Run: fcir run" in done.out, "No edition was published" in done.out) == (1, True, True)
