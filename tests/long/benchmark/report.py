"""Make tables and plots of results: `python -m tests.long.benchmark.report RESULTS.json ... [--docs DIR]`.

Fills the part of `performance.md` between two marks and leaves the rest, which is written by hand; plots are SVG files
beside it. Measuring does not belong here.
"""

from __future__ import annotations

import json
import re
import statistics
import sys
from argparse import ArgumentParser
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dagster_project.publication.charts import BLUE, DARK_GREY, FONT, GREY, INK, ORANGE, font_folder
from dagster_project.settings import PROJECT_ROOT

_PAGE = "performance.md"
_PLOTS = "performance"
_BEGIN, _END = "<!-- benchmark: begin -->", "<!-- benchmark: end -->"
_REFERENCES = ("reference, core", "reference, all marts", "reference, facts")
_ALL = "reference, all marts"
_FIRST, _NIGHT, _EMPTY_NIGHT = "fcir run, first load", "fcir run, a night", "fcir run, an empty night"
_FIXED = ("import dagster", "import great_expectations", "dbt parse, nothing changed")
# Those that the plot of growth shows.
_GROWING = ("reference, core", "reference, all marts", _FIRST)
_WIDTH, _ROW = 460, 20
_YEAR = 365


@dataclass(frozen=True)
class Figure:
    """Medians of one command, and how far its rounds lie apart."""

    name: str
    cpu: float
    least_cpu: float
    most_cpu: float
    peak_mb: float
    wall: float


def figures_of(results: Mapping[str, Any]) -> list[Figure]:
    """The figures of a result file, in its order.

    Args:
        results: what `make bench` writes as JSON.
    """
    figures = []
    for name, costs in results["costs"].items():
        if not costs:
            continue
        seconds = [cost["cpu_seconds"] for cost in costs]
        figures.append(
            Figure(
                name,
                statistics.median(seconds),
                min(seconds),
                max(seconds),
                statistics.median(cost["peak_mb"] for cost in costs),
                statistics.median(cost["wall_seconds"] for cost in costs),
            )
        )
    return figures


def markdown(results: Mapping[str, Any]) -> str:
    """One size as Markdown: what was measured, and a table with ratios to the references that were measured."""
    figures = figures_of(results)
    base = {figure.name: figure.cpu for figure in figures if figure.name in _REFERENCES}
    machine = results["machine"]
    heads = [f"/ {name.removeprefix('reference, ')}" for name in base]
    lines = [
        f"### Size {results['size']}",
        "",
        f"{_counted(results['forces'], 'force')}, {results['days']:,} days from {results['first_day']}, "
        f"{results['files']:,} files with {results['rows']:,} rows, {results['bytes'] / 1e6:,.0f} MB; "
        f"{_counted(results['rounds'], 'round')} on "
        f"{_counted(machine['processors'], 'processor')} with {machine['memory_mb'] / 1000:.0f} GB of memory, "
        f"{machine['system']}. DuckDB {results['versions']['duckdb']}, Python {results['versions']['python']}.",
        "",
        "| " + " | ".join(["command", "CPU s", "min to max", "peak MB", "wall s", *heads]) + " |",
        "|---" + "|---:" * (4 + len(heads)) + "|",
    ]
    for figure in figures:
        ratios = [f"{figure.cpu / of:.2f}" for of in base.values()]
        cells = [
            figure.name,
            f"{figure.cpu:,.2f}",
            f"{figure.least_cpu:,.2f} to {figure.most_cpu:,.2f}",
            f"{figure.peak_mb:,.0f}",
            f"{figure.wall:,.1f}",
            *ratios,
        ]
        lines.append("| " + " | ".join(cells) + " |")
    size = results["size"]
    lines += [
        "",
        f"![CPU seconds of each command at size {size}, median and range]({_PLOTS}/cpu_{size}.svg)",
        "",
        f"![Peak memory of each command at size {size}]({_PLOTS}/memory_{size}.svg)",
        "",
    ]
    return "\n".join(lines)


