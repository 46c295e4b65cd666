"""Compares the tables that two commits publish: `python -m deploy.dev.compare_commits BEFORE AFTER`.

Each commit is checked out into a temporary worktree, with the environment of its own lock file. Both load the same
extracts, which the earlier one writes, into two data roots: `sample` as they are, and `gaps` in two nights, with days
that are missing, late, partial, corrected, rejected, withdrawn, or without one of the two forces. Their published
databases are kept in `OUT/before` and `OUT/after`, with what the runs said.

Prints for each table that differs its rows, and columns with other values; ends with 1 if one does.

  python -m deploy.dev.compare_commits main HEAD
  python -m deploy.dev.compare_commits main HEAD --from 2022-10-01 --to 2022-10-14 --ignore "fct_call.*"
  python -m deploy.dev.compare_commits --leave-out revisions     # compares again what OUT has
"""

import argparse
import codecs
import gzip
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from fnmatch import fnmatch
from functools import partial
from pathlib import Path

import duckdb

from dagster_project.settings import PROJECT_ROOT
from dagster_project.sql import count_rows, literal, quoted, table

_print = partial(print, flush=True)
_FCIR = Path(".venv/bin/fcir")
_SIDES = ("before", "after")
# Run ids are random, and these times are those of the runs.
_IGNORED = [f"*.{name}" for name in ("run_id", "previous_run_id", "loaded_at", "validated_at", "corrected_at")]
_IGNORED += ["*.withdrawn_at", "published_versions.published_at", "revisions.published_at"]
# Of a user, of `make`, or of git in a hook: would lead a build to other data, packages or commits.
_LEAKING = ("FCIR_", "DAGSTER_", "DBT_", "MAKE", "MFLAGS", "PYTHON", "VIRTUAL_ENV", "UV_PROJECT", "GIT_")

# Files of these days of every month differ from the sample. Half a Parquet file cannot be read.
_FIRST_NIGHT: Mapping[str, str] = {
    "call_segments_????-??-02*": "removed",
    "live_chats_????-??-03*": "removed",
    "crimes_????-??-04*": "removed",
    "call_segments_*_late.xlsx": "removed",
    "call_segments_????-??-05.csv*": "half",
    "online_crime_reports_????-??-06.csv": "faulty",
    "call_segments_????-??-07.csv*": "faulty",
    "crimes_????-??-10.parquet": "half",
    "digital_contacts_????-??-11.jsonl": "one force",
    "call_segments_????-??-12.csv*": "one force",
}
_SECOND_NIGHT: Mapping[str, str] = {
    "crimes_????-??-04*": "as sampled",
    "call_segments_*_late.xlsx": "as sampled",
    "call_segments_????-??-05.csv*": "as sampled",
    "online_crime_reports_????-??-06.csv": "as sampled",
    "call_segments_????-??-07.csv*": "removed",
    "call_segments_????-??-08.csv*": "fewer",
    "digital_contacts_????-??-08.jsonl": "fewer",
    "call_segments_????-??-09.csv*": "faulty",
    "digital_contacts_????-??-11.jsonl": "as sampled",
}
_NIGHTS: Mapping[str, Sequence[Mapping[str, str]]] = {"sample": [{}], "gaps": [_FIRST_NIGHT, _SECOND_NIGHT]}


def main() -> int:
    """Run the command; return its exit code: 1 if a table differs."""
    options = _options()
    if options.commits:
        # As after Ctrl-C: worktrees are removed.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        with tempfile.TemporaryDirectory(prefix="fcir-compare-") as folder:
            _build(options, Path(folder).resolve())
    ignored = [*_IGNORED, *options.ignore]
    differing = [root for root in _NIGHTS if _differs(options.out, root, ignored, options.leave_out)]
    _print(f"Left out: {', '.join([*options.leave_out, *ignored])}")
    return bool(differing)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="compare_commits", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("commits", nargs="*", metavar="COMMIT", help="the earlier one and the later one")
    parser.add_argument("--out", type=Path, default=PROJECT_ROOT / ".lint" / "compare", help="folder of the databases")
    parser.add_argument("--from", dest="first", default="2022-09-01", help="first extract date")
    parser.add_argument("--to", dest="last", default="2022-10-31", help="last extract date")
    parser.add_argument("--all", action="store_true", help="all extracts of the sample, not two months")
    parser.add_argument("--ignore", action="append", default=[], metavar="TABLE.COLUMN", help="may have wildcards")
    parser.add_argument("--leave-out", action="append", default=[], metavar="TABLE", help="may have wildcards")
    options = parser.parse_args()
    if len(options.commits) not in (0, 2):
        parser.error(f"found {len(options.commits)} commit; expected BEFORE and AFTER, or none to compare OUT again")
    options.out = options.out.resolve()
    return options


