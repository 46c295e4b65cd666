"""Draws faults: changes of one line of the product, as a slip of the hand or of thought would make them."""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

# Left out, since they leave the product or no test of CI can see them (Spark).
_LEFT_OUT = re.compile(
    r"dagster_project/((privacy|record|recovery|verification|tools)/|metrics\.py"
    r"|warehouse/(lake\w*|spark|roots)\.py|defs/(lake|postgres_storage|event_log|dbt_events)\.py"
    r"|publication/(slides|opendocument|icons|report/control_charts)\.py|transformation/build\.py"
    r"|cli/(access|erase|keys|person|purge|rebuild|record|verify)\.py)"
    r"|dbt/.*(spc|control_chart|spark|/national/)"
)
# How many faults of each part are drawn: of how many files, by their lines.
SHARES = {
    "python": (290, "dagster_project/**/*.py"),
    "sql": (90, "dbt/m*/**/*.sql"),
    "data tests": (3, "dbt/tests/**/*.sql"),
    "contracts": (6, "expectations/*.yaml"),
    "seeds": (5, "dbt/seeds/*.csv"),
    "templates": (4, "dagster_project/publication/templates/**/*.j2"),
    "scripts": (2, "dagster_project/publication/assets/**/*.js"),
}
# Lines about speed, logs and texts for people: a change there is no fault, or none that a test should hold.
_NO_FAULT = re.compile(
    r"(?i)^(\"|--|#|//|\*|/\*|\{%|\{#|@|import |from \w+ import|description:|class |def )|rows between|decimal\(|loop\."
    r"|logger|logging|\blog\.|gc\.|at_once|chunk|block_?size|batch|buffer|memory|threads|workers|kib|mib|timeout"
    r"|pause|poll|__all__|noqa|TYPE_CHECKING|__main__|help=|metavar|\bcache|encoding=|https?:|frozen=|strict="
    r"|parents=|exist_ok|missing_ok|daemon|setrlimit"
)
# What is found, what takes its place ("+1": the number and one), and the kind of the fault.
_ANY = (
    (r" < ", " <= ", "comparison"),
    (r" <= ", " < ", "comparison"),
    (r" > ", " >= ", "comparison"),
    (r" >= ", " > ", "comparison"),
    (r"(?<![\w.%'])\d{1,3}(?![\w.%'])", "+1", "number"),
)
_CODE = (
    *_ANY,
    (r" == ", " != ", "comparison"),
    (r" != ", " == ", "comparison"),
    (r" is not ", " is ", "comparison"),
    (r" not in ", " in ", "comparison"),
    (r" and ", " or ", "and, or"),
    (r" or ", " and ", "and, or"),
    (r"\b(if|elif|while|return) not ", r"\1 ", "condition"),
    (r"^(if|elif) (?!not )(.+):$", r"\1 not (\2):", "condition"),
    (r"^return (?!None$|not )(.+)$", "return None", "returned value"),
    (r"^raise .*\)$", "pass", "removed raise"),
    (r"^(?!return|raise|yield)[\w.]+\(.*\)$", "pass", "dropped call"),
    (r"^continue$", "break", "loop"),
    (r"\bTrue\b", "False", "flag"),
    (r"\bFalse\b", "True", "flag"),
    (r"\bmin\(", "max(", "call"),
    (r"\bmax\(", "min(", "call"),
    (r"\bany\(", "all(", "call"),
    (r"\ball\(", "any(", "call"),
    (r" \+ (?=\w)", " - ", "arithmetic"),
    (r" - (?=\w)", " + ", "arithmetic"),
    (r'"[a-z_]+(?=")', r"\g<0>_x", "text"),
)
_SQL = (
    *_ANY,
    (r" = (?=[\w'{.]+)", " <> ", "comparison"),
    (r" <> ", " = ", "comparison"),
    (r"\bis not null\b", "is null", "condition"),
    (r"\bis null\b", "is not null", "condition"),
    (r"\bnot (?!null|like|in|between)", "", "condition"),
    (r"\bsum\(", "max(", "aggregate"),
    (r"\bmax\((?!case)", "min(", "aggregate"),
    (r"\bmin\((?!case)", "max(", "aggregate"),
    (r"count\(distinct ", "count(", "aggregate"),
    (r"^(?!.* between )(.*?)\band\b", r"\1or", "and, or"),
    (r"\bor\b", "and", "and, or"),
    (r"\bleft join\b", "inner join", "join"),
    (r"\basc\b", "desc", "order"),
    (r"\bdesc\b", "asc", "order"),
    (r"^where .*[^(]$", "where true", "dropped where"),
    (r"^and .*[^(]$", "and true", "dropped where"),
    (r" \+ ", " - ", "arithmetic"),
    (r" - (?=\w)", " + ", "arithmetic"),
    (r"\btrue\b", "false", "flag"),
    (r"\bfalse\b", "true", "flag"),
    (r"(?<=')\w[\w .]*(?=')", r"\g<0>_x", "text"),
)
_DATA = (
    (r"(?:(?<=: )|(?<=,))\d{1,3}(?=$|[,}\s])", "+1", "number"),
    (r"\btrue\b", "false", "flag"),
    (r"\bfalse\b", "true", "flag"),
    (r"(?<=: )error\b", "warning", "severity"),
    (r"(?<=logicalType: )string", "integer", "type"),
    (r"(?<=logicalType: )integer", "string", "type"),
)
_PAGES = (
    *_ANY,
    (r" === ", " !== ", "comparison"),
    (r" !== ", " === ", "comparison"),
    (r" == ", " != ", "comparison"),
    (r" && ", " || ", "and, or"),
    (r" \|\| ", " && ", "and, or"),
    (r"\{%-? if not ", "{% if ", "condition"),
    (r"\{%-? if (?!not|\w+ is)", r"{% if not ", "condition"),
)
_SLIPS = {".py": _CODE, ".sql": _SQL, ".yaml": _DATA, ".csv": _DATA, ".js": _PAGES, ".j2": _PAGES}


