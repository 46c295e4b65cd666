"""Commands need free space, and say how much before they begin."""

import shutil
from collections import namedtuple

import pytest

from dagster_project.publication.space import NotEnoughSpace, require_space
from dagster_project.settings import Settings

MB = 1_000_000
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def settings(tmp_path) -> Settings:
    """A data root that does not exist yet."""
    return Settings(home=tmp_path / "home", _env_file=None)


@pytest.fixture
def disk(monkeypatch):
    """Return a function that sets the free space of every disk."""
    return lambda free: monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 0, free))


def write(path, size):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size)


def test_a_load_needs_space_for_its_rows(settings, disk):
    disk(180 * MB)
    require_space(settings, "fcir run --load-only", extracts_bytes=100 * MB)
    disk(179 * MB)
    with pytest.raises(NotEnoughSpace, match=r"has 179 MB free, but fcir run --load-only needs about 180 MB") as raised:
        require_space(settings, "fcir run --load-only", extracts_bytes=100 * MB)
    assert "mounted at /" in str(raised.value)
    assert "Nothing was done" in str(raised.value)
    assert not settings.home.exists()


def test_a_publication_needs_the_space_of_the_one_before(settings, disk):
    write(settings.marts, 40 * MB)
    disk(100 * MB + 40 * MB + 40 * MB)
    require_space(settings, "fcir publish", published=settings.published)
    write(settings.published / "one" / "parquet" / "fct.parquet", 50 * MB)
    (settings.published / "current").symlink_to("one")
    with pytest.raises(NotEnoughSpace, match=r"needs about 190 MB .*marts 40 MB, publication 50 MB"):
        require_space(settings, "fcir publish", published=settings.published)


def test_files_of_killed_commands_count_as_free(settings, disk):
    disk(90 * MB)
    with pytest.raises(NotEnoughSpace):
        require_space(settings, "fcir publish", published=settings.published)
    write(settings.published / ".partial-two" / "fcir.duckdb", 4 * MB)
    write(settings.home / ".marts.duckdb.draft", 3 * MB)
    write(settings.home / "warehouse.duckdb.tmp" / "duckdb_temp_storage_DEFAULT-0.tmp", 3 * MB)
    require_space(settings, "fcir publish", published=settings.published)


def test_a_command_that_rewrites_files_needs_the_space_of_the_largest(settings, disk):
    write(settings.warehouse, 30 * MB)
    write(settings.marts, 40 * MB)
    disk(140 * MB)
    require_space(settings, "fcir erase", is_rewriting=True)
    disk(139 * MB)
    with pytest.raises(NotEnoughSpace, match=r"fcir erase needs about 140 MB .*copy of the largest file 40 MB"):
        require_space(settings, "fcir erase", is_rewriting=True)
