"""Values to find in texts, tables and bytes, and what replaces each of them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from mmap import mmap

import duckdb
import pyarrow as pa

from dagster_project.loading.pseudonyms import PSEUDONYM_LENGTH

_PSEUDONYM = re.compile(rb"(?<![0-9a-f])[0-9a-f]{%d}(?![0-9a-f])" % PSEUDONYM_LENGTH)
# As a word of its own, a shorter identifier or a number of fewer digits is more often a figure than the identifier.
_SHORTEST, _FEWEST_DIGITS = 6, 9
# Up to this many values, one pattern finds them inside longer texts too; more are compared with whole cells.
_IN_PATTERN = 64


def is_distinctive(identifier: str) -> bool:
    """Return whether a text that contains an identifier as a word is about it, not about a figure or a date."""
    has_digit = any(character.isdigit() for character in identifier)
    is_number = re.fullmatch(r"[\d.,:-]+", identifier) is not None
    return has_digit and len(identifier) >= (_FEWEST_DIGITS if is_number else _SHORTEST)


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
        for pattern in self._clear:
            replaced, found = pattern.subn(self.substitute.encode(), replaced)
            count += found
        return replaced, count

    def count_in(self, content: bytes | mmap) -> int:
        """Return how many of the values are in bytes: of a text, or of a file of any kind."""
        clear = sum(1 for pattern in self._clear for _ in pattern.finditer(content))
        if not self.is_pattern:
            return clear + sum(match[0] in self._pairs_in_bytes for match in _PSEUDONYM.finditer(content))
        # Searching for a constant is a hundred times as fast as a pattern.
        return clear + sum(_occurrences(content, old) for old in self._pairs_in_bytes)

    @cached_property
    def _pairs_in_bytes(self) -> dict[bytes, bytes]:
        return {old.encode(): new.encode() for old, new in self.pairs.items()}

    @cached_property
    def _clear(self) -> tuple[re.Pattern[bytes], ...]:
        if not self.is_in_clear or self.identifier is None:
            return ()
        forms = dict.fromkeys(re.escape(form.encode()) for form in (self.identifier, escape(self.identifier)))
        # The identifier first, so that its beginning is searched for as a constant.
        return tuple(re.compile(rb"%b(?![0-9A-Za-z])(?<![0-9A-Za-z]%b)" % (form, form)) for form in forms)

    def register(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Give a connection the pairs, as `replaced_value`, for the expressions below if there are many."""
        if self.is_pattern:
            return
        columns = {"old": pa.array(self.pairs.keys(), pa.string()), "new": pa.array(self.pairs.values(), pa.string())}
        connection.register("pair_of_values", pa.table(columns))
        connection.execute("create or replace temp table replaced_value as select * from pair_of_values")
        connection.unregister("pair_of_values")

    def condition(self, column: str) -> tuple[str, list[object]]:
        """Return SQL that is true if a text column has one of the values, and its parameters.

        Args:
            column: the quoted column.
        """
        if not self.is_pattern:
            return f"{column} in (select old from replaced_value)", []
        patterns = [*self.pairs, *self._clear_in_sql()]
        if not patterns:
            return "false", []
        return f"coalesce(regexp_matches({column}, ?), false)", ["|".join(patterns)]

    def expression(self, column: str) -> tuple[str, list[object]]:
        """Return SQL for a text column with the values replaced, and its parameters."""
        if not self.is_pattern:
            return f"coalesce((select new from replaced_value where old = {column}), {column})", []
        sql, parameters = column, list[object]()
        for old, new in self.pairs.items():
            sql = f"replace({sql}, ?, ?)"
            parameters += [old, new]
        for pattern in self._clear_in_sql():
            sql = f"regexp_replace({sql}, ?, ?, 'g')"
            parameters += [pattern, rf"\1{self.substitute}\2"]
        return sql, parameters

    def _clear_in_sql(self) -> Iterator[str]:
        """Yield the pattern of the identifier in clear, with its neighbours in groups: RE2 has no lookbehind."""
        if self.is_in_clear and self.identifier is not None:
            yield f"(^|[^0-9A-Za-z]){re.escape(self.identifier)}($|[^0-9A-Za-z])"


def _occurrences(content: bytes | mmap, value: bytes) -> int:
    count, at = 0, content.find(value)
    while at >= 0:
        count, at = count + 1, content.find(value, at + 1)
    return count
