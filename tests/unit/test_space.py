"""Commands need free space, and say how much before they begin."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from dagster_project.publication.space import DiskFull, Need, NotEnoughSpace
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
    Need(settings, "fcir run --load-only", extracts_bytes=100 * MB).require()
    disk(179 * MB)
    with pytest.raises(NotEnoughSpace, match=r"has 179 MB free, but fcir run --load-only needs about 180 MB") as raised:
        Need(settings, "fcir run --load-only", extracts_bytes=100 * MB).require()
    assert "mounted at /" in str(raised.value)
    assert "Nothing was done" in str(raised.value)
    assert not settings.home.exists()


def test_a_publication_needs_the_space_of_the_one_before(settings, disk):
    write(settings.marts, 40 * MB)
    disk(100 * MB + 40 * MB + 40 * MB)
    Need(settings, "fcir publish", published=settings.published).require()
    write(settings.published / "one" / "parquet" / "fct.parquet", 50 * MB)
    (settings.published / "current").symlink_to("one")
    with pytest.raises(NotEnoughSpace, match=r"needs about 190 MB .*marts 40 MB, publication 50 MB"):
        Need(settings, "fcir publish", published=settings.published).require()


def test_files_of_killed_commands_count_as_free(settings, disk):
    disk(90 * MB)
    with pytest.raises(NotEnoughSpace):
        Need(settings, "fcir publish", published=settings.published).require()
    write(settings.published / ".partial-two" / "fcir.duckdb", 4 * MB)
    write(settings.home / ".marts.duckdb.draft", 3 * MB)
    write(settings.home / "warehouse.duckdb.tmp" / "duckdb_temp_storage_DEFAULT-0.tmp", 3 * MB)
    Need(settings, "fcir publish", published=settings.published).require()


def test_a_command_that_rewrites_files_needs_the_space_of_the_largest(settings, disk):
    write(settings.warehouse, 30 * MB)
    write(settings.marts, 40 * MB)
    disk(140 * MB)
    Need(settings, "fcir erase", is_rewriting=True).require()
    disk(139 * MB)
    with pytest.raises(NotEnoughSpace, match=r"fcir erase needs about 140 MB .*copy of the largest file 40 MB"):
        Need(settings, "fcir erase", is_rewriting=True).require()


def failing(settings, disk, free, error):
    """Run a command that fails when the disk has so much space."""
    disk(100 * MB)
    with Need(settings, "fcir erase").required():
        disk(free)
        raise error


@pytest.mark.parametrize("free", [0, 50 * MB])
def test_an_error_of_a_full_disk_names_the_disk_and_the_space_needed(settings, disk, free):
    with pytest.raises(DiskFull) as raised:
        failing(settings, disk, free, OSError(28, "No space left on device"))
    message = str(raised.value)
    assert message.startswith("[Errno 28] No space left on device. ")
    assert f"its disk (mounted at /) is full ({free // MB} MB free); fcir erase needs about 100 MB" in message
    assert message.endswith("then: fcir erase")


def test_an_error_that_does_not_name_the_disk_is_explained_only_if_the_disk_is_full(settings, disk):
    with pytest.raises(ValueError, match=r"^disk I/O error$"):
        failing(settings, disk, 100 * MB, ValueError("disk I/O error"))
    with pytest.raises(ValueError, match=r"^another$"):
        failing(settings, disk, 50 * MB, ValueError("another"))
    for free in (0, 50 * MB):
        with pytest.raises(DiskFull, match="is full"):
            failing(settings, disk, free, ValueError("disk I/O error"))
    with pytest.raises(DiskFull, match=r"^RuntimeError\. .* is full"):
        failing(settings, disk, 0, RuntimeError())


def test_a_full_disk_of_another_folder_is_named(settings, tmp_path, monkeypatch):
    other, state = tmp_path / "other", Path.stat
    for folder in (other, settings.home):
        folder.mkdir()

    def free(folder):
        return Usage(10**12, 0, 0 if folder == other else 500 * MB)

    def of_disks(path, **options):
        return namedtuple("State", "st_dev st_mode")(path == other, state(path, **options).st_mode)

    monkeypatch.setattr(shutil, "disk_usage", free)
    need = Need(settings, "fcir erase", is_rewriting=True)
    error = f'IO Error: Could not write file "{other}/warehouse.duckdb": No space left on device'
    with monkeypatch.context() as patch:
        patch.setattr(Path, "stat", of_disks)
        assert need.explain(error).startswith(f"{other}: its disk (mounted at ")
    assert need.explain("No space left on device").startswith(f"{settings.home}: its disk (mounted at ")
