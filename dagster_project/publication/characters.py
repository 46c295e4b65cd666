"""Replace characters that cannot be rendered: those not allowed in documents, and those missing in the typeface."""

import re
from dataclasses import fields, is_dataclass, replace
from functools import cache
from importlib.resources import files
from operator import is_
from pathlib import Path
from typing import Any

from markupsafe import Markup

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# XML forbids control characters and noncharacters, and typst and browsers fail or guess at them. A lone surrogate
# cannot be encoded in a file. Marks that override the text direction would reverse the figures next to them.
_NOT_ALLOWED = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff]"
)

# Invisible characters that need no glyph: joiners, direction marks, emoji selectors.
_WITHOUT_GLYPH = "[\u00ad\u034f\u061c\u180e\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff\U0001f3fb-\U0001f3ff]"


def font_folder() -> Path:
    """Return the folder of the paper's typeface."""
    return Path(str(files("font_source_sans_pro") / "files"))


def cleaned(value: Any) -> Any:
    """Return a value with U+FFFD in place of characters not allowed in documents, in every text in it.

    Texts are looked for at any depth of dataclasses, mappings, lists and tuples. Markup comes from the project itself
    and is not changed. A dataclass without a changed text is returned itself: making the dataclasses of a paper again
    takes longer than looking at their texts.
    """
    if isinstance(value, str):
        # None of these characters is printable, and nearly every text is.
        is_kept = isinstance(value, Markup) or value.isprintable()
        return value if is_kept else _NOT_ALLOWED.sub(REPLACEMENT, value)
    if isinstance(value, dict):
        return {cleaned(key): cleaned(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        items = [cleaned(item) for item in value]
        is_same = all(map(is_, items, value))
        return value if is_same else type(value)(items)
    if names := _field_names(value.__class__):
        changed = {name: cleaned(getattr(value, name)) for name in names}
        is_same = all(item is getattr(value, name) for name, item in changed.items())
        return value if is_same else replace(value, **changed)
    return value


@cache
def _field_names(kind: type) -> tuple[str, ...]:
    """Return the names of the fields of a dataclass; empty for another type."""
    return tuple(item.name for item in fields(kind)) if is_dataclass(kind) else ()


def with_glyphs(text: str) -> tuple[str, int]:
    """Return a text with only the characters that the typeface has.

    Returns:
        The text, with `?` for each character without a glyph (the typeface lacks U+FFFD), and the number of those.
    """
    # Most texts are ASCII, and the typeface has all of it.
    if text.isascii():
        return text, 0
    return _missing().subn("?", re.sub(_WITHOUT_GLYPH, "", text))


@cache
def _missing() -> re.Pattern[str]:
    """Match a character without a glyph in the regular or bold font; italics fall back to the regular font."""
    # The import takes 0.04 s and is needed only for texts that are not ASCII.
    from fontTools.ttLib import TTFont

    known: set[int] = set()
    for cut in ("Regular", "Semibold", "Bold"):
        with TTFont(font_folder() / f"SourceSansPro-{cut}.ttf", lazy=True) as font:
            characters = set(font.getBestCmap())
        known = known & characters if known else characters
    return re.compile(f"[^\n\t{re.escape(''.join(map(chr, sorted(known))))}]")
