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
    r"dagster_project/((privacy|record|recovery|verification|tools)/|metrics\.py|loading/(members|take_in)\.py"
    r"|warehouse/(lake\w*|spark|roots)\.py|defs/(lake|postgres_storage|event_log|dbt_events)\.py"
    r"|publication/(slides|opendocument|icons|report/control_charts|site/national)\.py|transformation/build\.py"
    r"|cli/(access|erase|keys|person|purge|rebuild|record|verify)\.py)"
    r"|dbt/.*(spc|control_chart|spark|/national/)|.*templates/.*national"
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
    r"(?i)logger|logging|\blog\.|gc\.|at_once|chunk|block_?size|batch|buffer|memory|threads|workers|kib|mib|timeout"
    r"|pause|poll|__all__|noqa|TYPE_CHECKING|__main__|description=|help=|metavar|\bcache|encoding=|docs_url|https?:"
    r"|frozen=|strict=|parents=|exist_ok|missing_ok|daemon|setrlimit"
)
_SWAPS: dict[type, str] = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==",
    ast.Is: "is not", ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in",
    ast.And: "or", ast.Or: "and", ast.Add: "-", ast.Sub: "+", ast.Mult: "+", ast.FloorDiv: "*",
}  # fmt: skip
_CALLS = {"min": "max", "max": "min", "any": "all", "all": "any", "startswith": "endswith", "endswith": "startswith"}
_EMPTY = {"list": "[]", "dict": "{}", "set": "set()", "tuple": "()", "str": '""', "int": "0", "Iterator": "iter(())"}
# Kinds that are drawn more rarely than they occur.
_WEIGHTS = {"text": 0.6, "dropped call": 1.5, "returned value": 1.5, "comparison": 2, "condition": 1.5}


class Change(NamedTuple):
    """What a line becomes."""

    line: int
    before: str
    after: str
    kind: str
    is_code: bool = False


def changes_of(path: Path, text: str) -> list[Change]:
    """Return every change that a file allows: other text in one line, both stripped."""
    found = _python(text) if path.suffix == ".py" else _plain(path, text.splitlines())
    return list(dict.fromkeys(change for change in found if change.before != change.after))


def draw(
    project: Path, share: str, number: int, *, seed: int, taken: set[tuple[str, str]], folder: str = ""
) -> list[tuple[str, Change]]:
    """Draw faults of a share, in files by their number of lines; none of a line (file, text) that is taken.

    `folder` limits the files to those in it.
    """
    rng = random.Random(f"{share} {seed}")
    files = [path for path in sorted(project.glob(SHARES[share][1])) if not _is_left_out(path, project)]
    files = [path for path in files if path.is_relative_to(project / folder)]
    texts = {path: path.read_text(encoding="utf-8") for path in files}
    changes = {path: changes_of(path, text) for path, text in texts.items()}
    files = [path for path in files if changes[path]]
    # Evenly over all lines: a module of 300 lines gets three times the faults of one of 100. Long lists get few.
    weights = [min(texts[path].count("\n"), 80 if share == "seeds" else 400) for path in files]
    step, place = sum(weights) / max(number, 1), rng.random()
    drawn: list[tuple[str, Change]] = []
    for part in range(number if files else 0):
        at, index = (place + part) * step, 0
        while at >= weights[index]:
            at, index = at - weights[index], index + 1
        for path in [*files[index:], *files[:index]]:
            name = str(path.relative_to(project))
            free = [change for change in changes[path] if (name, change.before) not in taken]
            if change := _pick(free, texts[path], rng):
                taken.add((name, change.before))
                drawn.append((name, change))
                break
    return drawn


def _is_left_out(path: Path, project: Path) -> bool:
    return bool(_LEFT_OUT.match(str(path.relative_to(project))))


def _pick(changes: list[Change], text: str, rng: random.Random) -> Change | None:
    """Draw a change: its kind first, so that frequent kinds do not crowd out the others."""
    while changes:
        kinds = sorted({change.kind for change in changes})
        kind = rng.choices(kinds, [_WEIGHTS.get(kind, 1) for kind in kinds])[0]
        change = rng.choice([change for change in changes if change.kind == kind])
        if change.is_code:
            lines = text.splitlines()
            lines[change.line - 1] = lines[change.line - 1].replace(change.before, change.after)
            try:
                compile("\n".join(lines), "fault", "exec")
            except SyntaxError:
                changes = [other for other in changes if other is not change]
                continue
        return change
    return None


def _python(text: str) -> Iterator[Change]:
    tree, lines = ast.parse(text), text.splitlines()
    for node in _code(tree):
        for line, start, end, new, kind in _slips(node, lines):
            if start is None or _NO_FAULT.search(lines[line - 1]):
                continue
            raw = lines[line - 1].encode()
            after = (raw[:start] + new.encode() + raw[end:]).decode()
            yield Change(line, lines[line - 1].strip(), after.strip(), kind, is_code=True)


