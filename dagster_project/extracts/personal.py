"""Shapes of personal values: e-mail addresses, telephone and National Insurance numbers.

Columns that a contract marks as personal are pseudonymised whatever they hold; these shapes are for the others, and for
names of files, folders and columns. `EMAIL` and `NUMBER` are patterns of RE2, which DuckDB has; no quote is in them.
"""

from __future__ import annotations

import re
from unicodedata import normalize

AT = "@\uff20\ufe6b"
"""The sign of an e-mail address in its three widths."""

_WORD = "[\\pL\\pM\\pN_-]"
_DOT = "[.\u3002\uff0e\uff61]"
EMAIL = f"[^\\s{AT}][{AT}]{_WORD}+({_DOT}{_WORD}+)+"
"""An e-mail address, anywhere in a text: what stands before the sign may be anything."""

# What people and programs put between the digits of a number: white space, brackets, marks that are not seen.
_BLANKS = "\\s()\u00a0\u00ad\u061c\u1680\u2000-\u200f\u202a-\u202f\u205f-\u206f\u3000\ufeff"
_DASHES = "\u2010-\u2015\u2043\u2212\ufe58\ufe63\uff0d-"
_B, _S = f"[{_BLANKS}]*", f"[{_BLANKS}{_DASHES}]*"
_DIGIT = "[0-9\uff10-\uff19]"
_ZERO, _TRUNK = "[0\uff10]", "[1-37\uff11-\uff13\uff17]"

# Numbering plan of the United Kingdom (Ofcom): geographic 01 and 02, 03, mobile 07; nine or ten digits after the 0.
# Three digits or more stand before the first dash: an identifier that begins with a date (03-10-2022-001) is none.
_TELEPHONE = (
    f"({_ZERO}{_TRUNK}{_DIGIT}({_S}{_DIGIT}){{7,8}}"
    f"|{_ZERO}{_B}{_TRUNK}({_B}{_DIGIT}){{8,9}}"
    f"|([+\uff0b]|{_ZERO}{_S}{_ZERO}){_S}[4\uff14]{_S}[4\uff14]{_S}({_ZERO}{_S})?({_DIGIT}{_S}){{8,9}}{_DIGIT})"
)
# HMRC, National Insurance Manual, NIM39110: the letters D, F, I, Q, U and V do not occur in a prefix. In small letters
# only with blanks, as people write it: without, it is as often an identifier in hexadecimal digits.
_LETTER, _SMALL = "[A-CEGHJ-PR-TW-Z]", "[a-ceghj-pr-tw-zA-CEGHJ-PR-TW-Z]"
_NATIONAL_INSURANCE = (
    f"({_LETTER}{_S}{_LETTER}({_S}{_DIGIT}){{6}}{_S}[A-D]"
    f"|{_SMALL}{{2}}[{_BLANKS}]+{_DIGIT}{{2}}{_S}{_DIGIT}{{2}}{_S}{_DIGIT}{{2}}{_S}[A-Da-d])"
)
# Excel marks a number that is to be text by an apostrophe.
NUMBER = f"(\\x27|[Tt][Ee][Ll]:?)?{_S}({_TELEPHONE}|{_NATIONAL_INSURANCE}){_S}"
"""A telephone or National Insurance number, as a whole text."""

NUMBER_WITHIN = f"(^|[^0-9\uff10-\uff19])({_TELEPHONE}|{_NATIONAL_INSURANCE})($|[^0-9\uff10-\uff19])"
"""A telephone or National Insurance number anywhere in a text. Wider than what makes a row faulty: it only decides
whether a message repeats a text."""

# Within a name, numbers stand between other words and behind letters. A low line or a dot parts a number only after
# five digits: `0731_041500` is a month, a day and a time.
_IN_NAMES = re.compile(
    "(?<![0-9])("
    "(0(?=[1-37])[0-9]{2}|([+]|00)44[ ()-]{0,3}(0[ ()-]{0,2})?[1-9][0-9])([ ()\u2010-\u2015-]{0,2}[0-9]){7,8}"
    "|0[1-37][0-9]{3}[_.][0-9]{5,6}"
    f"|(?<![A-Za-z]){_LETTER}{{2}}([ _.-]?[0-9]{{2}}){{3}}[ _.-]?[A-D]"
    ")(?![0-9A-Za-z])"
)
_EMAIL_IN_NAMES = re.compile("[^\\s@]@[\\w-]+([.][\\w-]+)+")


def looks_personal(name: str) -> bool:
    """Whether a name has an e-mail address, a telephone number or a National Insurance number in it.

    Args:
        name: of a file, a folder or a column.
    """
    # Full-width signs and letters with accents of their own, as macOS writes them in names.
    plain = normalize("NFKC", name)
    return _EMAIL_IN_NAMES.search(plain) is not None or _IN_NAMES.search(plain) is not None
