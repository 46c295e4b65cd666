"""Characters that a rendering cannot show: those that no document may hold, and those that the typeface lacks."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from markupsafe import Markup

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# Control characters and noncharacters are in no XML document and make typst and browsers fail or guess; a lone
# surrogate is in no file at all; marks that override the direction of writing turn the figures beside them around.
_NOT_ALLOWED = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff]"
)

# Without a glyph of their own and not missed: joiners, marks of direction, selectors of emoji.
_WITHOUT_GLYPH = "[\u00ad\u034f\u061c\u180e\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff\U0001f3fb-\U0001f3ff]"


def font_folder() -> Path:
    """Where the typeface of the paper is."""
    return Path(str(files("font_source_sans_pro") / "files"))


def mapped(value: Any, change: Callable[[str], str]) -> Any:
    """A value with every text in it changed: of dataclasses, mappings, lists and tuples, however deep.

    Args:
        value: what a rendering is given. Markup is the project's own and stays as it is.
        change: what to make of a text.
    """
    if isinstance(value, str):
        return value if isinstance(value, Markup) else change(value)
    if isinstance(value, dict):
        return {mapped(key, change): mapped(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(mapped(item, change) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{item.name: mapped(getattr(value, item.name), change) for item in fields(value)})
    return value


def cleaned(value: Any) -> Any:
    """A value without characters that no document may hold; U+FFFD stands in their place."""
    return mapped(value, lambda text: _NOT_ALLOWED.sub(REPLACEMENT, text))


def with_glyphs(text: str) -> tuple[str, int]:
    """A text of characters that the typeface has.

    Returns:
        The text, with `?` for each character without a glyph (the typeface has no U+FFFD), and how many there were.
    """
    # Most texts are ASCII, all of which the typeface has.
    if text.isascii():
        return text, 0
    return _missing().subn("?", re.sub(_WITHOUT_GLYPH, "", text))


@cache
def _missing() -> re.Pattern[str]:
    """A character without a glyph in a regular or a bold cut; what the italics lack is set in the regular cut."""
    # 0.04 s to import, needed only where a text is not ASCII.
    from fontTools.ttLib import TTFont

    known: set[int] = set()
    for cut in ("Regular", "Semibold", "Bold"):
        with TTFont(font_folder() / f"SourceSansPro-{cut}.ttf", lazy=True) as font:
            characters = set(font.getBestCmap())
        known = known & characters if known else characters
    return re.compile(f"[^\n\t{re.escape(''.join(map(chr, sorted(known))))}]")
