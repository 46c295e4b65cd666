"""The board paper as PDF/UA-1, by typst. Layout: `templates/board_paper.typ`; text: the report model."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

from dagster_project.publication.characters import font_folder, mapped, with_glyphs
from dagster_project.publication.charts import trend_line
from dagster_project.publication.report.model import (
    COMPARED,
    EXCEPTION_COLUMNS,
    REVISION_COLUMNS,
    Report,
)


def render_pdf(report: Report, drawings: Mapping[str, str]) -> bytes:
    """Return the paper as a tagged PDF of A4 pages, the same bytes for the same report.

    Its date is that of the newest delivery in it, not the time of rendering. Characters missing in the typeface are
    shown as `?`, because PDF/UA requires a glyph for every character.

    Args:
        report: content of the paper.
        drawings: key of a chart to its SVG.
    """
    file: bytes = _compiled(report, drawings, pdf_standards=["ua-1"], timestamp=0)
    return file


def _compiled(report: Report, drawings: Mapping[str, str], **form: Any) -> Any:
    content = mapped(_content(report), lambda text: with_glyphs(text)[0])
    for section in content["sections"]:
        for chart in section["charts"]:
            chart["drawing"] = drawings[chart["key"]]
    return _typeset("board_paper.typ", content, **form)


def _typeset(template: str, content: Mapping[str, Any], **form: Any) -> Any:
    # Typst's library is 80 MB, so it is loaded only when a PDF is made.
    import typst

    return typst.compile(
        Path(str(files(__package__))) / "templates" / template,
        font_paths=[font_folder()],
        ignore_system_fonts=True,
        sys_inputs={"report": json.dumps(content)},
        **form,
    )


def missing_characters(report: Report) -> dict[str, int]:
    """Count the characters of a paper that the typeface lacks: in its commentary and elsewhere.

    Returns:
        `commentary` and `elsewhere`, each with its number; empty if none is missing.
    """
    content = _content(report)
    commentary = [
        *(content.pop(name) for name in ("commentary", "exceptions", "front", "marking")),
        *(section.pop("commentary") for section in content["sections"]),
    ]
    counts = {"commentary": _count_missing(commentary), "elsewhere": _count_missing(content)}
    return {where: count for where, count in counts.items() if count}


def _count_missing(content: Any) -> int:
    counts: list[int] = []

    def count(text: str) -> str:
        counts.append(with_glyphs(text)[1])
        return text

    mapped(content, count)
    return sum(counts)


def _content(report: Report) -> dict[str, Any]:
    """Return the report as JSON that needs no arithmetic: months as words, without numeric values."""
    content = asdict(report)
    content["period"] = report.period
    until = report.data_until
    content["data_until"] = f"{until.day} {until:%B %Y}" if until else ""
    content["date"] = [report.day.year, report.day.month, report.day.day]
    content["notices"] = report.notices
    content["commentary_title"] = report.commentary_title
    content["how_to_read"] = report.how_to_read
    content["exception_columns"], content["revision_columns"] = EXCEPTION_COLUMNS, REVISION_COLUMNS
    content["matrix"]["columns"] = [{"name": name, "title": title} for name, title in report.matrix.columns]
    for item, headline in zip(content["matrix"]["headlines"], report.matrix.headlines, strict=True):
        item["figure"] = _words(item["figure"])
        item["beside"] = dict(zip(COMPARED, map(_words, item.pop("compared")), strict=True))
        item["trend"] = trend_line(headline.trend, headline.trend_scale)
        del item["trend_scale"], item["target_value"]
    for section, whole in zip(content["sections"], report.sections, strict=True):
        section["charts"] += section.pop("weekly_charts")
        section["events_note"] = whole.events_note
        for chart, drawn in zip(section["charts"], whole.all_charts, strict=True):
            chart["key"], chart["caption"] = drawn.key, drawn.caption
        for row in section["table"]["rows"]:
            row["figures"] = [_words(figure) for figure in row["figures"]]
        for chart in section["charts"]:
            for number in ("points", "usual", "lower_limit", "upper_limit", "usual_from", "target", "events"):
                del chart[number]
    for item in content["revisions"]:
        item["before"], item["after"] = _words(item["before"]), _words(item["after"])
    del content["months"]
    return content


def _words(figure: Mapping[str, Any]) -> dict[str, Any]:
    return {"text": figure["text"], "is_provisional": figure["is_provisional"], "note": figure["note"]}