def peers(results: Sequence[Mapping[str, Any]]) -> str:
    """The other tools of all sizes as Markdown, each with its ratio to the reference that does as much.

    Args:
        results: of one size each.

    Returns:
        A section with a table; empty when no other tool was measured.
    """
    against = {name: base for result in results for name, base in result.get("peers", {}).items()}
    if not against:
        return ""
    heads = [f"{result['size']}: {head}" for result in results for head in ("CPU s", "peak MB", "ratio")]
    lines = [
        "### Other tools",
        "",
        "| " + " | ".join(["program", "compared with", *heads]) + " |",
        "|---|---" + "|---:" * len(heads) + "|",
    ]
    measured = [{figure.name: figure for figure in figures_of(result)} for result in results]
    for name, base in against.items():
        cells = [name, base]
        for figures in measured:
            figure, reference = figures.get(name), figures.get(base)
            cells += [f"{figure.cpu:,.2f}", f"{figure.peak_mb:,.0f}"] if figure else ["", ""]
            cells.append(f"{figure.cpu / reference.cpu:.2f}" if figure and reference else "")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def conclusions(results: Sequence[Mapping[str, Any]]) -> str:
    """What the figures of a small and a large size say together, as Markdown.

    Args:
        results: of one size each, the smallest first.

    Returns:
        A section with a list; empty for one size alone, or where one of the commands was not measured.
    """
    wanted = (_ALL, _FIRST, _NIGHT, _EMPTY_NIGHT, *_FIXED)
    small, large = ({figure.name: figure.cpu for figure in figures_of(result)} for result in (results[0], results[-1]))
    if len(results) < 2 or not all(name in found for name in wanted for found in (small, large)):
        return ""
    rows = results[-1]["rows"] - results[0]["rows"]
    by_row = {name: (large[name] - small[name]) / rows * 1e6 for name in (_ALL, _FIRST)}
    fixed, least = small[_FIRST] - small[_ALL], sum(small[name] for name in _FIXED)
    sizes = f"{results[0]['size']} to {results[-1]['size']}"
    lines = [
        "### What follows",
        "",
        f"- A further row of a first load, from {sizes}: {by_row[_FIRST]:.1f} microseconds of CPU, "
        f"{by_row[_FIRST] / by_row[_ALL]:.2f} times the {by_row[_ALL]:.1f} of the reference with all marts.",
        f"- A first load at {results[0]['size']} takes {fixed:.1f} CPU seconds more than the reference with all marts: "
        f"{fixed / least:.1f} times the {least:.1f} of importing Dagster and Great Expectations and of dbt's parsing. "
        "That is assets, checks, publication, papers and pages, which the reference has not.",
        f"- A night at {results[-1]['size']} takes {large[_NIGHT] / small[_NIGHT]:.2f} times what it takes at "
        f"{results[0]['size']}, with {results[-1]['rows'] / results[0]['rows']:.0f} times the rows.",
        *(
            f"- A day of a force at {result['size']}, a night less an empty one, takes "
            f"{found[_NIGHT] - found[_EMPTY_NIGHT]:.1f} CPU seconds."
            for result, found in ((results[0], small), (results[-1], large))
        ),
    ]
    return "\n".join([*lines, ""])


