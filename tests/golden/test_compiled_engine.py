"""What most tests build in place of dbt is what dbt builds."""

import pytest


@pytest.mark.usefixtures("compiled")
def test_compiled_sql_builds_the_tables_that_dbt_has_built(golden, tmp_path):
    root = golden.root.copy(tmp_path / "home")
    before = root.current.readlink()
    # So that everything is built from scratch, from what is loaded.
    (root.home / "marts.duckdb").unlink()
    done = root.fcir("run")
    assert done.code == 0, done.out + done.err
    assert root.current.readlink() != before
    assert root.figures() == golden.root.figures()
