"""Patterns of personal values: email addresses, telephone and National Insurance numbers.

Columns that a contract marks as personal are always pseudonymised. These patterns are for the other columns, and for
names of files, folders and columns. `EMAIL` and `NUMBER` use the RE2 syntax of DuckDB, and contain no quote.
"""

import re
from unicodedata import normalize

AT = "@\uff20\ufe6b"
"""The at sign in its three widths."""

_WORD = "[\\pL\\pM\\pN_-]"
_DOT = "[.\u3002\uff0e\uff61]"
EMAIL = f"[^\\s{AT}][{AT}]{_WORD}+({_DOT}{_WORD}+)+"
"""An email address anywhere in a text; any character except white space may precede the at sign."""

# Characters that people and programs put between the digits of a number: white space, brackets, invisible marks.
_BLANKS = "\\s()\u00a0\u00ad\u061c\u1680\u2000-\u200f\u202a-\u202f\u205f-\u206f\u3000\ufeff"
_DASHES = "\u2010-\u2015\u2043\u2212\ufe58\ufe63\uff0d-"
_B, _S = f"[{_BLANKS}]*", f"[{_BLANKS}{_DASHES}]*"
_DIGIT = "[0-9\uff10-\uff19]"
_ZERO, _TRUNK = "[0\uff10]", "[1-37\uff11-\uff13\uff17]"

# Numbering plan of the United Kingdom (Ofcom): geographic 01 and 02, 03, mobile 07; nine or ten digits after the 0.
# At least three digits precede the first dash: an identifier that starts with a date (03-10-2022-001) does not match.
_TELEPHONE = (
    f"({_ZERO}{_TRUNK}{_DIGIT}({_S}{_DIGIT}){{7,8}}"
    f"|{_ZERO}{_B}{_TRUNK}({_B}{_DIGIT}){{8,9}}"
    f"|([+\uff0b]|{_ZERO}{_S}{_ZERO}){_S}[4\uff14]{_S}[4\uff14]{_S}({_ZERO}{_S})?({_DIGIT}{_S}){{8,9}}{_DIGIT})"
)
# HMRC, National Insurance Manual, NIM39110: the letters D, F, I, Q, U and V do not occur in a prefix. Lower case counts
# only with blanks, as people write it: without blanks it is as often an identifier in hexadecimal digits.
_LETTER, _SMALL = "[A-CEGHJ-PR-TW-Z]", "[a-ceghj-pr-tw-zA-CEGHJ-PR-TW-Z]"
_NATIONAL_INSURANCE = (
    f"({_LETTER}{_S}{_LETTER}({_S}{_DIGIT}){{6}}{_S}[A-D]"
    f"|{_SMALL}{{2}}[{_BLANKS}]+{_DIGIT}{{2}}{_S}{_DIGIT}{{2}}{_S}{_DIGIT}{{2}}{_S}[A-Da-d])"
)
# Excel puts an apostrophe before a number that is stored as text.
NUMBER = f"(\\x27|[Tt][Ee][Ll]:?)?{_S}({_TELEPHONE}|{_NATIONAL_INSURANCE}){_S}"
"""A telephone or National Insurance number that is the whole text."""

# Of other countries after a plus (ITU-T E.164: at most 15 digits), or of the United Kingdom without one.
_ABROAD = f"[+\uff0b]{_S}{_DIGIT}({_S}{_DIGIT}){{7,14}}|[4\uff14]{_S}[4\uff14]({_S}{_DIGIT}){{9,10}}"

NUMBER_WITHIN = f"(^|[^0-9\uff10-\uff19])({_TELEPHONE}|{_ABROAD}|{_NATIONAL_INSURANCE})($|[^0-9\uff10-\uff19])"
"""A telephone or National Insurance number anywhere in a text. This matches more than the rule for faulty rows: it only
decides whether a message shows the text."""

# In a name, numbers may be between words and after letters. An underscore or dot may split a number only after five
# digits: `0731_041500` is a month, a day and a time.
_IN_NAMES = re.compile(
    "(?<![0-9])("
    "(0(?=[1-37])[0-9]{2}|([+]|00)44[ ()-]{0,3}(0[ ()-]{0,2})?[1-9][0-9])([ ()\u2010-\u2015-]{0,2}[0-9]){7,8}"
    "|0[1-37][0-9]{3}([_.][0-9]{5,6}|[_.][0-9]{3}[_.][0-9]{3})"
    # Of another country, after a plus. At least nine digits: eight are as often a date.
    "|[+][1-9]([ ().\u2010-\u2015-]{0,2}[0-9]){8,14}"
    "|447[0-9]{9}"
    f"|(?<![A-Za-z]){_LETTER}{{2}}([ _.-]?[0-9]{{2}}){{3}}[ _.-]?[A-D]"
    ")(?![0-9A-Za-z])"
)
_EMAIL_IN_NAMES = re.compile("[^\\s@]@[\\w-]+([.][\\w-]+)+")


def looks_personal(name: str) -> bool:
    """Return whether a name contains an email address, a telephone number or a National Insurance number.

    Args:
        name: name of a file, folder or column.
    """
    # Normalise full-width signs, and letters with separate accents as macOS writes them in names.
    plain = normalize("NFKC", name)
    return _EMAIL_IN_NAMES.search(plain) is not None or _IN_NAMES.search(plain) is not None
