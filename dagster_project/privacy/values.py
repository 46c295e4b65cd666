"""Values to find in texts, tables and bytes, and what replaces each of them."""

import base64
import gzip
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from html.entities import codepoint2name
from mmap import mmap

import duckdb
import pyarrow as pa

from dagster_project.extracts.pieces import BLANKS
from dagster_project.loading.pseudonyms import PSEUDONYM_LENGTH
from dagster_project.warehouse.connection import NO_SPILLING
from dagster_project.words import printable

HIDDEN = "..."
"""What names of files have in place of a personal value."""

_PSEUDONYM = re.compile(rb"(?<![0-9a-f])[0-9a-f]{%d}(?![0-9a-f])" % PSEUDONYM_LENGTH)
# As a word of its own, a shorter identifier or a number of fewer digits is more often a figure than the identifier.
_SHORTEST, _FEWEST_DIGITS = 6, 9
# Dates and times, as ISO 8601 and British extracts write them: names of files and every row have them too.
_TIME = r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?"
_MOMENT = re.compile(
    rf"(?:\d{{4}}-\d{{2}}-\d{{2}}|\d{{1,2}}[./-]\d{{1,2}}[./-]\d{{4}})(?:[T ]{_TIME})?|{_TIME}|\d{{8}}T\d{{4,6}}Z?",
    re.A,
)
# What precedes a word although it ends with a letter or digit: characters as JSON, messages of this project (escaped as
# in Python), addresses and HTML write them, and the colours of a terminal. At most 20 characters.
_ESCAPE = "|".join(
    (
        r"\\[bfnrtv]|\\x[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8}|%[0-9A-Fa-f]{2}|&nbsp",
        r"(?:\x1b|\\x1[bB]|\\u001[bB])\[[0-9;]{0,12}m",
    )
)
_ESCAPE_LENGTH = 20
_ENDS_WITH_ESCAPE = re.compile(rf"(?:{_ESCAPE})\Z".encode())
# JSON as gzip in Base64, which pages unpack (`packed` of the publication); the first characters are gzip's header.
_PACKED = re.compile(rb"H4sI[0-9A-Za-z+/]+={0,2}")
# Up to this many values, one pattern finds them inside longer texts too; more are compared with whole cells.
_IN_PATTERN = 64


def is_distinctive(identifier: str) -> bool:
    """Return whether a text that contains an identifier as a word is about it, not about a figure or a date."""
    if _MOMENT.fullmatch(identifier):
        return False
    has_digit = any(character.isdigit() for character in identifier)
    is_number = re.fullmatch(r"[\d.,:-]+", identifier) is not None
    return has_digit and len(identifier) >= (_FEWEST_DIGITS if is_number else _SHORTEST)


# Backslashes before a character: 15 are JSON within JSON within JSON within JSON. Without an end, a run of 40,000 in a
# file took 17 s.
_BACKSLASHES = r"\\{1,15}"


def _blanks() -> str:
    """Return a pattern of a blank as texts, HTML, JSON, messages and addresses write it: a line may break there too."""
    codes = [ord(blank) for blank in BLANKS]
    in_bytes = ("%".join(f"{byte:02x}" for byte in blank.encode()) for blank in BLANKS)
    escaped = (f"x{code:02x}|u{code:04x}" if code < 0x100 else f"u{code:04x}" for code in codes)
    return "|".join(
        (
            *map(re.escape, BLANKS),
            r"\+|<br ?/?>",
            f"&(?:[a-z]{{1,4}}sp|#0*(?:{'|'.join(map(str, codes))})|(?i:#x0*(?:{'|'.join(f'{n:x}' for n in codes)})));",
            f"{_BACKSLASHES}(?:[nrtfv]|(?i:{'|'.join(escaped)}))",
            f"(?i:%(?:{'|'.join(in_bytes)}))",
        )
    )


# An identifier may be partly bold in Markdown and HTML; eight marks, since a run without an end would be tried often.
_TAG = "</?(?:b|code|em|i|mark|s|small|span|strong|u)>"
_TAGS = re.compile(_TAG.encode())
_MARKS = f"(?:[*_`~]|{_TAG}){{0,8}}"
_BLANK = f"{_MARKS}(?:{_blanks()})+{_MARKS}"


def _spelled(identifier: str) -> str:
    """Return a pattern of an identifier as files spell it, with any run of white space in place of its own."""
    parts = re.split(r"(\s+)", identifier)
    pattern = "".join(_BLANK if part.isspace() else "".join(map(_spellings, part)) for part in parts)
    # A backslash before it is no part of it: what precedes it decides whether it is a word.
    return pattern.removeprefix(_ESCAPING)


# Markdown has a backslash before punctuation.
_ESCAPING = f"(?:{_BACKSLASHES})?"


