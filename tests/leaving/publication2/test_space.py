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
def settings(tmp_path):
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


@pytest.mark.parametrize(
    ("extracts", "is_publishing", "least", "parts"),
    [
        (100, False, 180, "rows of new extracts 80 MB"),
        (0, True, 190, "marts 40 MB, publication 50 MB"),
        (100, True, 600, "marts 160 MB, publication 260 MB"),
        (0, None, 140, "copy of the largest file 40 MB"),
    ],
)
def test_a_command_needs_space_for_new_rows_the_publication_or_a_file_that_it_writes_again(
    settings, disk, extracts, is_publishing, least, parts
):
    write(settings.warehouse, 30 * MB)
    write(settings.marts, 40 * MB)
    write(settings.published / "one" / "parquet" / "fct.parquet", 50 * MB)
    (settings.published / "current").symlink_to("one")
    published = settings.published if is_publishing else None
    need = Need(settings, "fcir run", extracts * MB, published=published, is_rewriting=is_publishing is None)
    disk(least * MB)
    need.require()
    disk((least - 1) * MB)
    says = rf"has {least - 1} MB free, but fcir run needs about {least} MB \(.*{parts}\)\. Nothing was done"
    with pytest.raises(NotEnoughSpace, match=says):
        need.require()


def test_a_first_publication_needs_the_space_of_the_marts_and_files_of_killed_commands_count_as_free(settings, disk):
    need = Need(settings, "fcir publish", published=settings.published)
    disk(90 * MB)
    with pytest.raises(NotEnoughSpace):
        need.require()
    write(settings.published / ".partial-two" / "fcir.duckdb", 4 * MB)
    write(settings.home / ".marts.duckdb.draft", 3 * MB)
    write(settings.home / "warehouse.duckdb.tmp" / "duckdb_temp_storage_DEFAULT-0.tmp", 3 * MB)
    need.require()
    write(settings.marts, 5 * MB)
    with pytest.raises(NotEnoughSpace, match="marts 5 MB, publication 5 MB"):
        need.require()


@pytest.mark.parametrize(
    ("error", "free", "is_full"),
    [
        (OSError(28, "No space left on device"), 50, True),
        (ValueError("another"), 0, True),
        (ValueError("another"), 50, False),
        # A broken disk says it too, so that the free space decides.
        (ValueError("disk I/O error"), 100, False),
        (ValueError("disk I/O error"), 50, True),
        (RuntimeError(), 0, True),
    ],
)
def test_an_error_is_that_of_a_full_disk_if_it_says_so_or_the_disk_is_full(settings, disk, error, free, is_full):
    def command():
        disk(100 * MB)
        with Need(settings, "fcir erase").required():
            disk(free * MB)
            raise error

    with pytest.raises(DiskFull if is_full else ValueError) as raised:
        command()
    message = str(raised.value)
    if is_full:
        assert message.startswith(f"{str(error) or 'RuntimeError'}. ")
        assert f"mounted at /) is full ({free} MB free); fcir erase needs about 100 MB" in message
    else:
        assert message == str(error)


def test_a_full_disk_of_another_folder_is_named(settings, tmp_path, monkeypatch):
    other, state = tmp_path / "other", Path.stat
    for folder in (other, settings.home):
        folder.mkdir()

    def of_disks(path, **options):
        return namedtuple("State", "st_dev st_mode")(path == other, state(path, **options).st_mode)

    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(10**12, 0, 0 if folder == other else 500 * MB))
    need = Need(settings, "fcir erase")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "stat", of_disks)
        full = need.explain(f'IO Error: Could not write file "{other}/warehouse.duckdb": No space left on device')
    assert full.startswith(f"{other}: its disk (mounted at ")
    assert need.explain("No space left on device").startswith(f"{settings.home}: its disk (mounted at ")