def _code(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk without annotations, docstrings, texts of errors and what f-strings contain; parents come first."""
    for name, value in ast.iter_fields(tree):
        if name in ("annotation", "returns", "exc", "msg", "format_spec") or isinstance(tree, ast.JoinedStr):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or (
                isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
            ):
                continue
            for inner in ast.iter_child_nodes(child):
                inner.parent = child  # type: ignore[attr-defined]
            yield child
            yield from _code(child)


def _slips(node: ast.AST, lines: list[str]) -> Iterator[tuple[int, int | None, int | None, str, str]]:
    """Yield changes of a node: line, first byte, byte after the last, new text, kind."""
    line, start, end = getattr(node, "lineno", 0), getattr(node, "col_offset", 0), getattr(node, "end_col_offset", 0)
    parent = getattr(node, "parent", None)
    if line == 0 or line != node.end_lineno:  # type: ignore[attr-defined]
        if isinstance(node, ast.BoolOp):
            yield from _operators(node, lines)
        return
    source = lines[line - 1].encode()[start:end].decode()
    match node:
        case ast.Compare(ops=[_]) | ast.BoolOp() | ast.BinOp():
            yield from _operators(node, lines)
        case ast.UnaryOp(op=ast.Not()):
            yield line, start, node.operand.col_offset, "", "condition"
        case ast.Constant(value=bool()):
            kind = "default" if isinstance(parent, ast.arguments) else "flag"
            yield line, start, end, str(not node.value), kind
        case ast.Constant(value=int()) if 0 <= node.value < 1000:
            kind = "default" if isinstance(parent, ast.arguments) else "number"
            yield line, start, end, str(node.value + 1), kind
        case ast.Constant(value=str()) if _is_data(node.value) and source[:1] in "\"'":
            yield line, end - 1, end - 1, "_x" if node.value else "x", "text"
        case ast.Expr(value=ast.Call()):
            yield line, start, end, "pass", "dropped call"
        case ast.Raise():
            yield line, start, end, "pass", "removed raise"
        case ast.Return(value=ast.expr()) if not isinstance(node.value, ast.Constant):
            yield line, start, end, f"return {_empty(node)}", "returned value"
        case ast.Continue() | ast.Break():
            yield line, start, end, "break" if isinstance(node, ast.Continue) else "continue", "loop"
        case ast.Call(func=ast.Name(id="sorted")) if not any(word.arg == "reverse" for word in node.keywords):
            yield line, end - 1, end - 1, ", reverse=True", "order"
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in _CALLS:
            last = node.func.end_col_offset
            yield line, (last or 0) - len(name), last, _CALLS[name], "call"
    if isinstance(parent, ast.If | ast.IfExp) and node is parent.test:
        yield line, start, end, f"not ({source})", "condition"


def _operators(node: ast.expr, lines: list[str]) -> Iterator[tuple[int, int | None, int | None, str, str]]:
    match node:
        case ast.BoolOp():
            operator, pairs, kind = node.op, list(zip(node.values, node.values[1:], strict=False)), "and, or"
        case ast.Compare():
            operator, pairs, kind = node.ops[0], [(node.left, node.comparators[0])], "comparison"
        case ast.BinOp(op=ast.Add(), left=left, right=right) if not any(
            isinstance(part, ast.Constant) and isinstance(part.value, int) for part in (left, right)
        ):
            return
        case ast.BinOp():
            operator, pairs, kind = node.op, [(node.left, node.right)], "arithmetic"
        case _:
            return
    for left, right in pairs:
        # The operator stands between its operands, or before the right one in the next line.
        line = right.lineno
        start = left.end_col_offset if left.end_lineno == line else 0
        between = lines[line - 1].encode()[start : right.col_offset].decode()
        found = re.search(r"\b(and|or|is not|is|not in|in)\b|[<>=!]=|//|[<>+*-]", between)
        if found and type(operator) in _SWAPS:
            first = (start or 0) + len(between[: found.start()].encode())
            yield line, first, first + len(found[0]), _SWAPS[type(operator)], kind


def _is_data(text: str) -> bool:
    return len(text.split()) <= 3 and text.isprintable() and not text.endswith((".", "\\", ": "))


def _empty(node: ast.AST) -> str:
    while node is not None and not isinstance(node, ast.FunctionDef):
        node = getattr(node, "parent", None)  # type: ignore[assignment]
    returns = getattr(node, "returns", None)
    name = ast.unparse(returns).partition("[")[0] if returns else ""
    if name == "bool":
        return "True"
    return _EMPTY.get(name, "None")


_SQL: tuple[tuple[str, str, str], ...] = (
    (r" < ", " <= ", "comparison"),
    (r" <= ", " < ", "comparison"),
    (r" > ", " >= ", "comparison"),
    (r" >= ", " > ", "comparison"),
    (r" = (?=[\w'{.]+)", " <> ", "comparison"),
    (r" <> ", " = ", "comparison"),
    (r"\bis not null\b", "is null", "condition"),
    (r"\bis null\b", "is not null", "condition"),
    (r"\bnot (?!null|like|in|between)", "", "condition"),
    (r"\bsum\(", "max(", "aggregate"),
    (r"\bmax\((?!case)", "min(", "aggregate"),
    (r"\bmin\((?!case)", "max(", "aggregate"),
    (r"\bavg\(", "max(", "aggregate"),
    (r"count\(distinct ", "count(", "aggregate"),
    (r"\bbool_or\(", "bool_and(", "aggregate"),
    (r"\band\b", "or", "and, or"),
    (r"\bor\b", "and", "and, or"),
    (r"(?<=, )0\)", "1)", "coalesce"),
    (r"\bleft join\b", "inner join", "join"),
    (r"\basc\b", "desc", "order"),
    (r"\bdesc\b", "asc", "order"),
    (r"\blag\(", "lead(", "window"),
    (r"\bbetween\b", "not between", "between"),
    (r"^where .*[^(]$", "where true", "dropped where"),
    (r"^and .*[^(]$", "and true", "dropped where"),
    (r" \+ ", " - ", "arithmetic"),
    (r" - (?=\w)", " + ", "arithmetic"),
    (r"\btrue\b", "false", "flag"),
    (r"\bfalse\b", "true", "flag"),
    (r"(?<=')\w[\w .]*(?=')", r"\g<0>_x", "text"),
    (r"(?<![\w.%'])\d{1,3}(?![\w.%'])", "+1", "number"),
)
_YAML = (
    (r"(?<=: )\d{1,3}(?=$|[,}\s])", "+1", "threshold"),
    (r"(?<=: )error\b", "warning", "severity"),
    (r"(?<=: )warning\b", "error", "severity"),
    (r"(?<=: )true\b", "false", "flag"),
    (r"(?<=: )false\b", "true", "flag"),
    (r"(?<=logicalType: )string", "integer", "type"),
    (r"(?<=logicalType: )integer", "string", "type"),
)
_SEED = (
    (r"(?<=,)\d{1,3}(?=,|$)", "+1", "number"),
    (r"\b20\d\d(?=-\d\d-\d\d,)", "+1", "date"),
    (r"(?<=,)true(?=,)", "false", "flag"),
    (r"(?<=,)false(?=,)", "true", "flag"),
)
_PAGES = (
    (r" === ", " !== ", "comparison"),
    (r" !== ", " === ", "comparison"),
    (r" == ", " != ", "comparison"),
    (r" < ", " <= ", "comparison"),
    (r" > 0", " > 1", "number"),
    (r" && ", " || ", "and, or"),
    (r" \|\| ", " && ", "and, or"),
    (r"\{%-? if not ", "{% if ", "condition"),
    (r"\{%-? if (?!not|\w+ is)", r"{% if not ", "condition"),
    (r" \+ 1\b", " + 2", "number"),
)
_RULES = {".sql": _SQL, ".yaml": _YAML, ".csv": _SEED, ".js": _PAGES, ".j2": _PAGES}


def _plain(path: Path, lines: list[str]) -> Iterator[Change]:
    inside = False
    for number, text in enumerate(lines, 1):
        line = text.strip()
        # Blocks of Jinja: comments, and `config(...)` over several lines.
        opened = path.suffix == ".sql" and re.match(r"\{#|\{\{ config\(|\{%-? (docs|set \w+ = \[)", line)
        is_closed = re.search(r"#\}|\) -?\}\}$|%\}", line)
        if opened or inside:
            inside = not is_closed
            continue
        if line.startswith(("--", "{%-", "{% ", "//", "*", "/*", "#", "description:")) and path.suffix != ".j2":
            continue
        if (path.suffix == ".csv" and number == 1) or re.search(r"decimal\(|rows between|loop\.", line):
            continue
        code, dashes, comment = line.partition(" -- ") if path.suffix == ".sql" else (line, "", "")
        for pattern, new, kind in _RULES[path.suffix]:
            if kind == "and, or" and " between " in f" {code} ":
                continue
            for found in re.finditer(pattern, code):
                text_after = str(int(found[0]) + 1) if new == "+1" else found.expand(new)
                after = code[: found.start()] + text_after + code[found.end() :]
                yield Change(number, line, after.strip() + dashes + comment, kind)
