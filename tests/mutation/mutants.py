"""Small faults put into SQL: what a slip of the hand, or of a thought, would have written. Running them is not here.

Left out is what changes nothing by its nature: casts, the place of nulls where there are none, names, the greatest of
one value made the least, what is counted, a zero in a sum or under a greatest made nothing, and an inner join made a
left one, since a measure, a force and a day have their partner in every list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlglot import exp, parse_one

DIALECT = "duckdb"
_SWAPS: dict[type[exp.Expression], type[exp.Expression]] = {
    exp.EQ: exp.NEQ,
    exp.NEQ: exp.EQ,
    exp.LT: exp.LTE,
    exp.LTE: exp.LT,
    exp.GT: exp.GTE,
    exp.GTE: exp.GT,
    exp.And: exp.Or,
    exp.Or: exp.And,
    exp.Add: exp.Sub,
    exp.Sub: exp.Add,
    exp.Mul: exp.Add,
    exp.Sum: exp.Max,
    exp.Max: exp.Min,
    exp.Min: exp.Max,
}


@dataclass(frozen=True)
class Mutant:
    """A model's SQL with one fault in it."""

    model: str
    fault: str
    """What was changed, to be read by a person."""
    sql: str


def mutants(model: str, sql: str) -> Iterator[Mutant]:
    """All mutants of a model, in the order of its text."""
    tree = parse_one(sql, dialect=DIALECT)
    for place, node in enumerate(list(tree.walk(bfs=False))):
        for name, change in _faults(node):
            copy = tree.copy()
            target = list(copy.walk(bfs=False))[place]
            before = _short(target)
            after = change(target)
            text = copy.sql(dialect=DIALECT)
            yield Mutant(model, f"{name}: {before} -> {after if isinstance(after, str) else _short(after)}", text)


def round_trip(sql: str) -> str:
    """The SQL as it is written again without a fault."""
    return parse_one(sql, dialect=DIALECT).sql(dialect=DIALECT)


def _short(node: exp.Expression | None) -> str:
    text = node.sql(dialect=DIALECT) if node is not None else "nothing"
    return text if len(text) <= 90 else f"{text[:87]}..."


Change = Callable[[exp.Expression], exp.Expression | str]


def _faults(node: exp.Expression) -> Iterator[tuple[str, Change]]:
    if type(node) in _SWAPS and not _is_inside(node, exp.DataType) and not _is_pivot(node):
        yield "operator", lambda found: _replace(found, _swapped(found))
    if isinstance(node, exp.Literal) and not _is_inside(node, exp.DataType, exp.Interval):
        if not node.is_string and node.this.isdigit() and not _is_counted(node):
            yield "number", lambda found: _replace(found, exp.Literal.number(_next_number(int(found.this))))
        elif node.is_string and isinstance(node.parent, exp.EQ | exp.NEQ | exp.In | exp.When | exp.If | exp.Concat):
            yield "text", lambda found: _replace(found, exp.Literal.string(f"{found.this}x"))
    if isinstance(node, exp.Join) and node.side == "LEFT":
        yield "join", _inner
    if isinstance(node, exp.Where | exp.Having):
        yield "condition", lambda found: _drop(found)
    if isinstance(node, exp.And) and not isinstance(node.parent, exp.And):
        yield "condition", lambda found: _replace(found, found.this)
        yield "condition", lambda found: _replace(found, found.expression)
    if isinstance(node, exp.Coalesce) and node.expressions:
        yield "coalesce", lambda found: _replace(found, found.this)
    if (
        isinstance(node, exp.Case)
        and node.args.get("default") is not None
        and not isinstance(node.parent, exp.Sum | exp.Max)
    ):
        yield "else", lambda found: _replace(found.args["default"], exp.null())
    if isinstance(node, exp.Case) and len(node.args["ifs"]) > 1:
        yield "when", lambda found: _drop(found.args["ifs"][0])
    if isinstance(node, exp.Not):
        yield "not", lambda found: _replace(found, found.this)
    if isinstance(node, exp.Neg) and not isinstance(node.this, exp.Literal):
        yield "sign", lambda found: _replace(found, found.this)
    if isinstance(node, exp.Ordered):
        yield "order", _turn
    if isinstance(node, exp.Distinct):
        yield "distinct", lambda found: _drop(found)
    if isinstance(node, exp.Between):
        yield "between", lambda found: _replace(found, exp.GT(this=found.this, expression=found.args["low"]))


def _is_pivot(node: exp.Expression) -> bool:
    """Whether it picks the one value that there is: the greatest of one is the least of it."""
    return isinstance(node, exp.Max) and isinstance(node.this, exp.Case) and node.this.args.get("default") is None


def _is_counted(node: exp.Expression) -> bool:
    """Whether it is the value of a case that is counted: any other is counted alike."""
    return (
        isinstance(node.parent, exp.If) and node.arg_key == "true" and isinstance(node.parent.parent.parent, exp.Count)
    )


def _next_number(number: int) -> int:
    """The number after it; of a scale, the next power of ten, since 1,000,001 for 1,000,000 is lost in rounding."""
    return number * 10 if number >= 1000 else number + 1


def _is_inside(node: exp.Expression, *kinds: type[exp.Expression]) -> bool:
    return node.find_ancestor(*kinds) is not None


def _replace(node: exp.Expression, other: exp.Expression) -> exp.Expression:
    other = other.copy()
    node.replace(other)
    return other


def _swapped(node: exp.Expression) -> exp.Expression:
    return _SWAPS[type(node)](**{name: value for name, value in node.args.items() if name in ("this", "expression")})


def _inner(node: exp.Expression) -> exp.Expression:
    node.set("side", None)
    node.set("kind", "INNER")
    return node


def _drop(node: exp.Expression) -> str:
    node.pop()
    return "nothing"


def _turn(node: exp.Expression) -> exp.Expression:
    node.set("desc", not node.args.get("desc"))
    return node
