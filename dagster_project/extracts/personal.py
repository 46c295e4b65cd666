"""Patterns of personal values: email addresses, telephone and National Insurance numbers.

Columns that a contract marks as personal always hold surrogates. These patterns are for the other columns, and for
names of files, folders and columns. Those in capitals use the RE2 syntax of DuckDB, contain no quote, and are for ASCII
text: patterns with the classes of Unicode take 15 ms to compile for every column.
"""

import re
from unicodedata import normalize

# Characters beyond ASCII that people and programs put into numbers and addresses: full-width signs, other blanks,
# invisible marks and dashes.
_BLANKS = "\u00a0\u00ad\u061c\u1680\u3000\ufeff" + "".join(map(chr, (*range(0x2000, 0x2010), *range(0x202A, 0x2030))))
_BLANKS += "".join(map(chr, range(0x205F, 0x2070)))
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\ufe58\ufe63\uff0d"
_SIGNS = {"\uff20": "@", "\ufe6b": "@", "\uff0b": "+", **dict.fromkeys("\u3002\uff0e\uff61", ".")}
_SIGNS |= {chr(0xFF10 + digit): str(digit) for digit in range(10)}
PLAIN = dict.fromkeys(_BLANKS, " ") | dict.fromkeys(_DASHES, "-") | _SIGNS
"""The ASCII character that stands for each of them."""

EMAIL = "[^ \\t\\r\\n@]@[^ \\t\\r\\n@.]+([.][^ \\t\\r\\n@.]+)+"
"""An email address anywhere in a text; any character except white space may precede the at sign."""

# What stands between the digits of a number: white space, brackets, dashes and dots.
_B, _S = "[ \\t\\r\\n()]*", "[ \\t\\r\\n().-]*"

# Numbering plan of the United Kingdom (Ofcom): geographic 01 and 02, 03, mobile 07; ten digits after the 0, of a few 01
# nine. A group of three digits or more is among the first two: identifiers like 02-22-0001234 do not match.
# Spreadsheets take off the 0 of a mobile number.
_TELEPHONE = (
    f"(0{_S}[1-37]{_S}[0-9]{{3}}({_S}[0-9]){{6}}"
    f"|0[1-37][0-9]({_S}[0-9]){{8}}"
    f"|0{_B}[1-37]({_B}[0-9]){{9}}"
    f"|01([0-9]{{3}}{_S}[0-9]{{5}}|[0-9]{{4}}{_S}[0-9]{{4}})"
    f"|7[0-9]{{2}}({_S}[0-9]){{7}}"
    f"|([+]|0{_S}0){_S}4{_S}4({_S}0)?({_S}[0-9]){{9,10}})"
)
# HMRC, National Insurance Manual, NIM39110: the letters D, F, I, Q, U and V do not occur in a prefix. Lower case counts
# only with blanks, as people write it: without blanks it is as often an identifier in hexadecimal digits.
_LETTER, _SMALL = "[A-CEGHJ-PR-TW-Z]", "[a-ceghj-pr-tw-zA-CEGHJ-PR-TW-Z]"
_NATIONAL_INSURANCE = (
    f"({_LETTER}{_S}{_LETTER}({_S}[0-9]){{6}}{_S}[A-D]"
    f"|{_SMALL}{{2}}[ \\t\\r\\n()]+[0-9]{{2}}{_S}[0-9]{{2}}{_S}[0-9]{{2}}{_S}[A-Da-d])"
)
NUMBER = f"(^|[^0-9])({_TELEPHONE}|{_NATIONAL_INSURANCE})($|[^0-9])"
"""A telephone or National Insurance number anywhere in a text."""

DAY_BEFORE_NUMBER = f"(^|[^0-9])(0[1-9]|[12][0-9]|3[01]){_S}(0[1-9]|1[0-2]){_S}(19|20)[0-9]{{2}}{_S}"
"""A day in British order, as it begins some identifiers; with the number after it, it may look like a telephone
number."""

NAME = "([A-Za-z]|[A-Z]?[a-z]{2,})([.][A-Z]?[a-z]{2,})+[._-]?[0-9]{0,8}"
"""A name as in an account: words in small letters with dots between them, and perhaps a number (jane.smith.1980)."""

UUID = "[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
"""An identifier of 32 hexadecimal digits; digits in a row, or beside a dash, are no number in it."""

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
