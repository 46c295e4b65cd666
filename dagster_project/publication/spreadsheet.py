"""Text that a spreadsheet shows and never evaluates, for published CSV files and workbooks."""

from __future__ import annotations

import re

# What makes a spreadsheet take a cell for a formula, with the full-width and small forms that it reads alike. It skips
# white space, control characters and marks without width before one; a tab or a carriage return is enough by itself.
_SKIPPED = (
    r"\x00-\x20\x7f-\x{a0}\x{ad}\x{61c}\x{1680}\x{180e}\x{2000}-\x{200f}\x{2028}-\x{202f}\x{205f}-\x{206f}\x{3000}"
    r"\x{feff}"
)
_STARTS = r"=+\-@\t\r\x{ff1d}\x{ff0b}\x{ff0d}\x{ff20}\x{fe66}\x{fe62}\x{fe63}\x{fe6b}"
_FORMULA = rf"[{_SKIPPED}]*[{_STARTS}]"

# Figures as papers print them: a number, a percentage, a duration.
_FIGURE = r"[+-]?([0-9][0-9,]*(\.[0-9]+)?([eE][+-]?[0-9]+)?%?|[0-9]+[hms]( [0-9]+[ms])*)"


def _in_python(pattern: str) -> str:
    """The pattern with code points as Python writes them; as it stands it is one of RE2, which DuckDB has."""
    return re.sub(r"\\x\{([0-9a-f]+)\}", lambda found: f"\\u{int(found[1], 16):04x}", pattern)


_IS_FORMULA = re.compile(_in_python(_FORMULA))
_IS_FIGURE = re.compile(_FIGURE)


def neutralised(text: str) -> str:
    """The text as a cell that no spreadsheet evaluates: with an apostrophe before what could begin a formula.

    Args:
        text: of a cell. Figures (`-1,234`, `-1.2%`, `-1m 2s`) stay as they are.
    """
    return f"'{text}" if _IS_FORMULA.match(text) and not _IS_FIGURE.fullmatch(text) else text


def neutralised_sql(expression: str) -> str:
    """The same as an SQL expression of DuckDB.

    Args:
        expression: SQL of a text.
    """
    return (
        f"case when regexp_matches({expression}, '^(?:{_FORMULA})') "
        f"and not regexp_full_match({expression}, '{_FIGURE}') "
        f"then '''' || {expression} else {expression} end"
    )
