"""`fcir backup` and `fcir restore`: the data root as one archive, and an archive as a new data root."""

import os
import sys
import tarfile
from pathlib import Path
from typing import IO, Annotated

import typer

from dagster_project.cli.data_root import require_home_folder, start
from dagster_project.console import say, warn
from dagster_project.errors import UsageError
from dagster_project.settings import Settings
from dagster_project.warehouse.lock import note_step, writer_lock
from dagster_project.words import in_shell
from dagster_project.writing import private_files

_TO_OUTPUT = Path("-")
# A tar archive rounds times; by the exact one, fcir knows that the marts are those of the last build.
_TIME = "FCIR.mtime_ns"
# What a run makes again or what was moved aside. marts.duckdb is kept: with it, a restored data root is complete.
_LEFT_OUT = ("damaged", "dbt", "dbt-spark", "lake", "purge", "rebuild", "spark")


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="New archive, or - for standard output.")],
) -> None:
    """Write the whole data root into one tar archive, while no run is on.

    It has identifiers in clear text: encrypt it, for example by a pipe.

    Examples:
      fcir backup /backup/fcir-2026-11-27.tar
      fcir backup -
    """
    settings = start()
    require_home_folder(settings)
    if file != _TO_OUTPUT and file.exists():
        raise UsageError(f"{file}: exists already; nothing was written. Name a new file")
    draft = file.with_name(f".{file.name}.partial")
    with writer_lock(settings.lock_file, command="fcir backup"), private_files():
        note_step(settings.lock_file, "writing a backup")
        if file == _TO_OUTPUT:
            _write(settings, sys.stdout.buffer)
            return
        with draft.open("wb") as stream:
            _write(settings, stream)
        draft.rename(file)
    say(f"Backup  {file}  ({file.stat().st_size / 1e6:,.0f} MB); restore it into an empty FCIR_HOME: fcir restore FILE")
    for name, path in (("FCIR_CONFIG", settings.config), ("FCIR_PSEUDONYM_KEY_FILE", settings.pseudonym_key_file)):
        if path and not path.is_relative_to(settings.home):
            warn(f"{name}: {path} is outside the data root and not in the backup; copy it too")


def restore(file: Annotated[Path, typer.Argument(metavar="FILE", help="Archive, or - for standard input.")]) -> None:
    """Unpack a backup into a new data root, and verify it.

    FCIR_HOME must not exist, or be empty. Exit code 1 if anything differs.

    Examples:
      fcir restore /backup/fcir-2026-11-27.tar
    """
    from dagster_project.cli.verify import report_differences

    settings = start()
    if settings.home.exists() and any(settings.home.iterdir()):
        raise UsageError(
            f"{settings.home} is not empty; nothing was restored. Move it away: mv {in_shell(settings.home)} "
            f"{in_shell(settings.home)}.before"
        )
    settings.home.mkdir(parents=True, exist_ok=True)
    with (
        sys.stdin.buffer if file == _TO_OUTPUT else file.open("rb") as stream,
        tarfile.open(fileobj=stream, mode="r|") as archive,
    ):
        for member in archive:
            # `tar` refuses names outside the folder, and lets no other user write.
            archive.extract(member, settings.home, filter="tar")
            if time := member.pax_headers.get(_TIME):
                os.utime(settings.home / member.name, ns=(int(time), int(time)))
    raise typer.Exit(report_differences(settings))


def _write(settings: Settings, stream: IO[bytes]) -> None:
    def with_time(member: tarfile.TarInfo) -> tarfile.TarInfo:
        if member.isreg():
            member.pax_headers = {_TIME: str((settings.home / member.name).stat().st_mtime_ns)}
        return member

    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(settings.home.iterdir()):
            if path.name not in (*_LEFT_OUT, settings.lock_file.name):
                archive.add(path, path.name, filter=with_time)
