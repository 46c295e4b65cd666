"""Small faults put into SQL, as a slip of the hand or of thought would. `killing` runs them.

Faults that change nothing by their nature are left out: casts, the order of nulls, names, the minimum of one value in
place of its maximum, the counted value, null for a zero in a sum or maximum, and a left join for an inner one, since
every measure, force and day has its partner in every list.
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
    """Description of the change, for the report."""
    sql: str


@dataclass(frozen=True)
class Site:
    """A node of a model's SQL and one of its faults; cheap, so that a few can be drawn from all."""

    model: str
    sql: str
    node: int
    """Position in depth-first order."""
    fault: int

    def mutant(self) -> Mutant:
        """Return the mutant with this fault."""
        tree = parse_one(self.sql, dialect=DIALECT)
        target = list(tree.walk(bfs=False))[self.node]
        name, change = list(_faults(target))[self.fault]
        before, after = _short(target), change(target)
        fault = f"{name}: {before} -> {after if isinstance(after, str) else _short(after)}"
        return Mutant(self.model, fault, tree.sql(dialect=DIALECT))


def sites(model: str, sql: str) -> list[Site]:
    """Return all sites of a model, in the order of its text."""
    nodes = enumerate(parse_one(sql, dialect=DIALECT).walk(bfs=False))
    return [Site(model, sql, place, fault) for place, node in nodes for fault, _ in enumerate(_faults(node))]


def round_trip(sql: str) -> str:
    """Return the SQL as sqlglot writes it, without a fault."""
    return parse_one(sql, dialect=DIALECT).sql(dialect=DIALECT)


def _short(node: exp.Expression | None) -> str:
    text = node.sql(dialect=DIALECT) if node is not None else "nothing"
    return text if len(text) <= 90 else f"{text[:87]}..."


Change = Callable[[exp.Expression], exp.Expression | str]


def _faults(node: exp.Expression) -> Iterator[tuple[str, Change]]:
    if type(node) in _SWAPS and not _is_inside(node, exp.DataType) and not _is_pivot(node):
        yield "operator", lambda node: _replace(node, _swapped(node))
    if isinstance(node, exp.Literal) and not _is_inside(node, exp.DataType, exp.Interval):
        if not node.is_string and node.this.isdigit() and not _is_counted(node):
            yield "number", lambda node: _replace(node, exp.Literal.number(_next_number(int(node.this))))
        elif node.is_string and isinstance(node.parent, exp.EQ | exp.NEQ | exp.In | exp.When | exp.If | exp.Concat):
            yield "text", lambda node: _replace(node, exp.Literal.string(f"{node.this}x"))
    if isinstance(node, exp.Join) and node.side == "LEFT":
        yield "join", _inner
    if isinstance(node, exp.Where | exp.Having):
        yield "condition", _drop
    if isinstance(node, exp.And) and not isinstance(node.parent, exp.And):
        yield "condition", lambda node: _replace(node, node.this)
        yield "condition", lambda node: _replace(node, node.expression)
    if isinstance(node, exp.Coalesce) and node.expressions:
        yield "coalesce", lambda node: _replace(node, node.this)
    if (
        isinstance(node, exp.Case)
        and node.args.get("default") is not None
        and not isinstance(node.parent, exp.Sum | exp.Max)
    ):
        yield "else", lambda node: _replace(node.args["default"], exp.null())
    if isinstance(node, exp.Case) and len(node.args["ifs"]) > 1:
        yield "when", lambda node: _drop(node.args["ifs"][0])
    if isinstance(node, exp.Not):
        yield "not", lambda node: _replace(node, node.this)
    if isinstance(node, exp.Neg) and not isinstance(node.this, exp.Literal):
        yield "sign", lambda node: _replace(node, node.this)
    if isinstance(node, exp.Ordered):
        yield "order", _turn
    if isinstance(node, exp.Distinct):
        yield "distinct", _drop
    if isinstance(node, exp.Between):
        yield "between", lambda node: _replace(node, exp.GT(this=node.this, expression=node.args["low"]))


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