def _build(options: argparse.Namespace, folder: Path) -> None:
    """Write the databases of both commits into OUT; work in a folder that is removed afterwards."""
    with ExitStack() as stack:
        # Both first: a commit that does not exist, or cannot be installed, is found before an hour of building.
        before, after = (
            stack.enter_context(_checkout(commit, folder / side))
            for side, commit in zip(_SIDES, options.commits, strict=True)
        )
        extracts, key = folder / "extracts", folder / "pseudonym.key"
        # A fixed one: pseudonyms are columns of the published tables.
        key.write_text("5a" * 32, encoding="ascii")
        key.chmod(0o600)
        days = () if options.all else ("--from", options.first, "--to", options.last)
        _run([before / _FCIR, "sample", "--out", extracts, *days], folder / "unused", folder / "sample.log")
        for side, tree in zip(_SIDES, (before, after), strict=True):
            for root in _NIGHTS:
                home, kept = folder / f"{side}-{root}", options.out / side
                kept.mkdir(parents=True, exist_ok=True)
                log, current = kept / f"{root}.log", home / "published" / "current"
                log.unlink(missing_ok=True)
                shutil.copytree(extracts, home / "landing")
                for night, changes in enumerate(_NIGHTS[root], 1):
                    _print(f"{side}, {root}: night {night} of {len(_NIGHTS[root])}")
                    _change(extracts, home / "landing", changes)
                    earlier = current.resolve()
                    # 1: deliveries are missing or rejected.
                    _run([tree / _FCIR, "run"], home, log, allowed=(0, 1), FCIR_PSEUDONYM_KEY_FILE=str(key))
                    if current.resolve() == earlier:
                        sys.exit(f"{side}, {root}: night {night} published nothing. Read {log}")
                shutil.copyfile(current / "fcir.duckdb", kept / f"{root}.duckdb")
                shutil.rmtree(home)


@contextmanager
def _checkout(commit: str, folder: Path) -> Iterator[Path]:
    """Check out a commit with its environment; remove it afterwards, also after an error."""
    git = ["git", "-C", str(PROJECT_ROOT), "worktree"]
    log = folder.with_suffix(".log")
    _run([*git, "add", "--detach", folder, f"{commit}^{{commit}}"], folder, log)
    try:
        _print(f"{folder.name}: environment of {commit}")
        # The interpreter of this process for both: results must not differ because of it.
        python = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
        _run(["make", "-C", folder, "env", f"PYTHON={python}"], folder, log)
        yield folder
    finally:
        _run([*git, "remove", "--force", folder], folder, log)


def _environment(home: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_LEAKING)}
    return inherited | {"FCIR_HOME": str(home), "FCIR_QUIET_SECONDS": "0", "DAGSTER_DISABLE_TELEMETRY": "1"}


def _run(command: Sequence[str | Path], home: Path, log: Path, allowed: Sequence[int] = (0,), **settings: str) -> None:
    """Run a command to its end, in a folder without a `.env`; exit with the end of its log if it fails."""
    with log.open("a", encoding="utf-8") as out:
        environment = _environment(home) | settings
        done = subprocess.run(  # noqa: S603 - git, make, and fcir of a commit
            command, cwd=home.parent, env=environment, stdout=out, stderr=subprocess.STDOUT, check=False
        )
    if done.returncode not in allowed:
        said = log.read_text(encoding="utf-8").splitlines()
        sys.exit("\n".join([*said[-20:], f"exit code {done.returncode}: {' '.join(map(str, command))}"]))


