"""Parquet files put together from row groups of others hold their rows; row groups that cannot move are refused."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dagster_project.publication.database import copy_to_parquet
from dagster_project.publication.parquet import NotComposable, compose, read_footer

COLUMNS = """
    range as number,
    cast(range % 7 as varchar) as word,
    case when range % 3 > 0 then 'text ' || range end as text,
    timestamp '2022-10-30 01:30:00' + to_seconds(range) as happened_at,
    date '2022-10-30' + cast(range % 400 as integer) as day,
    cast(range as decimal(18, 6)) / 3 as seconds,
    cast(range as decimal(38, 6)) as amount,
    range % 2 = 0 as is_even,
"""


def written(file: Path, first: int, last: int) -> Path:
    with duckdb.connect() as connection:
        copy_to_parquet(connection, f"(select {COLUMNS} from range({first}, {last}))", file)  # noqa: S608
    return file


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> tuple[Path, Path]:
    """Two files of four and two row groups."""
    folder = tmp_path_factory.mktemp("files")
    return written(folder / "a.parquet", 0, 400_000), written(folder / "b.parquet", 400_000, 530_000)


def test_all_row_groups_of_a_file_give_its_bytes(files, tmp_path):
    source = read_footer(files[0])
    compose(tmp_path / "c.parquet", [(source, range(len(source.rows)))])
    assert (tmp_path / "c.parquet").read_bytes() == files[0].read_bytes()


def test_row_groups_of_two_files_in_any_order_hold_their_rows(files, tmp_path):
    a, b = map(read_footer, files)
    assert (len(a.rows), len(b.rows)) == (4, 2)
    target = tmp_path / "c.parquet"
    compose(target, [(a, [3, 1]), (b, [1]), (a, [2])])
    assert read_footer(target).rows == [a.rows[3], a.rows[1], b.rows[1], a.rows[2]]
    expected = pa.concat_tables(
        [
            pq.ParquetFile(file).read_row_group(place)
            for file, place in ((files[0], 3), (files[0], 1), (files[1], 1), (files[0], 2))
        ]
    )
    assert pq.read_table(target).equals(expected)
    assert duckdb.sql(f"from '{target}'").to_arrow_table().cast(expected.schema).equals(expected)


def test_row_groups_that_are_compressed_in_another_way_can_stand_beside_each_other(files, tmp_path):
    snappy, target = tmp_path / "snappy.parquet", tmp_path / "c.parquet"
    table = pq.ParquetFile(files[1]).read_row_group(0)
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (select {COLUMNS} from range(400000, 522880)) to '{snappy}' "  # noqa: S608
            "(format parquet, compression snappy, write_bloom_filter false)"
        )
    compose(target, [(read_footer(snappy), [0]), (read_footer(files[1]), [1])])
    found = pq.read_metadata(target)
    assert [found.row_group(place).column(0).compression for place in (0, 1)] == ["SNAPPY", "ZSTD"]
    expected = pa.concat_tables([table, pq.ParquetFile(files[1]).read_row_group(1)])
    assert pq.read_table(target).equals(expected)
    assert duckdb.sql(f"from '{target}'").to_arrow_table().cast(expected.schema).equals(expected)


def test_statistics_go_with_their_row_group(files, tmp_path):
    target = tmp_path / "c.parquet"
    compose(target, [(read_footer(files[1]), [1]), (read_footer(files[0]), [0])])
    bounds = [pq.read_metadata(target).row_group(place).column(0).statistics for place in (0, 1)]
    assert [(found.min, found.max) for found in bounds] == [(522_880, 529_999), (0, 122_879)]


def test_a_file_without_row_groups_can_be_part(files, tmp_path):
    empty = read_footer(written(tmp_path / "empty.parquet", 5, 5))
    assert empty.rows == []
    compose(tmp_path / "c.parquet", [(read_footer(files[1]), [0]), (empty, [])])
    assert pq.read_table(tmp_path / "c.parquet").equals(pq.ParquetFile(files[1]).read_row_group(0))
    compose(tmp_path / "none.parquet", [(read_footer(files[1]), [])])
    assert pq.read_table(tmp_path / "none.parquet").num_rows == 0


@pytest.mark.parametrize(
    "options",
    [{}, {"use_dictionary": False}, {"write_statistics": False}, {"store_decimal_as_integer": True}],
    ids=["as it is", "no dictionary", "no statistics", "integer decimals"],
)
def test_files_of_another_writer_move_as_well(tmp_path, options):
    table = pa.table(
        {
            "number": range(20_000),
            "text": [None if number % 5 else f"text {number}" for number in range(20_000)],
            "at": [datetime(2022, 10, 30, number % 24) for number in range(20_000)],  # noqa: DTZ001 (naive UTC)
            "day": [date(2022, 10, 1 + number % 30) for number in range(20_000)],
            "amount": [Decimal(number) / 4 for number in range(20_000)],
            "share": [number / 7 for number in range(20_000)],
            "flag": [number % 2 == 0 for number in range(20_000)],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=1000, **options)
    source = read_footer(tmp_path / "a.parquet")
    compose(tmp_path / "b.parquet", [(source, range(20))])
    assert (tmp_path / "b.parquet").read_bytes() == (tmp_path / "a.parquet").read_bytes()
    compose(tmp_path / "c.parquet", [(source, range(19, -1, -1))])
    pieces = [table.slice(place * 1000, 1000) for place in range(19, -1, -1)]
    assert pq.read_table(tmp_path / "c.parquet").equals(pa.concat_tables(pieces))


def test_row_groups_with_something_outside_of_them_are_refused(tmp_path):
    pages, filters = tmp_path / "pages.parquet", tmp_path / "filters.parquet"
    pq.write_table(pa.table({"a": range(10)}), pages, write_page_index=True)
    duckdb.sql("select range % 9 as a from range(5000)").write_parquet(str(filters))
    for file in (pages, filters):
        with pytest.raises(NotComposable, match="more than the bytes of its columns"):
            compose(tmp_path / "c.parquet", [(read_footer(file), [0])])


def test_files_of_other_columns_are_refused(files, tmp_path):
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"a": [1]}), other)
    with pytest.raises(NotComposable, match=r"other\.parquet has other columns than .*a\.parquet"):
        compose(tmp_path / "c.parquet", [(read_footer(files[0]), [0]), (read_footer(other), [0])])


@pytest.mark.parametrize(
    "content", [b"", b"PAR1", b"number\n1\n2\n3\n", b"PAR1\xff\xff\xff\x00PAR1", b"PAR1\xfd\0\0\0PAR1"]
)
def test_what_is_no_parquet_file_is_refused(tmp_path, content):
    file = tmp_path / "a.parquet"
    file.write_bytes(content)
    with pytest.raises(NotComposable):
        read_footer(file)


@pytest.mark.parametrize("footer", [b"\x1b\x0a", b"\x00", b"\x19\xfc\xff\xff\xff\xff\x0f", b"\x0d\x02"])
def test_a_footer_that_says_nothing_of_row_groups_is_refused(tmp_path, footer):
    file = tmp_path / "a.parquet"
    file.write_bytes(b"PAR1" + footer + len(footer).to_bytes(4, "little") + b"PAR1")
    with pytest.raises(NotComposable):
        read_footer(file)
