"""The board paper as a page. Figures and their texts come from the mart `board_paper`; nothing is computed here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import duckdb
from jinja2 import Environment, PackageLoader, StrictUndefined

from dagster_project.clock import LONDON

_MONTHS = 6

_NOTHING = "\N{EN DASH}"

_SECTIONS = {
    "calls_999": "999 calls",
    "calls_101": "101 calls",
    "digital": "Digital contact",
    "ocr": "Online crime reports",
    "live_chat": "Live chat",
    "crime": "Recorded and cancelled crime",
}


@dataclass(frozen=True)
class Cell:
    """One figure as printed."""

    text: str
    is_provisional: bool


@dataclass(frozen=True)
class Row:
    """One measure over the months of the paper."""

    label: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Section:
    """One table of the paper."""

    code: str
    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Paper:
    """The paper of one force: its last months, oldest first."""

    force_name: str
    months: tuple[date, ...]
    sections: tuple[Section, ...]

    @property
    def is_provisional(self) -> bool:
        """Whether any figure of it is."""
        return any(cell.is_provisional for section in self.sections for row in section.rows for cell in row.cells)


def render_board_paper(connection: duckdb.DuckDBPyConnection, *, run_id: str, published_at: datetime) -> str:
    """The page with the papers of all forces.

    Args:
        connection: the warehouse; `marts.board_paper`, `marts.dim_force` and `audit.load` are read.
        run_id: publication that the page belongs to.
        published_at: aware time of the publication.

    Returns:
        A whole HTML document that asks nothing of any server.
    """
    environment = Environment(
        loader=PackageLoader("dagster_project.publication"), autoescape=True, undefined=StrictUndefined
    )
    synthetic = connection.execute(
        "select coalesce(bool_or(is_synthetic), false) from audit.load where status in ('loaded', 'empty')"
    ).fetchone()
    return environment.get_template("board_paper.html.j2").render(
        papers=read_papers(connection),
        is_synthetic=bool(synthetic and synthetic[0]),
        run_id=run_id,
        published_at=published_at.astimezone(LONDON),
    )


def read_papers(connection: duckdb.DuckDBPyConnection) -> list[Paper]:
    """One paper for each force, over the last six months that it has figures for."""
    rows = connection.execute(
        """
        select
            coalesce(dim_force.force_name, board_paper.force_code) as force_name,
            board_paper.section,
            board_paper.label,
            board_paper.month_start,
            board_paper.display_value,
            board_paper.is_provisional
        from marts.board_paper as board_paper
        left join marts.dim_force as dim_force on board_paper.force_code = dim_force.force_code
        order by force_name, board_paper.sort_order, board_paper.month_start
        """
    ).fetchall()
    forces: dict[str, dict[tuple[str, str], dict[date, Cell]]] = {}
    for force, section, label, month, text, provisional in rows:
        lines = forces.setdefault(force, {})
        lines.setdefault((section, label), {})[month] = Cell(text or _NOTHING, bool(provisional))
    return [_paper(force, lines) for force, lines in forces.items()]


def _paper(force: str, lines: dict[tuple[str, str], dict[date, Cell]]) -> Paper:
    months = tuple(sorted({month for cells in lines.values() for month in cells})[-_MONTHS:])
    nothing = Cell(_NOTHING, is_provisional=False)
    sections: dict[str, list[Row]] = {}
    for (section, label), cells in lines.items():
        row = Row(label, tuple(cells.get(month, nothing) for month in months))
        sections.setdefault(section, []).append(row)
    return Paper(
        force,
        months,
        tuple(Section(code, _SECTIONS.get(code, code), tuple(rows)) for code, rows in sections.items()),
    )
