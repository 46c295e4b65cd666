"""What the benchmark measures, compares and reports, on things of known size."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from tests.long.benchmark import __main__ as benchmark
from tests.long.benchmark.equality import Comparison, differences
from tests.long.benchmark.measure import CommandFailed, Job, measure, take_turns
from tests.long.benchmark.peers.registry import Peer
from tests.long.benchmark.report import conclusions, markdown, nights, peers, write

_SAME = Comparison("t", "expected.t", "found.t")


def _database(path, sql):
    with duckdb.connect(str(path)) as connection:
        connection.execute(sql)
    return path


_FILLS = "b = b'x' * 60_000_000"
# The child says when it has filled its memory and stays until it is told; the parent is busy meanwhile.
_BOTH = f"""
import subprocess, sys
waits = "{_FILLS}; print(1, flush=True); input()"
child = subprocess.Popen([sys.executable, "-c", waits], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdout.readline()
{_FILLS}
sum(range(2 * 10**7))
child.communicate(b"1")
"""


def test_memory_of_parent_and_child_counts_together():
    together = measure(Job("both", [sys.executable, "-c", _BOTH]))
    alone = measure(Job("alone", [sys.executable, "-c", f"{_FILLS}; sum(range(10**7))"]))
    assert 60 < alone.peak_mb < 100
    assert together.peak_mb > alone.peak_mb + 40


def test_cpu_of_a_child_that_was_waited_for_counts():
    child = "sum(range(10 ** 7))"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    idle = measure(Job("idle", [sys.executable, "-c", "pass"]))
    assert measure(Job("busy", [sys.executable, "-c", parent])).cpu_seconds > 2 * idle.cpu_seconds


def test_a_command_that_fails_ends_the_benchmark_with_what_it_said():
    with pytest.raises(CommandFailed, match=r"ended with 3:\nno landing folder"):
        measure(Job("x", [sys.executable, "-c", "import sys; print('no landing folder'); sys.exit(3)"]))


def test_commands_take_turns_from_the_state_that_each_asks_for():
    said = []
    jobs = [
        Job(name, [sys.executable, "-c", "pass"], before=lambda name=name: said.append(name)) for name in ("a", "b")
    ]
    costs = take_turns(jobs, rounds=2)
    assert said == ["a", "b", "a", "b"]
    assert {name: len(found) for name, found in costs.items()} == {"a": 2, "b": 2}


def test_rows_in_another_order_and_type_are_equal(tmp_path):
    expected = _database(
        tmp_path / "a.duckdb", "create table t as select 1::bigint as n, null as s union all select 2, 'x'"
    )
    found = _database(tmp_path / "b.duckdb", "create table t as select 'x' as s, 2::int as n union all select null, 1")
    assert differences(expected, found, [_SAME]) == []


@pytest.mark.parametrize(
    ("other", "shown"),
    [
        ("select 1 as n union all select 3", "only found: 3"),
        ("select 1 as n", "2 rows expected, 1 found"),
        ("select 1 as n union all select 2 union all select 2", "only found: 2"),
    ],
)
def test_a_table_that_differs_is_shown_with_its_rows(tmp_path, other, shown):
    expected = _database(tmp_path / "a.duckdb", "create table t as select 1 as n union all select 2")
    found = _database(tmp_path / "b.duckdb", f"create table t as {other}")
    (told,) = differences(expected, found, [_SAME])
    assert shown in told


def test_a_column_that_is_not_there_is_told_where_all_have_to_be(tmp_path):
    expected = _database(tmp_path / "a.duckdb", "create table t as select 1 as n, 2 as m")
    found = _database(tmp_path / "b.duckdb", "create table t as select 1 as n")
    assert differences(expected, found, [_SAME]) == []
    (told,) = differences(expected, found, [replace(_SAME, is_whole=True)])
    assert told == "t: columns missing: m"


@pytest.fixture
def results():
    def cost(seconds):
        return {"cpu_seconds": seconds, "wall_seconds": seconds / 2, "peak_mb": 100 * seconds}

    return {
        "size": "S",
        "forces": 1,
        "first_day": "2022-10-01",
        "days": 182,
        "files": 900,
        "rows": 650_000,
        "bytes": 54_000_000,
        "rounds": 3,
        "machine": {"processors": 2, "memory_mb": 25_000, "system": "Linux x86_64"},
        "versions": {"duckdb": "2.0.1", "python": "3.11.2"},
        "costs": {
            "reference, core": [cost(5.0), cost(4.0), cost(6.0)],
            "fcir run, first load": [cost(50.0), cost(40.0), cost(55.0)],
        },
    }


def test_a_table_has_medians_and_their_ratio_to_the_reference(results):
    assert "| fcir run, first load | 50.00 | 40.00 to 55.00 | 5,000 | 25.0 | 10.00 |" in markdown(results)


@pytest.mark.parametrize(
    ("needs", "size", "why"),
    [
        ("duckdb", "S", None),
        ("duckdb", "L", "too many at size L"),
        ("no_such_library", "S", "make env-peers installs it"),
        (Path("/no/such/program"), "S", "make env-peers installs it"),
    ],
)
def test_another_tool_that_cannot_be_measured_says_why(needs, size, why):
    obstacle = Peer("x", "x", needs, "reference, core", (), sizes="SM").obstacle(size)
    assert obstacle == why if why is None else why in obstacle


def test_another_tool_is_told_beside_the_reference_that_does_as_much(results):
    cost = {"cpu_seconds": 7.5, "wall_seconds": 3.0, "peak_mb": 400.0}
    small = results | {"peers": {"SQLMesh": "reference, core"}, "costs": results["costs"] | {"SQLMesh": [cost]}}
    table = peers([small, results | {"size": "M"}])
    assert "| program | compared with | S: CPU s | S: peak MB | S: ratio | M: CPU s |" in table
    assert "| SQLMesh | reference, core | 7.50 | 400 | 1.50 |  |  |  |" in table
    assert peers([results]) == ""


def test_two_sizes_tell_what_a_row_and_a_day_cost(results):
    def of(**seconds):
        names = {
            "all": "reference, all marts",
            "first": "fcir run, first load",
            "night": "fcir run, a night",
            "empty": "fcir run, an empty night",
            "dagster": "import dagster",
            "gx": "import great_expectations",
            "dbt": "dbt parse, nothing changed",
        }
        return {names[name]: [{"cpu_seconds": cost, "wall_seconds": 1, "peak_mb": 1}] for name, cost in seconds.items()}

    alike = {"dagster": 1, "gx": 3, "dbt": 2}
    small = results | {"rows": 1_000_000, "costs": of(all=8, first=50, night=30, empty=29, **alike)}
    large = results | {"size": "M", "rows": 11_000_000, "costs": of(all=108, first=350, night=45, empty=43.5, **alike)}
    told = conclusions([small, large])
    assert "from S to M: 30.0 microseconds of CPU, 3.00 times the 10.0 of the reference" in told
    assert "at S takes 42.0 CPU seconds more than the reference with all marts: 7.0 times the 6.0 of" in told
    assert "A night at M takes 1.50 times what it takes at S, with 11 times the rows" in told
    assert "at S, a night less an empty one, takes 1.0 CPU seconds" in told
    assert "at M, a night less an empty one, takes 1.5 CPU seconds" in told
    assert conclusions([small]) == ""
    del large["costs"]["fcir run, a night"]
    assert conclusions([small, large]) == ""


def test_nights_after_longer_histories_are_told_beside_that_after_the_shortest(results):
    def of(days, night, empty):
        costs = {"fcir run, a night": [night], "fcir run, an empty night": [empty]}
        of_one = {name: [{"cpu_seconds": cost, "wall_seconds": 1, "peak_mb": 900}] for name, (cost,) in costs.items()}
        return results | {"days": days, "rows": days * 3_000, "costs": of_one}

    told = nights([of(3_653, 44.0, 33.0), of(366, 40.0, 30.0), of(182, 20.0, 10.0)])
    assert told.splitlines()[4:] == [
        "| 1 year | 1,098,000 | 40.0 | 1.00 | 900 | 30.0 | 1.00 | 10.0 |",
        "| 10 years | 10,959,000 | 44.0 | 1.10 | 900 | 33.0 | 1.10 | 11.0 |",
    ]
    assert nights([of(366, 40.0, 30.0), of(182, 20.0, 10.0)]) == ""


def test_a_size_of_which_only_nights_were_measured_has_no_table_of_its_own(results, tmp_path):
    night = [{"cpu_seconds": 40.0, "wall_seconds": 1, "peak_mb": 900}]
    files = [tmp_path / "benchmark_1Y.json", tmp_path / "benchmark_M.json"]
    costs = {"fcir run, a night": night, "fcir run, an empty night": night}
    files[0].write_text(json.dumps(results | {"size": "1Y", "days": 366, "costs": costs}))
    files[1].write_text(json.dumps(results | {"size": "M", "days": 3_653, "costs": results["costs"] | costs}))
    write(files, tmp_path)
    text = (tmp_path / "performance.md").read_text()
    assert "### Size M" in text
    assert "### Size 1Y" not in text
    assert "| 1 year | 650,000 | 40.0 |" in text


def test_a_report_leaves_what_is_written_by_hand(results, tmp_path):
    file = tmp_path / "benchmark_S.json"
    file.write_text(json.dumps(results))
    page = tmp_path / "docs" / "performance.md"
    page.parent.mkdir()
    page.write_text("By hand.\n<!-- benchmark: begin -->\nold\n<!-- benchmark: end -->\nAlso by hand.\n")
    written = write([file], page.parent)
    text = page.read_text()
    assert text.startswith("By hand.\n")
    assert text.endswith("\nAlso by hand.\n")
    assert "old" not in text
    assert [path.name for path in written] == ["performance.md", "cpu_S.svg", "memory_S.svg"]
    assert (page.parent / "performance" / "cpu_S.svg").read_text().startswith("<svg")


def test_a_page_without_the_marks_is_left_alone(results, tmp_path):
    file = tmp_path / "benchmark_S.json"
    file.write_text(json.dumps(results))
    (tmp_path / "performance.md").write_text("By hand.\n")
    with pytest.raises(ValueError, match="are not there"):
        write([file], tmp_path)
    assert (tmp_path / "performance.md").read_text() == "By hand.\n"


def test_results_that_differ_end_the_benchmark_without_a_figure(monkeypatch, capsys):
    monkeypatch.setattr(benchmark.data, "write_extracts", lambda *_: 0)
    monkeypatch.setattr(benchmark.Bench, "prepare", lambda _: None)
    monkeypatch.setattr(benchmark.Bench, "check", lambda _: ["marts.fct_call: 2 rows expected, 1 found"])
    monkeypatch.setattr(benchmark, "take_turns", lambda *_, **__: pytest.fail("something was measured"))
    assert benchmark.main(["--size", "S", "--no-reading"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "The results differ; nothing is measured.",
        "marts.fct_call: 2 rows expected, 1 found",
    ]
