"""`fcir dbt build` builds a built warehouse and runs every test, those of units too, which no night runs."""

from __future__ import annotations

import re


def test_dbt_builds_and_tests_everything_by_hand(three_days, tmp_path):
    root = three_days.copy(tmp_path / "home")
    done = root.process("dbt", "build")
    assert done.code == 0, done.out + done.err
    [passed, failed] = re.findall(r"PASS=(\d+) .*ERROR=(\d+)", done.out)[-1]
    assert (int(passed) > 250, failed) == (True, "0")
