"""Text as a spreadsheet may open it: what it would evaluate as a formula is marked as text."""

from __future__ import annotations

import re

# What Excel, LibreOffice and Google Sheets take for the start of a formula, or skip before one, in both widths.
_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")

# A signed number, percentage or duration as this project prints them: -1,234.5, +2.1e6, -1.2%, -1m 2s.
_PLAIN = re.compile(
    r"[+-]([0-9]+|[0-9]{1,3}(,[0-9]{3})+)(\.[0-9]+)?([eE][+-]?[0-9]+)?%?"
    r"|[+-][0-9]+(\.[0-9]+)?[dhms]( [0-9]+(\.[0-9]+)?[hms])*"
)


def neutralised(text: str) -> str:
    """A text cell that a spreadsheet shows and does not evaluate.

    Args:
        text: the cell, from anywhere.

    Returns:
        The cell with an apostrophe before it if a spreadsheet would take it for a formula; otherwise the cell itself,
        as for a plain signed number, percentage or duration.
    """
    return f"'{text}" if text.startswith(_STARTS) and not _PLAIN.fullmatch(text) else text