def _spellings(character: str) -> str:
    """Return a pattern of a character as texts, Markdown, HTML, JSON (also within JSON), CSV and addresses write it."""
    if character.isascii() and character.isalnum():
        return character
    code, utf16 = ord(character), character.encode("utf-16-be").hex()
    spellings = [
        re.escape(character),
        f"&#0*{code};",
        f"(?i:&#x0*{code:x};)",
        "(?i:" + "".join(f"{_BACKSLASHES}u{utf16[at : at + 4]}" for at in range(0, len(utf16), 4)) + ")",
        "(?i:" + "".join(f"%{byte:02x}" for byte in character.encode()) + ")",
    ]
    if code < 0x100:
        spellings.append(f"(?i:{_BACKSLASHES}x{code:02x})")
    if code in codepoint2name:
        spellings.append(f"&{codepoint2name[code]};")
    if character == "'":
        spellings.append("&apos;")
    if character in "\"'\\":
        spellings.append(re.escape(character) * 2)
    return f"{_ESCAPING}(?:{'|'.join(spellings)})"


@dataclass(frozen=True)
class Values:
    """Pseudonyms, each with the value that replaces it, and an identifier in clear. Never shown."""

    pairs: Mapping[str, str] = field(repr=False)
    identifier: str | None = field(default=None, repr=False)
    """Found as a whole word if it is distinctive; None if it is not known, or not looked for."""
    substitute: str = field(default="", repr=False)
    """What replaces the identifier in clear."""

    @property
    def is_in_clear(self) -> bool:
        """Whether the identifier itself is looked for."""
        return self.identifier is not None and is_distinctive(self.identifier)

    @property
    def is_pattern(self) -> bool:
        """Whether the values are so few that they are found inside longer texts too."""
        return len(self.pairs) <= _IN_PATTERN

    def replace_in(self, content: bytes) -> tuple[bytes, int]:
        """Return bytes of text with all values replaced, and how many there were."""
        replaced, count = content, 0
        if self.is_pattern:
            for old, new in self._pairs_in_bytes.items():
                count += replaced.count(old)
                replaced = replaced.replace(old, new)
        else:
            replaced = _PSEUDONYM.sub(lambda match: self._pairs_in_bytes.get(match[0], match[0]), content)
            count = sum(match[0] in self._pairs_in_bytes for match in _PSEUDONYM.finditer(content))
        for found in (self._replace_identifier, self._replace_packed):
            replaced, more = found(replaced)
            count += more
        return replaced, count

    def count_in(self, content: bytes | mmap) -> int:
        """Return how many of the values are in bytes: of a text, or of a file of any kind."""
        count = sum(1 for _ in self._identifiers(content))
        count += sum(self.count_in(unpacked) for _, unpacked in _packed(content))
        if not self.is_pattern:
            return count + sum(match[0] in self._pairs_in_bytes for match in _PSEUDONYM.finditer(content))
        # Searching for a constant is a hundred times as fast as a pattern.
        return count + sum(_occurrences(content, old) for old in self._pairs_in_bytes)

    def count_in_lines(self, text: str) -> int:
        """Return how many of the values are in a text with line breaks within words, such as that of a PDF."""
        count = sum(text.count(old) for old in self.pairs) if self.is_pattern else 0
        if self.identifier is not None and self.is_in_clear:
            broken = r"\s?".join(r"\s*" if letter.isspace() else re.escape(letter) for letter in self.identifier)
            count += sum(1 for _ in re.finditer(f"(?<![0-9A-Za-z]){broken}(?![0-9A-Za-z])", text))
        return count

    def hidden_in(self, name: str) -> str:
        """Return the name or path of a file as it is shown and written, with dots in place of the values."""
        return self._hiding.replace_in(printable(name).encode())[0].decode()

    @cached_property
    def _hiding(self) -> "Values":
        return replace(self, pairs=dict.fromkeys(self.pairs, HIDDEN), substitute=HIDDEN)

    def _replace_identifier(self, content: bytes) -> tuple[bytes, int]:
        kept, end, count = [], 0, 0
        for match in self._identifiers(content):
            # Without its end, a tag would change the rest of the page.
            kept += [content[end : match.start()], self.substitute.encode(), *_TAGS.findall(match[0])]
            end, count = match.end(), count + 1
        return b"".join([*kept, content[end:]]), count

    def _replace_packed(self, content: bytes) -> tuple[bytes, int]:
        kept, end, count = [], 0, 0
        for match, unpacked in _packed(content):
            replaced, found = self.replace_in(unpacked)
            if found:
                kept += [content[end : match.start()], base64.b64encode(gzip.compress(replaced, mtime=0))]
                end, count = match.end(), count + found
        return b"".join([*kept, content[end:]]), count

    def _identifiers(self, content: bytes | mmap) -> Iterator[re.Match[bytes]]:
        """Yield where the identifier is in clear, as a whole word."""
        if self._clear is None or content.find(self._longest_run) < 0:
            return
        for match in self._clear.finditer(content):
            # Here, because a lookbehind of the pattern would have to be of one length.
            before = content[max(0, match.start() - _ESCAPE_LENGTH) : match.start()]
            if not before[-1:].isalnum() or _ENDS_WITH_ESCAPE.search(before):
                yield match

    @cached_property
    def _pairs_in_bytes(self) -> dict[bytes, bytes]:
        return {old.encode(): new.encode() for old, new in self.pairs.items()}

    @cached_property
    def _longest_run(self) -> bytes:
        """Return the letters and digits to search for first, as a constant: 20 times as fast as a pattern."""
        return max(re.findall("[0-9A-Za-z]+", self.identifier or ""), key=len, default="").encode()

    @cached_property
    def _clear(self) -> re.Pattern[bytes] | None:
        if not self.is_in_clear or self.identifier is None:
            return None
        return re.compile(f"{_spelled(self.identifier)}(?![0-9A-Za-z])".encode())

    @cached_property
    def searching(self) -> duckdb.DuckDBPyConnection:
        """Return a connection that searches file after file: opening one takes ten times as long as most searches."""
        # A file is searched again after it was rewritten, and its bytes must be read again.
        connection = duckdb.connect(config={"enable_external_file_cache": "false", **NO_SPILLING})
        self.register(connection)
        return connection

    def register(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Give a connection the pairs, as `replaced_value`, for the expressions below if there are many."""
        if self.is_pattern:
            return
        columns = {"old": pa.array(self.pairs.keys(), pa.string()), "new": pa.array(self.pairs.values(), pa.string())}
        connection.register("pair_of_values", pa.table(columns))
        connection.execute("create or replace temp table replaced_value as select * from pair_of_values")
        connection.unregister("pair_of_values")

    def condition(self, column: str, *, is_whole: bool = True) -> tuple[str, list[object]]:
        """Return SQL that is true if a text column has one of the values, and its parameters.

        Args:
            column: the quoted column.
            is_whole: many values are cells of their own; if not, they are looked for inside longer texts too.
        """
        if not self.is_pattern and is_whole:
            return f"{column} in (select old from replaced_value)", []
        if not self.is_pattern:
            words = f"regexp_extract_all({column}, '[0-9a-f]{{{PSEUDONYM_LENGTH}}}')"
            has = f"select 1 from (select unnest({words}) as word) where word in (select old from replaced_value)"
            return f"exists ({has})", []
        patterns = [*self.pairs, *self._clear_in_sql()]
        if not patterns:
            return "false", []
        return f"coalesce(regexp_matches({column}, ?), false)", ["|".join(patterns)]

    def condition_of_numbers(self, text: str) -> tuple[str, list[object]]:
        """Return SQL that is true if numbers as a text, of a cell, list, struct, map or JSON, have the identifier.

        A program that reads an identifier of digits as a number drops its plus and its first zeros.
        """
        number = re.fullmatch(rf"\+?0*([1-9]\d{{{_FEWEST_DIGITS - 1},}})", self.identifier or "", re.A)
        if number is None:
            return "false", []
        return f"coalesce(regexp_matches({text}, ?), false)", [rf"(^|[\[{{(\s:=,]){number[1]}(\.0+)?($|[,\]}})\s=])"]

    def expression(self, column: str) -> tuple[str, list[object]]:
        """Return SQL for a text column with the values replaced, and its parameters."""
        if not self.is_pattern:
            return f"coalesce((select new from replaced_value where old = {column}), {column})", []
        sql, parameters = column, list[object]()
        for old, new in self.pairs.items():
            sql = f"replace({sql}, ?, ?)"
            parameters += [old, new]
        for pattern in self._clear_in_sql():
            # Twice: a match has its neighbours, so one pass skips an identifier that is one character after another.
            sql = f"regexp_replace(regexp_replace({sql}, ?, ?, 'g'), ?, ?, 'g')"
            parameters += [pattern, rf"\1{self.substitute}\2"] * 2
        return sql, parameters

    def _clear_in_sql(self) -> Iterator[str]:
        """Yield the pattern of the identifier in clear, with its neighbours in groups: RE2 has no lookbehind."""
        if self.is_in_clear and self.identifier is not None:
            yield f"(^|[^0-9A-Za-z]|{_ESCAPE}){_spelled(self.identifier)}($|[^0-9A-Za-z])"


def _packed(content: bytes | mmap) -> Iterator[tuple[re.Match[bytes], bytes]]:
    """Yield the places where a page has packed data, with the data."""
    for match in _PACKED.finditer(content):
        try:
            yield match, gzip.decompress(base64.b64decode(match[0], validate=True))
        except (ValueError, OSError, EOFError, zlib.error):
            # Other bytes that begin like it.
            continue


def _occurrences(content: bytes | mmap, value: bytes) -> int:
    count, at = 0, content.find(value)
    while at >= 0:
        count, at = count + 1, content.find(value, at + 1)
    return count
