"""Settings of one installation, read from the environment once and validated together. No business rules here."""

import csv
import grp
import os
import re
from difflib import get_close_matches
from enum import StrEnum
from functools import cache
from ipaddress import IPv6Address
from pathlib import Path
from typing import Annotated

from dotenv.parser import parse_stream
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from dagster_project.errors import OperatorError
from dagster_project.words import in_shell

_PACKAGE = Path(__file__).resolve().parent
_IN_WHEEL = _PACKAGE / "project"
# The folder with dbt/, deploy/ and expectations/: the checkout, or a folder that the wheel adds to the package.
PROJECT_ROOT = _IN_WHEEL if _IN_WHEEL.is_dir() else _PACKAGE.parent
CONTRACTS = PROJECT_ROOT / "expectations"
DBT_PROJECT = PROJECT_ROOT / "dbt"
# Dagster's configuration, and the code location that its processes load.
INSTANCE = PROJECT_ROOT / "deploy" / "dagster.yaml"
WORKSPACE = PROJECT_ROOT / "deploy" / "workspace.yaml"
# Extracts before this day are rejected; a force with older extracts sets an earlier day. 2014-04-01 is the start of a
# financial year, and older than any contact records that a force must keep.
FIRST_EXTRACT_DATE = "2014-04-01"


class SettingsError(OperatorError, ValueError):
    """Settings are not valid; the message names each one and the expected value."""


class LogFormat(StrEnum):
    """Format of a run's output: lines of text, or one JSON object per line for a log collector."""

    TEXT = "text"
    JSON = "json"


class Target(StrEnum):
    """Engine that builds the tables; the warehouse is DuckDB with both."""

    DUCKDB = "duckdb"
    SPARK = "spark"


