"""The board paper as PDF/UA-1, and its drawings as PNG, by typst. Layout: `templates/*.typ`; text: the report model."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from dagster_project.publication.characters import font_folder, with_glyphs
from dagster_project.publication.charts import trend_line
from dagster_project.publication.report.model import EXCEPTION_COLUMNS, REVISION_COLUMNS, Point, Report


def render_pdf(report: Report, drawings: Mapping[str, str]) -> tuple[bytes, int]:
    """Return the paper as a tagged PDF of A4 pages, the same bytes for the same report.

    Its date is that of the newest delivery in it, not the time of rendering. Characters missing in the typeface are
    shown as `?`, because PDF/UA requires a glyph for every character.

    Args:
        report: content of the paper.
        drawings: key of a chart to its SVG.

    Returns:
        The PDF, and the number of characters shown as `?`.
    """
    missing: list[int] = []
    content = _plain(report, missing) | {
        "exception_columns": EXCEPTION_COLUMNS,
        "revision_columns": REVISION_COLUMNS,
        "drawings": drawings,
        "trends": {item.measure: trend_line(item.trend, item.trend_scale) for item in report.matrix.headlines},
    }
    file = _compiled("board_paper.typ", content, pdf_standards=["ua-1"], timestamp=0)
    return file, sum(missing)


def pngs_of(drawings: Sequence[str]) -> list[bytes]:
    """Return drawings in SVG as PNG: twice the 96 dots of an inch, which are sharp in print."""
    found = _compiled("pictures.typ", drawings, format="png", ppi=192.0)
    # A single page is not in a list.
    return found if isinstance(found, list) else [found]


def _compiled(template: str, content: object, **form: Any) -> Any:
    # Typst's library is 80 MB, so it is loaded only when it is needed.
    import typst

    return typst.compile(
        Path(str(files(__package__))) / "templates" / template,
        font_paths=[font_folder()],
        ignore_system_fonts=True,
        sys_inputs={"content": json.dumps(content, default=str)},
        **form,
    )


def _plain(value: Any, missing: list[int]) -> Any:
    """Return a value as JSON, with `?` for each character that the typeface lacks; their numbers are added to a list.

    Of a dataclass it has the fields, and the properties, which are texts made of them.
    """
    if isinstance(value, str):
        text, count = with_glyphs(value)
        missing.append(count)
        return text
    if isinstance(value, list | tuple):
        return [_plain(item, missing) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item, missing) for name, item in value.items()}
    if is_dataclass(value):
        # Points are drawn already.
        names = [] if isinstance(value, Point) else _names_of(value.__class__)
        return {name: _plain(getattr(value, name), missing) for name in names}
    return value


@cache
def _names_of(kind: type) -> list[str]:
    properties = [name for name, item in vars(kind).items() if isinstance(item, property)]
    return [*(item.name for item in fields(kind)), *properties]