def _change(extracts: Path, landing: Path, changes: Mapping[str, str]) -> None:
    """Write changed extracts into a landing folder, and remove those without lines."""
    for pattern, change in changes.items():
        paths = sorted(extracts.glob(f"*/{pattern}"))
        if not paths:
            sys.exit(f"No extract is named {pattern}: --from and --to have to include days 2 to 12 of a month")
        for path in paths:
            zipped, target = path.suffix == ".gz", landing / path.relative_to(extracts)
            content = gzip.decompress(path.read_bytes()) if zipped else path.read_bytes()
            # Latin-1 keeps every byte, whatever the encoding is.
            encoding = "utf-16" if content.startswith(codecs.BOM_UTF16_LE) else "latin-1"
            lines = _changed(content.decode(encoding).split("\n"), change)
            content = "\n".join(lines).encode(encoding)
            target.unlink(missing_ok=True)
            if lines:
                target.write_bytes(gzip.compress(content, mtime=0) if zipped else content)


def _changed(lines: list[str], change: str) -> list[str]:
    # Below ten lines are headers of every style.
    rows = list(enumerate(lines))
    return {
        "removed": [],
        "as sampled": lines,
        "half": lines[: len(lines) // 2],
        "fewer": [line for number, line in rows if number < 10 or number % 5],
        "one force": [line for line in lines if "city-of-london" not in line],
        "faulty": [re.sub(r"\d", "x", line) if number >= 10 and number % 3 else line for number, line in rows],
    }[change]


def _differs(out: Path, root: str, ignored: Sequence[str], left_out: Sequence[str]) -> bool:
    """Print how the tables of a data root differ; return whether they do."""
    connection = duckdb.connect()
    for side in _SIDES:
        file = out / side / f"{root}.duckdb"
        if not file.is_file():
            sys.exit(f"{file} is missing. Build it: make compare BEFORE=main")
        connection.execute(f"attach {literal(str(file))} as {side} (read_only)")
    # Types of the columns of each table, before and after.
    tables: dict[str, tuple[dict[str, str], dict[str, str]]] = {}
    for side, name, column, kind in connection.execute(
        "select database_name, table_name, column_name, data_type from duckdb_columns() "
        "where schema_name = 'marts' order by table_name, column_index"
    ).fetchall():
        if not any(fnmatch(name, pattern) for pattern in left_out):
            kept = tables.setdefault(name, ({}, {}))[_SIDES.index(side)]
            if not any(fnmatch(f"{name}.{column}", pattern) for pattern in ignored):
                kept[column] = kind
    found = {name: _differences(connection, name, *kinds) for name, kinds in tables.items()}
    for name, lines in found.items():
        for line in lines:
            _print(f"{root}.{name}  {line}")
    differing = sum(map(bool, found.values()))
    _print(f"{root}: {len(found) - differing} of {len(found)} tables are equal")
    return differing > 0 or not found


def _differences(
    connection: duckdb.DuckDBPyConnection, name: str, before: Mapping[str, str], after: Mapping[str, str]
) -> list[str]:
    """Return lines about columns of another type, rows of one side only, and values of one side only."""

    def only(columns: Sequence[str]) -> list[int]:
        listed = ", ".join(map(quoted, columns)) or "1"
        a, b = (f"select {listed} from {table(side, 'marts', name)}" for side in _SIDES)  # noqa: S608 - quoted
        return [count_rows(connection, f"({x} except all {y})") for x, y in ((a, b), (b, a))]

    if bool(before) != bool(after):
        return [f"is only in {_SIDES[not before]}"]
    lines = [
        f"{column}: {before.get(column, 'no column')} before, {after.get(column, 'no column')} after"
        for column in {**before, **after}
        if before.get(column) != after.get(column)
    ]
    common = [column for column in before if column in after]
    a, b = only(common)
    if a or b:
        all_rows = [count_rows(connection, table(side, "marts", name)) for side in _SIDES]
        lines.append(f"rows: {all_rows[0]:,} before, {all_rows[1]:,} after; {a:,} only before, {b:,} only after")
        values = [(column, *only([column])) for column in common]
        lines += [f"{column}: {a:,} values only before, {b:,} only after" for column, a, b in values if a or b]
    return lines


if __name__ == "__main__":
    sys.exit(main())
