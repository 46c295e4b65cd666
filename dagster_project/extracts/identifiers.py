"""Identifiers of people: the form in which all usual spellings of one are equal. No keys and no storage here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dagster_project.contracts import Identifier
from dagster_project.extracts.cells import without_null_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

    from dagster_project.contracts import Column, Contract
    from dagster_project.extracts.reading import Extract

OF_A_FORCE = frozenset({Identifier.REFERENCE, Identifier.OPERATOR, Identifier.CONTACT})
"""Kinds that two forces number alike: the same text is another person at another force."""

_BLANKS = r"[\s\pZ\p{Cf}]+"
# Between the digits of a telephone number: blanks, hyphens, dashes, dots, brackets and slashes.
_SEPARATORS = r"[\s\pZ\p{Cf}\p{Pd}().\/]"
# What spreadsheets and telephone systems add to a number: an apostrophe, a scheme, a fraction, an extension.
_ADDED = r"^''|^(tel|callto):|\.0+$|[\s;,]*(ext(ension|n)?[.:=]?|x|#)\s*\d{1,6}$"
# What a spreadsheet leaves of a number that it took for a large one: several numbers have the same such text.
_SCIENTIFIC = r"\d([.,]\d+)?e\+?\d+"
# Digits of East Asian width, as web forms let people paste them.
_WIDE, _ASCII = "\uff10\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19\uff0b", "0123456789+"


def force_of(cell: str) -> str:
    """Return SQL of the force whose identifiers a row has, from its trimmed cell; without one, the parameter `$force`.

    A null word is no force.
    """
    return f"coalesce(nullif(lower({without_null_words(cell)}), ''), $force)"


def register_cells(
    connection: duckdb.DuckDBPyConnection, extract: Extract, contract: Contract
) -> Iterator[tuple[Column, Identifier]]:
    """Make the personal cells of an extract the table `cells`, one column of a batch after the other.

    Args:
        connection: a connection to a database in memory.
        extract: the open extract.
        contract: its contract.

    Yields:
        The column and what it identifies; the table has `n`, `cell` and `force`.
    """
    # Imported here: it costs 0.1 s, and commands that import this module do without.
    import pyarrow as pa

    for batch in extract.batches():
        for column in contract.columns:
            if column.identifies:
                cells = {"cell": batch.column(column.name), "force": batch.column("force_code")}
                connection.register("cells", pa.table({"n": range(batch.num_rows), **cells}))
                yield column, column.identifies
                connection.unregister("cells")


def identifiers_query(cells: str, kind: Identifier, null_words: Sequence[str] = ()) -> str:
    """Return a query for the form in which each identifier is hashed; null for an empty cell or a null word.

    A number in scientific notation is null, too: it has lost its last digits.

    Two kinds have no form in common, except that what a contact refers to has the form of its own kind.

    Args:
        cells: SQL of a relation with `n`, the trimmed text `cell`, and the code of the `force`.
        kind: what the texts identify.
        null_words: texts of this column that stand for no identifier, besides those of every column.

    Returns:
        A query whose result has `n` and `identifier`.
    """
    # The most common spelling of a number needs one pattern instead of four: 0.2 us a cell instead of 0.8.
    plain = rf"""
        case when regexp_full_match(text, '0[1-9]\d{{9}}') then text else
            regexp_replace(
                regexp_replace(translate(text, '{_WIDE}', '{_ASCII}'), '{_ADDED}', '', 'g'), '{_SEPARATORS}', '', 'g'
            )
        end"""
    return f"""
        with texts as (select n, force, lower({without_null_words("cell", null_words)}) as text from {cells}),
        spelled as (
            select n, force, text,
                {plain if kind in (Identifier.PHONE, Identifier.CONTACT) else "null"} as plain,
                regexp_replace(text, '{_BLANKS}', '', 'g') as folded
            from texts
        )
        select n, {_identifier(kind)} as identifier from spelled"""


def _identifier(kind: Identifier) -> str:
    """Return SQL over `text`, `plain` and `folded` for an identifier."""
    # A number of ten digits without zero is British: a spreadsheet drops the zero.
    phone = r"""case
        when regexp_full_match(plain, '((\+|00)?440?|0)?[1-9]\d{9}|((\+|00)440?|0)[1-9]\d{8}')
            then 'p:+44' || regexp_extract(plain, '^(?:(?:\+|00)?440?|0)?([1-9]\d{8,9})$', 1)
        when regexp_full_match(plain, '(\+|00)[1-9]\d{6,14}') then 'p:+' || regexp_replace(plain, '^(\+|00)', '')
    end"""
    email, reference = "'e:' || folded", "'r:' || force || ':' || folded"
    # Only a plus or a leading zero tells a number from a reference of digits.
    contact = (
        rf"case when contains(text, '@') then {email} when regexp_full_match(plain, '[0+]\d{{9,15}}') then {phone} end"
    )
    other = f"case when not regexp_full_match(text, '{_SCIENTIFIC}') then"
    return {
        Identifier.PHONE: f"coalesce({phone}, {other} 'n:' || coalesce(nullif(plain, ''), folded) end)",
        Identifier.EMAIL: email,
        Identifier.REFERENCE: reference,
        Identifier.OPERATOR: "'o:' || force || ':' || folded",
        Identifier.CONTACT: f"coalesce({contact}, {other} {reference} end)",
    }[kind]