def nights(results: Sequence[Mapping[str, Any]]) -> str:
    """What a night of one force costs after a year and after more, as Markdown.

    Args:
        results: of one size each.

    Returns:
        A section with a table, the shortest history first; empty when fewer than two of a year or more were measured.
    """
    measured = []
    for result in sorted(results, key=lambda result: int(result["days"])):
        found = {figure.name: figure for figure in figures_of(result)}
        if result["forces"] == 1 and result["days"] >= _YEAR and _NIGHT in found and _EMPTY_NIGHT in found:
            measured.append((result, found[_NIGHT], found[_EMPTY_NIGHT]))
    if len(measured) < 2:
        return ""
    (_, night, empty), *_ = measured
    lines = [
        "### A night after years of history",
        "",
        "| history | rows | night, CPU s | / first | peak MB | empty night, CPU s | / first | the day alone |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for result, full, bare in measured:
        cells = [
            _counted(round(result["days"] / _YEAR), "year"),
            f"{result['rows']:,}",
            f"{full.cpu:,.1f}",
            f"{full.cpu / night.cpu:.2f}",
            f"{full.peak_mb:,.0f}",
            f"{bare.cpu:,.1f}",
            f"{bare.cpu / empty.cpu:.2f}",
            f"{full.cpu - bare.cpu:.1f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def bars(figures: Sequence[Figure], *, is_memory: bool, others: Collection[str] = ()) -> dict[str, Any]:
    """A plot in Vega-Lite: one bar for each command; of CPU seconds also least and most.

    Args:
        figures: of the commands, in their order.
        is_memory: whether the bars are peak memory; else CPU seconds.
        others: names of the other tools, which are dark grey; references are grey.
    """
    title = "peak memory, MB" if is_memory else "CPU seconds"
    rows = [
        {
            "name": figure.name,
            "value": figure.peak_mb if is_memory else figure.cpu,
            "least": figure.least_cpu,
            "most": figure.most_cpu,
            "end": figure.peak_mb if is_memory else figure.most_cpu,
            "label": f"{figure.peak_mb:,.0f}" if is_memory else f"{figure.cpu:,.1f}",
            "kind": "reference" if figure.name in _REFERENCES else "other" if figure.name in others else "project",
        }
        for figure in figures
    ]
    y = {"field": "name", "type": "nominal", "sort": None, "title": None, "axis": {"labelLimit": 240}}
    axis = {"title": title, "gridColor": "#eeeeee", "tickCount": 5}
    x = {"field": "value", "type": "quantitative", "axis": axis}
    colour = {
        "field": "kind",
        "type": "nominal",
        "scale": {"domain": ["reference", "other", "project"], "range": [GREY, DARK_GREY, BLUE]},
        "legend": None,
    }
    layers: list[dict[str, Any]] = [
        {"mark": {"type": "bar", "height": 12}, "encoding": {"x": x, "y": y, "color": colour}},
        {
            "mark": {"type": "text", "align": "left", "dx": 6, "fontSize": 11, "color": INK},
            "encoding": {"x": {**x, "field": "end"}, "y": y, "text": {"field": "label", "type": "nominal"}},
        },
    ]
    if not is_memory:
        layers.insert(
            1,
            {
                "mark": {"type": "rule", "size": 1.4, "color": ORANGE},
                "encoding": {"x": {"field": "least", "type": "quantitative"}, "x2": {"field": "most"}, "y": y},
            },
        )
    return _plot(rows, layers, height=_ROW * len(rows))


def growth(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A plot in Vega-Lite: CPU seconds of the first load and of the references by the rows of the extracts."""
    rows = [
        {"rows": result["rows"], "seconds": figure.cpu, "name": figure.name}
        for result in results
        for figure in figures_of(result)
        if figure.name in _GROWING
    ]
    encoding = {
        "x": {
            "field": "rows",
            "type": "quantitative",
            "scale": {"type": "log"},
            "axis": {"title": "rows of the extracts", "gridColor": "#eeeeee", "format": "~s"},
        },
        "y": {
            "field": "seconds",
            "type": "quantitative",
            "scale": {"type": "log"},
            "axis": {"title": "CPU seconds", "gridColor": "#eeeeee"},
        },
        "color": {
            "field": "name",
            "type": "nominal",
            "title": None,
            "scale": {"domain": list(_GROWING), "range": [GREY, DARK_GREY, BLUE]},
        },
    }
    return _plot(rows, [{"mark": {"type": "line", "point": True}, "encoding": encoding}], height=220)


def _plot(rows: Sequence[Mapping[str, Any]], layers: Sequence[Mapping[str, Any]], *, height: int) -> dict[str, Any]:
    return {
        "width": _WIDTH,
        "height": height,
        # Labels are measured in another font than they are drawn in, and the longest would be cut.
        "padding": {"left": 20, "top": 6, "right": 6, "bottom": 6},
        "background": "white",
        "config": {
            "font": f"{FONT}, sans-serif",
            "view": {"stroke": None},
            "axis": {"labelColor": INK, "titleColor": INK, "titleFontWeight": "normal", "labelFontSize": 11},
        },
        "data": {"values": list(rows)},
        "layer": list(layers),
    }


def _drawn(plot: Mapping[str, Any]) -> str:
    import vl_convert

    vl_convert.register_font_directory(str(font_folder()))
    svg: str = vl_convert.vegalite_to_svg(dict(plot), vl_version="6.1")
    # What it shows is in the words beside it and in the table; the descriptions of its parts are noise.
    return re.sub(r' (aria-[a-z]+|role)="[^"]*"', "", svg)


def _counted(number: int, thing: str) -> str:
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def write(files: Sequence[Path], docs: Path) -> list[Path]:
    """Write tables and plots of results.

    Args:
        files: results of one size each.
        docs: folder of `performance.md`, which is made when it is not there.

    Returns:
        What was written.

    Raises:
        ValueError: `performance.md` is there and has not the marks between which the tables go.
    """
    results = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    (docs / _PLOTS).mkdir(parents=True, exist_ok=True)
    written = []
    told_of_nights = nights(results)
    # Those that only say what a night costs after some years have no table of their own.
    results = [result for result in results if any(result["costs"].get(name) for name in _REFERENCES)]
    for result in results:
        figures = figures_of(result)
        for name, is_memory in (("cpu", False), ("memory", True)):
            file = docs / _PLOTS / f"{name}_{result['size']}.svg"
            file.write_text(
                _drawn(bars(figures, is_memory=is_memory, others=result.get("peers", {}))) + "\n", encoding="utf-8"
            )
            written.append(file)
    parts = [markdown(result) for result in results]
    if len(results) > 1:
        file = docs / _PLOTS / "growth.svg"
        file.write_text(_drawn(growth(results)) + "\n", encoding="utf-8")
        written.append(file)
        parts.append(f"![CPU seconds by the rows of the extracts, both axes logarithmic]({_PLOTS}/growth.svg)\n")
    parts += filter(None, [peers(results), told_of_nights, conclusions(results)])
    page = docs / _PAGE
    text = page.read_text(encoding="utf-8") if page.exists() else f"# Performance\n\n{_BEGIN}\n{_END}\n"
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        raise ValueError(f"{page}: the lines {_BEGIN} and {_END} are not there, between which the tables go")
    between = "\n".join(parts)
    page.write_text(f"{before}{_BEGIN}\n\n{between}\n{_END}{after}", encoding="utf-8")
    return [page, *written]


def main() -> None:
    """Write tables and plots of result files, and say which files."""
    parser = ArgumentParser(prog="python -m tests.long.benchmark.report")
    parser.add_argument("results", nargs="+", type=Path, help="JSON of `make bench`, the smallest size first")
    parser.add_argument("--docs", type=Path, default=PROJECT_ROOT / "docs")
    asked = parser.parse_args()
    sys.stdout.write("".join(f"{file}\n" for file in write(asked.results, asked.docs)))


if __name__ == "__main__":
    main()