class _Below:
    """A path below the data root."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __get__(self, settings: "Settings", owner: type) -> Path:
        return settings.home / self._path


class Settings(BaseSettings):
    """Where the data are and how this installation behaves: `FCIR_...` variables, or lines of a `.env` file."""

    model_config = SettingsConfigDict(
        env_prefix="FCIR_", env_file=".env", extra="ignore", frozen=True, populate_by_name=True, ignored_types=(_Below,)
    )

    home: Path = Field(default=Path("data"), description="data root")
    force: str = Field(default="kent", description="force code of extracts that have no force_code column")
    config: Path | None = Field(default=None, description="folder of the configuration; by default, config/")
    pseudonym_key_file: Path | None = Field(default=None, description="keys of the vault of people, mode 0600")
    target: Target = Field(default=Target.DUCKDB, description="duckdb or spark, which builds the tables")
    spark_host: str = Field(default="127.0.0.1", description="host of the Thrift server of Spark")
    spark_port: int = Field(default=10000, ge=1, le=65535, description="port of the Thrift server of Spark")
    spark_folder: Path | None = Field(
        default=None, description="folder that this machine and the cluster can read and write, for rows on their way"
    )
    log_format: LogFormat = Field(default=LogFormat.TEXT, description="text or json")
    # At most five minutes, since a run waits for it. For slower senders, have the sender write a marker file.
    quiet_seconds: float = Field(
        default=2.0,
        ge=0,
        le=300,
        allow_inf_nan=False,
        description="seconds without a change after which a file counts as complete",
    )
    notify_file: Path | None = Field(default=None, description="addresses that alerts go to, mode 0600")
    paper_notify_file: Path | None = Field(default=None, description="addresses that new board papers go to, mode 0600")
    site_url: str = Field(default="", description="address of published/current, where a web server gives it out")

    # Comma-separated lists, not the JSON that pydantic-settings expects for a sequence.
    ui_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="names other than 127.0.0.1 and localhost under which a proxy passes requests to fcir ui",
    )
    analysts_group: str = Field(default="", description="group of this machine that may read published rows")

    landing = _Below("landing")
    """Folder where source systems deliver extracts; this project only reads it."""
    trial_lake = _Below("spark")
    """Folder of the Spark that `make spark-up` starts, with its tables; only Spark may change it."""
    warehouse = _Below("warehouse.duckdb")
    """The private DuckDB file of the warehouse, with a single writer."""
    marts = _Below("marts.duckdb")
    """The private DuckDB file of the marts; publishing copies it."""
    lock_file = _Below("warehouse.lock")
    """Lock file of the single writer."""
    commentary = _Below("commentary")
    """Folder of what analysts write: `FORCE/YYYY-MM.md`, `FORCE/public-YYYY-MM.md`, `FORCE/defaults.md`."""
    published = _Below("published")
    """Folder of the publications, with the pointer to the current one."""
    published_public = _Below("published_public")
    """Folder of the public editions, with the pointer to the current one."""
    purge_folder = _Below("purge")
    """Folder in which a purge builds the warehouse without purged rows; only while it runs."""
    dagster_home = _Below("dagster")
    """Folder of the Dagster instance's storage."""
    vault = _Below("secrets/people.duckdb")
    """The private DuckDB file that leads from identifiers of people to surrogates (`loading/people.py`)."""
    erased_key_file = _Below("secrets/erased.key")
    """File with the key under which erased people are listed; it is never rotated."""
    history = _Below("history")
    """Folder with the copy of the audit, from which a damaged warehouse is rebuilt."""

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        try:
            home = home.expanduser().resolve()
        except FileNotFoundError:
            raise ValueError(
                f"the path {home} is relative to the working directory, which was deleted. Change to a folder that "
                "exists, or state an absolute path"
            ) from None
        # DuckDB reads ? as the beginning of a query and a backslash as a slash; others would break lines of messages.
        if not str(home).isprintable() or any(character in str(home) for character in "?\\"):
            raise ValueError(
                "the path has a question mark, a backslash or a control character, which DuckDB cannot use"
            )
        # Dagster's SQLite would open the files of another folder: it takes the path for an address and decodes it.
        if code := re.search("%[0-9A-Fa-f]{2}", str(home)):
            raise ValueError(f"the path has {code[0]}, which Dagster decodes as a character of an address")
        # Dagster would not find its configuration: it would send usage statistics, and fail on damaged files.
        if sign := re.search("[*[]", str(home)):
            raise ValueError(f"the path has {sign[0]}, which Dagster reads as a pattern of names")
        return home

    @field_validator("spark_folder")
    @classmethod
    def _no_pattern(cls, folder: Path | None) -> Path | None:
        if folder and (sign := re.search(r"[*?[\\]", str(folder.expanduser().resolve()))):
            raise ValueError(f"the path has {sign[0]}, which DuckDB reads as a pattern of names or a slash")
        return folder

    @field_validator("notify_file", "paper_notify_file", "config")
    @classmethod
    def _no_file(cls, file: Path | None) -> Path | None:
        # An empty value in an environment file means no file, not the current folder.
        return None if file is None or file == Path() else file.expanduser().resolve()

    @field_validator("site_url")
    @classmethod
    def _address(cls, address: str) -> str:
        # Browsers do not open file:// links from a page loaded over http, so a file share is not a valid address.
        if address and not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", address):
            raise ValueError("expected an address that begins with http:// or https:// and has no ? or #")
        return address.rstrip("/")

    @field_validator("ui_hosts", mode="before")
    @classmethod
    def _host_names(cls, names: object) -> object:
        if not isinstance(names, str):
            return names
        return tuple(_host_name(name.strip()) for name in names.split(",") if name.strip())

    @field_validator("analysts_group")
    @classmethod
    def _group_of_this_machine(cls, group: str) -> str:
        if group:
            try:
                grp.getgrnam(group)
            except KeyError:
                raise ValueError(f"this machine has no group {group}; create it: groupadd {group}") from None
        return group

    @field_validator("force")
    @classmethod
    def _force_code(cls, force: str) -> str:
        return check_force(force)

    @property
    def config_folder(self) -> Path:
        """Folder of what a force states without touching a shipped file (`dagster_project/config/`)."""
        return self.config or self.home / "config"

    @property
    def lake_folder(self) -> Path:
        """Folder through which rows pass to and from Spark."""
        return self.spark_folder.expanduser().resolve() if self.spark_folder else self.home / "lake"

    def published_force(self, force_code: str) -> Path:
        """Return the folder of the editions of a force (`check_force`), with the pointer to the current one."""
        return self.home / "published_force" / force_code

    @property
    def key_file(self) -> Path:
        """File with the keys of the vault; without it, a copy of the vault reveals no one."""
        return self.pseudonym_key_file or self.home / "secrets" / "pseudonym.key"


