"""Make text safe for spreadsheets, in published CSV files and workbooks: it is shown and never evaluated."""

from __future__ import annotations

import re

# Characters that make a spreadsheet treat a cell as a formula, including full-width and small forms. Spreadsheets skip
# white space, control characters and zero-width marks before them; a tab or carriage return is enough by itself.
_SKIPPED = (
    r"\x00-\x20\x7f-\x{a0}\x{ad}\x{61c}\x{1680}\x{180e}\x{2000}-\x{200f}\x{2028}-\x{202f}\x{205f}-\x{206f}\x{3000}"
    r"\x{feff}"
)
_STARTS = r"=+\-@\t\r\x{ff1d}\x{ff0b}\x{ff0d}\x{ff20}\x{fe66}\x{fe62}\x{fe63}\x{fe6b}"
_FORMULA = rf"[{_SKIPPED}]*[{_STARTS}]"

# Figures as printed in papers: numbers, percentages, durations.
_FIGURE = r"[+-]?([0-9][0-9,]*(\.[0-9]+)?([eE][+-]?[0-9]+)?%?|[0-9]+[hms]( [0-9]+[ms])*)"


def _in_python(pattern: str) -> str:
    """Return the pattern with code points in Python's syntax; the constants use that of RE2, DuckDB's regex library."""
    return re.sub(r"\\x\{([0-9a-f]+)\}", lambda found: f"\\u{int(found[1], 16):04x}", pattern)


_IS_FORMULA = re.compile(_in_python(_FORMULA))
_IS_FIGURE = re.compile(_FIGURE)


def neutralised(text: str) -> str:
    """Return the text for a cell that no spreadsheet evaluates: with an apostrophe before a possible formula.

    Figures (`-1,234`, `-1.2%`, `-1m 2s`) are not changed.
    """
    return f"'{text}" if _IS_FORMULA.match(text) and not _IS_FIGURE.fullmatch(text) else text


def neutralised_sql(expression: str) -> str:
    """Return a DuckDB SQL expression that does the same as `neutralised`."""
    return (
        f"case when regexp_matches({expression}, '^(?:{_FORMULA})') "
        f"and not regexp_full_match({expression}, '{_FIGURE}') "
        f"then '''' || {expression} else {expression} end"
    )
