"""Main points, headline measures and charts of the board paper as slides (PPTX). The report model holds all texts."""

import io
from collections.abc import Mapping, Sequence
from datetime import datetime, time

from pptx import Presentation
from pptx.dml.color import RGBColor
from pptx.enum.text import PP_ALIGN
from pptx.presentation import Presentation as PresentationObject
from pptx.slide import Slide
from pptx.util import Emu, Inches, Pt

from dagster_project.publication.archives import without_times
from dagster_project.publication.charts import BLUE, png_of
from dagster_project.publication.report.model import Chart, Matrix, Report

# Layouts of the default template.
_TITLE, _TITLE_AND_CONTENT, _TITLE_ONLY = 0, 1, 5
_WIDTH, _HEIGHT, _EDGE = Inches(13.333), Inches(7.5), Inches(0.6)
_BODY_TOP = Inches(1.5)
_BODY_WIDTH = Emu(_WIDTH - 2 * _EDGE)
_CHARTS_ON_SLIDE = 4
_COLUMNS = ("label", "figure", "month_change", "year_change", "target")
# Of the charts; they are shown at twice their size of the paper.
_SCALE = 3.0


def render_slides(report: Report, drawings: Mapping[str, str]) -> bytes:
    """Return the slides as PPTX, the same bytes for the same report. Every chart has an alternative text.

    Args:
        report: content of the paper.
        drawings: key of a chart to its SVG.
    """
    slides = _Slides(report)
    slides.title()
    slides.main_points()
    slides.headlines(report.matrix)
    for section in report.sections:
        for first in range(0, len(section.all_charts), _CHARTS_ON_SLIDE):
            slides.charts(section.title, section.all_charts[first : first + _CHARTS_ON_SLIDE], drawings)
    return slides.saved()


class _Slides:
    """Writes a report onto slides of 16 by 9."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.slides: PresentationObject = Presentation()
        self.slides.slide_width, self.slides.slide_height = _WIDTH, _HEIGHT

    def title(self) -> None:
        """Add the first slide: force, period, marking, notices."""
        report = self.report
        slide = self._slide(_TITLE, f"{report.force_name}: contact and crime performance")
        lines = [f"Force Crime and Incident Response, {report.period}", report.marking]
        lines += [f"{strong} {text}" for strong, text in report.notices]
        body = slide.placeholders[1]
        body.left, body.top, body.width, body.height = _EDGE, Inches(3.6), _BODY_WIDTH, Inches(3)
        _write(slide, [line for line in lines if line], Pt(18))

    def main_points(self) -> None:
        """Add the slide with the main points, if there are some."""
        if self.report.main_points:
            slide = self._slide(_TITLE_AND_CONTENT, "Main points")
            body = slide.placeholders[1]
            body.left, body.top, body.width, body.height = _EDGE, _BODY_TOP, _BODY_WIDTH, Inches(5.4)
            _write(slide, self.report.main_points, Pt(22))

    def headlines(self, matrix: Matrix) -> None:
        """Add the slide with the table of headline measures, if there are some."""
        if not matrix.headlines:
            return
        columns = [(name, title) for name, title in matrix.columns if name in _COLUMNS]
        slide = self._slide(_TITLE_ONLY, "Headline measures")
        frame = slide.shapes.add_table(
            len(matrix.headlines) + 1, len(columns), _EDGE, _BODY_TOP, _BODY_WIDTH, Inches(5)
        )
        rows = [[title for _, title in columns]]
        for item in matrix.headlines:
            texts = {
                "label": item.label,
                "figure": item.figure.text,
                "month_change": item.month_change.words,
                "year_change": item.year_change.words,
                "target": item.target,
            }
            rows.append([texts[name] for name, _ in columns])
        for number, row in enumerate(rows):
            for column, text in enumerate(row):
                cell = frame.table.cell(number, column)
                cell.text = text
                for paragraph in cell.text_frame.paragraphs:
                    paragraph.font.size = Pt(14)

    def charts(self, title: str, charts: Sequence[Chart], drawings: Mapping[str, str]) -> None:
        """Add a slide with up to four charts, each below its title and finding; a chart alone is larger."""
        slide = self._slide(_TITLE_ONLY, title)
        is_alone = len(charts) == 1
        width, height = (_BODY_WIDTH, Inches(4.9)) if is_alone else (Emu((_WIDTH - 3 * _EDGE) // 2), Inches(2.75))
        for number, chart in enumerate(charts):
            row, column = divmod(number, 2)
            left = Emu(_EDGE + column * (width + _EDGE))
            top = Emu(_BODY_TOP - Inches(0.2) + row * (height + Inches(0.15)))
            words = slide.shapes.add_textbox(left, top, width, Inches(0.6)).text_frame
            words.text = chart.title
            words.paragraphs[0].font.size, words.paragraphs[0].font.bold = Pt(14), True
            finding = words.add_paragraph()
            finding.text = chart.caption
            finding.font.size = Pt(12)
            file = io.BytesIO(png_of(drawings[chart.key], _SCALE * (2 if is_alone else 1)))
            picture = slide.shapes.add_picture(file, left, Emu(top + Inches(0.62)), height=Emu(height - Inches(0.7)))
            picture.element.xpath(".//p:cNvPr")[0].set("descr", chart.alternative)

    def saved(self) -> bytes:
        """Return the slides, with the date of the newest delivery instead of times of their own."""
        report, properties = self.report, self.slides.core_properties
        properties.title = report.title
        properties.author, properties.language = report.force_name, "en-GB"
        properties.created = properties.modified = datetime.combine(report.day, time())
        file = io.BytesIO()
        self.slides.save(file)
        return without_times(file.getvalue())

    def _slide(self, layout: int, title: str) -> Slide:
        slide = self.slides.slides.add_slide(self.slides.slide_layouts[layout])
        heading = slide.shapes.title
        heading.left, heading.width = _EDGE, _BODY_WIDTH
        heading.top, heading.height = (Inches(1.6), Inches(1.6)) if layout == _TITLE else (Inches(0.3), Inches(0.9))
        heading.text = title
        for paragraph in heading.text_frame.paragraphs:
            paragraph.alignment = PP_ALIGN.LEFT
            paragraph.font.size, paragraph.font.bold = Pt(32), True
            paragraph.font.color.rgb = RGBColor.from_string(BLUE.removeprefix("#"))
        return slide


def _write(slide: Slide, lines: Sequence[str], size: Pt) -> None:
    frame = slide.placeholders[1].text_frame
    frame.text = "\n".join(lines)
    for paragraph in frame.paragraphs:
        paragraph.font.size = size
