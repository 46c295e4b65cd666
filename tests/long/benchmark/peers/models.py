"""The statements of the reference as models: what dbt and SQLMesh are given, so that a peer differs by its tool alone.

Tables and views that the reference makes one after the other become models that say what they select; rows that the
reference deletes from a raw table when the facts are made are left out of a view. Nothing of a tool belongs here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dagster_project.sql import literal
from tests.long.benchmark.peers.arguments import Asked
from tests.long.benchmark.reference import SOURCES, blanks_of, checks_of, seeds, statements

_MADE = re.compile(r"create (?:temp )?(?P<kind>table|view) (?P<name>[\w.]+) as\s|insert into (?P<into>[\w.]+).*\n")
_RELATION = re.compile(r"\b(?P<before>from|join) (?P<schema>staging|raw|audit|marts|reference)\.(?P<name>\w+)")
_STEPS = re.compile(r"\b(from|join) (file|file_rows|placed|not_current)\b")
_LISTS = ("police_forces", "offences", "bank_holidays", "call_parameters")
# RFC 2104: a key of no more than a block is filled up with zeros, and masked twice.
_HMAC_PAD = """create or replace macro hmac_pad(mask) as (
    select cast(
        xor(
            cast(unhex(rpad(trim(content, chr(10)), 128, '0')) as bit),
            cast(unhex(repeat(mask, 64)) as bit)
        ) as blob
    )
    from read_text({file})
)"""


@dataclass(frozen=True)
class Model:
    """A table or view by what it selects.

    Attributes:
        schema, name: of the relation.
        kind: `table` or `view`.
        sql: the query; other models are `schema.name` after FROM or JOIN.
    """

    schema: str
    name: str
    kind: str
    sql: str


def with_relations(sql: str, named: Callable[[str, str], str]) -> str:
    """A query with every relation named as a tool wants it, by schema and name."""
    return _RELATION.sub(lambda found: f"{found['before']} {named(found['schema'], found['name'])}", sql)


def macros(asked: Asked) -> list[str]:
    """Statements that make the functions of the models; one of them reads the key whenever it is called."""
    masks = {"inner": "36", "outer": "5c"}
    made = [_HMAC_PAD.format(file=literal(str(asked.key_file)))]
    for statement in statements("macros.sql", {}):
        text = statement.replace("create temp macro", "create or replace macro").rstrip().rstrip(";")
        for name, mask in masks.items():
            text = text.replace(f"getvariable('{name}_pad')", f"hmac_pad('{mask}')")
        made.append(text)
    return made


def lists() -> dict[str, tuple[str, dict[str, str]]]:
    """Seeds in the schema `reference`: file and types of the columns by name."""
    return {file.stem: (str(file), types) for file, types in seeds().items() if file.stem in _LISTS}


def models(asked: Asked, extract: Callable[[str], str] | None = None) -> list[Model]:
    """All models, in no order.

    Args:
        asked: folder and force of the extracts.
        extract: relation with the text of all rows of a source, `file_index` and `row_no`; the files themselves when
            left out.
    """
    made: list[Model] = []
    for source in SOURCES:
        made += _of_source(source, asked, extract)
    for name in ("load", "quarantine"):
        every = "\nunion all by name\n".join(f"from audit.{source}_{name}" for source in SOURCES)
        made.append(Model("audit", name, "view", every.replace("from", "select * from")))
    for model in _from_statements(statements("monthly.sql", {})):
        sql = model.sql.replace("monthly.", "marts.").replace("from month_delivered", "from staging.month_delivered")
        schema = "staging" if model.name == "month_delivered" else "marts"
        made.append(Model(schema, model.name, model.kind, sql))
    return made


def extract_of(source: str, asked: Asked) -> str:
    """Relation with the text of all rows of a source, read from its files."""
    return _blanks_of(source, asked)["extract"]


def checks() -> dict[str, str]:
    """Queries by name that give a row when checks fail: how many rows or days fail each of them."""
    return {
        f"{source}_{number}": f"select * from (\n{query.rstrip()}\n) as failing where greatest(*columns(*)) > 0"
        for source in SOURCES
        for number, query in enumerate(checks_of(source), start=1)
    }


def _blanks_of(source: str, asked: Asked) -> dict[str, str]:
    folder = asked.landing / source
    # DuckDB reads them in the order of their names, which is that of their days.
    files = literal(str(folder / "*.csv"))
    return blanks_of(source, files, first=next(folder.iterdir()), default_force=asked.force)


def _of_source(source: str, asked: Asked, extract: Callable[[str], str] | None) -> Iterator[Model]:
    files = literal(str(asked.landing / source / "*.csv"))
    yield Model("staging", f"{source}_file", "table", _FILES.format(files=files, day=len(source) + 2))
    blanks = _blanks_of(source, asked)
    if extract:
        blanks["extract"] = extract(source)
    of_files = [*statements(f"{source}.sql", blanks), *statements("loaded.sql", blanks)]
    for model in _from_statements(of_files):
        sql = _STEPS.sub(rf"\1 staging.{source}_\2 as \2", model.sql)
        sql = sql.replace(f"raw.{source}", f"staging.{source}")
        sql = sql.replace("from audit.quarantine", f"from audit.{source}_quarantine")
        match model.schema, model.name:
            case "raw", _:
                yield Model("staging", source, "table", sql)
            case "marts", name:
                yield Model("marts", name, "table", sql)
            case "audit", name:
                yield Model("audit", f"{source}_{name}", "table", sql)
            case _, name:
                yield Model("staging", f"{source}_{name}", "table", sql)
    yield Model("raw", source, "view", _ACCEPTED.format(source=source))


_FILES = """select
    row_number() over (order by file) - 1 as file_index,
    row_number() over (order by file) as load_id,
    cast(substr(parse_filename(file), {day}, 10) as date) as extract_date,
    parse_filename(file) as file_name
from glob({files})"""

_ACCEPTED = """select * exclude (fault)
from staging.{source}
where fault is null and row_no not in (select row_no from staging.{source}_placed where is_losing)"""


def _from_statements(texts: Iterator[str] | list[str]) -> Iterator[Model]:
    """What statements make; others than CREATE and INSERT make nothing."""
    for text in texts:
        found = _MADE.search(text)
        if found:
            schema, _, name = (found["name"] or found["into"]).rpartition(".")
            yield Model(schema, name, found["kind"] or "table", text[found.end() :].strip())