@cache
def force_names() -> dict[str, str]:
    """Return the names of the forces by code (police.uk identifiers): the list from which `dim_force` is built."""
    with (DBT_PROJECT / "seeds" / "police_forces.csv").open(encoding="utf-8", newline="") as stream:
        return {row["force_code"]: row["force_name"] for row in csv.DictReader(stream)}


def known_forces() -> tuple[str, ...]:
    """Return the force codes."""
    return tuple(force_names())


def check_force(force: str) -> str:
    """Return a force code that is in the list of forces.

    Raises:
        ValueError: it is not; the message says what is expected.
    """
    if not re.fullmatch(r"[a-z][a-z0-9-]*", force):
        raise ValueError("expected a police.uk identifier in lower case, for example kent or west-midlands")
    if force not in known_forces():
        near = get_close_matches(force, known_forces(), n=1)
        hint = f"did you mean {near[0]}?" if near else "expected a territorial force of the United Kingdom, or btp"
        raise ValueError(f"{force} is not in the list of forces; {hint}")
    return force


def _host_name(name: str) -> str:
    """Return a name as it appears in the Host header, in lower case.

    Raises:
        ValueError: the text is an address, a pattern or not a name.
    """
    label = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
    match = re.fullmatch(rf"(?P<host>{label}(\.{label})*|\[[0-9a-f:.]+\])(:(?P<port>[1-9][0-9]{{0,4}}))?", name.lower())
    if not match or int(match["port"] or 1) > 65535:
        raise ValueError(
            f"{name} is not a host name; expected names with or without a port, separated by commas, for example "
            "fcir.example,fcir.example:8443"
        )
    if match["host"].startswith("["):
        IPv6Address(match["host"][1:-1])
    return match[0]


def read_settings() -> Settings:
    """Read and validate all settings.

    Raises:
        SettingsError: at least one setting is not valid, and the message names all of them; or a named pipe is in the
            data root, or a link in place of a database.
    """
    _check_env_file(Path(".env"))
    try:
        settings = Settings()
    except ValidationError as error:
        faults = "; ".join(
            f"{_variable(fault['loc'])}{fault['msg'].removeprefix('Value error, ')}" for fault in error.errors()
        )
        raise SettingsError(f"settings cannot be used: {faults}. Correct the environment or the .env file.") from None
    _check_links(settings)
    return settings


def _check_links(settings: Settings) -> None:
    """Check that the databases are no links: a new file would take the place of the link, and the old one would stay.

    Raises:
        SettingsError: one is a link.
    """
    for file in (settings.warehouse, settings.marts):
        if file.is_symlink():
            raise SettingsError(
                f"{file} is a link; expected a file, since commands put new files in its place, and what they erase "
                f"would stay in the old one. Nothing was done. Move that here: "
                f"mv {in_shell(os.path.realpath(file))} {in_shell(file)}; or move the whole data root to its disk"
            )


def _variable(location: tuple[int | str, ...]) -> str:
    """Return the variable with a fault; empty if the fault is about several, which its text names."""
    # A setting with two names is located by one of them, which has the prefix.
    return f"FCIR_{'_'.join(map(str, location)).upper().removeprefix('FCIR_')}: " if location else ""


def _check_env_file(file: Path) -> None:
    """Check that every line of a `.env` file is valid: dotenv only warns, and another data root would be used.

    Raises:
        SettingsError: a line is not valid, or the file is not text.
    """
    if not file.is_file():
        return
    try:
        with file.open(encoding="utf-8") as stream:
            lines = [str(item.original.line) for item in parse_stream(stream) if item.error]
    except UnicodeDecodeError:
        lines = ["1"]
    if lines:
        raise SettingsError(
            f"{file.resolve()}: line {', '.join(lines[:5])} cannot be read; expected NAME=VALUE in UTF-8 "
            "(.env.example). Correct the file."
        )
