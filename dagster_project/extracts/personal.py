"""Shapes of personal values: e-mail addresses, telephone and National Insurance numbers.

Columns that a contract marks as personal are pseudonymised whatever they hold; these shapes are for the others, and for
names of files. Patterns are written in what RE2 (DuckDB) and Python's `re` have in common.
"""

from __future__ import annotations

import re

# White space of Unicode, brackets, hyphens and dashes: how people group the digits of a number.
_SEPARATORS = "\\s\u00a0\u1680\u2000-\u200d\u202f\u205f\u2060\u3000\ufeff()\u2010-\u2015\u2212-"
_S = f"[{_SEPARATORS}]*"

EMAIL = "[\\w.%+-]+[@\uff20][\\w-]+(\\.[\\w-]+)+"
"""An e-mail address, anywhere in a text; without quotes, so that it can stand in SQL."""

# Numbering plan of the United Kingdom (Ofcom): geographic 01 and 02, 03, mobile 07; nine or ten digits after the 0.
_TELEPHONE = f"(0{_S}[1-37]({_S}[0-9]){{8,9}}|([+]|0{_S}0){_S}4{_S}4{_S}(0{_S})?([0-9]{_S}){{8,9}}[0-9])"
# HMRC, National Insurance Manual, NIM39110: the letters D, F, I, Q, U and V do not occur in a prefix.
_LETTER = "[A-CEGHJ-PR-TW-Z]"
_NATIONAL_INSURANCE = f"{_LETTER}{_S}{_LETTER}({_S}[0-9]){{6}}{_S}[A-D]"

NUMBER = f"{_S}({_TELEPHONE}|{_NATIONAL_INSURANCE}){_S}"
"""A telephone or National Insurance number, as a whole text."""

# Within a name, numbers stand between other words. Three digits together begin every telephone number, but not the
# `01-20221031` of a part and its date.
_IN_NAMES = re.compile(
    "(?<![0-9A-Za-z])("
    "(0(?=[1-37])[0-9]{2}|([+]|00)44[ ()-]{0,3}(0[ ()-]{0,2})?[1-9][0-9])([ ()-]{0,2}[0-9]){7,8}"
    f"|{_LETTER}{{2}}([ -]?[0-9]{{2}}){{3}}[ -]?[A-D]"
    ")(?![0-9A-Za-z])"
)
_EMAIL = re.compile(EMAIL)


def looks_personal(name: str) -> bool:
    """Whether the name of a file or folder has an e-mail address, telephone or National Insurance number in it."""
    return _EMAIL.search(name) is not None or _IN_NAMES.search(name) is not None