class Change(NamedTuple):
    """What a line becomes."""

    line: int
    before: str
    after: str
    kind: str


def changes_of(path: Path, text: str) -> Iterator[Change]:
    """Yield every change that a file allows: other text in one line, both stripped."""
    docstrings = _docstrings(text) if path.suffix == ".py" else set()
    for number, line in enumerate(map(str.strip, text.splitlines()), 1):
        is_heading = path.suffix == ".csv" and number == 1
        if is_heading or number in docstrings or (_NO_FAULT.search(line) and path.suffix != ".j2"):
            continue
        code, dashes, comment = line.partition(" -- ") if path.suffix == ".sql" else line.partition("  # ")
        for pattern, new, kind in _SLIPS[path.suffix]:
            for found in re.finditer(pattern, code):
                put = str(int(found[0]) + 1) if new == "+1" else found.expand(new)
                after = code[: found.start()] + put + code[found.end() :] + dashes + comment
                yield Change(number, line, after.strip(), kind)


def _docstrings(text: str) -> set[int]:
    """Return the numbers of lines that are texts alone."""
    texts = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Expr | ast.JoinedStr)]
    texts = [node for node in texts if isinstance(node, ast.JoinedStr) or isinstance(node.value, ast.Constant)]
    return {line for node in texts for line in range(node.lineno, (node.end_lineno or 0) + 1)}


def draw(
    project: Path, share: str, number: int, *, seed: int, taken: set[tuple[str, str]], folder: str = ""
) -> list[tuple[str, Change]]:
    """Draw faults of a share, in files by their number of lines; none of a line (file, text) that is taken.

    `folder` limits the files to those in it.
    """
    rng = random.Random(f"{share} {seed}")
    files = [path for path in sorted(project.glob(SHARES[share][1])) if path.is_relative_to(project / folder)]
    texts = {path: path.read_text(encoding="utf-8") for path in files if not _is_left_out(path, project)}
    changes = {path: list(changes_of(path, text)) for path, text in texts.items()}
    # A module of 300 lines gets three times the faults of one of 100. Long lists get few.
    lines = {path: min(texts[path].count("\n"), 80 if share == "seeds" else 400) for path in texts}
    drawn: list[tuple[str, Change]] = []
    while len(drawn) < number and (files := [path for path in texts if changes[path]]):
        (path,) = rng.choices(files, [lines[path] for path in files])
        # The kind first, so that frequent kinds do not crowd out the others.
        kind = rng.choice(sorted({change.kind for change in changes[path]}))
        change = rng.choice([change for change in changes[path] if change.kind == kind])
        changes[path].remove(change)
        name = str(path.relative_to(project))
        if (name, change.before) not in taken and _is_valid(path, texts[path], change):
            taken.add((name, change.before))
            drawn.append((name, change))
    return drawn


def _is_left_out(path: Path, project: Path) -> bool:
    return bool(_LEFT_OUT.match(str(path.relative_to(project))))


def _is_valid(path: Path, text: str, change: Change) -> bool:
    """Return whether a change leaves a program."""
    if path.suffix != ".py":
        return True
    lines = text.splitlines()
    lines[change.line - 1] = lines[change.line - 1].replace(change.before, change.after)
    try:
        ast.parse("\n".join(lines))
    except SyntaxError:
        return False
    return True
