"""Make text safe for spreadsheets, in published CSV files and workbooks: it is shown and never evaluated.

The patterns hold for Python, DuckDB and the browser: `read_explorer` passes them to `assets/explorer.js`, which has
no rule of its own. So they name control characters by escapes and all others by themselves.
"""

import re

# Characters that make a spreadsheet treat a cell as a formula, including full-width and small forms. Spreadsheets skip
# white space, control characters and zero-width marks before them; a tab or carriage return is enough by itself.
_SKIPPED = "\\x00-\\x20\\x7f-\u00a0\u00ad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff"
_STARTS = "=+\\-@\\t\\r\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b"
FORMULA = f"[{_SKIPPED}]*[{_STARTS}]"
"""Beginning of a text that a spreadsheet may evaluate."""

FIGURE = r"[+-]?([0-9][0-9,]*(\.[0-9]+)?([eE][+-]?[0-9]+)?%?|[0-9]+[hms]( [0-9]+[ms])*)"
"""A whole text that is a figure as papers and queries print it: a number, with or without exponent, a percentage or a
duration. It may begin with a sign; a spreadsheet reads it as the number that it is."""

_IS_FORMULA = re.compile(FORMULA)
_IS_FIGURE = re.compile(FIGURE)


def neutralised(text: str) -> str:
    """Return the text for a cell that no spreadsheet evaluates: with an apostrophe before a possible formula.

    Figures (`-1,234`, `-1.2%`, `-1m 2s`) are not changed.
    """
    return f"'{text}" if _IS_FORMULA.match(text) and not _IS_FIGURE.fullmatch(text) else text


def neutralised_sql(expression: str) -> str:
    """Return a DuckDB SQL expression that does the same as `neutralised`."""
    return (
        f"case when regexp_matches({expression}, '^{FORMULA}') "
        f"and not regexp_full_match({expression}, '{FIGURE}') "
        f"then '''' || {expression} else {expression} end"
    )
