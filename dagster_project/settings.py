"""Settings of one installation, read from the environment once and validated together. No business rules here."""

import csv
import grp
import os
import re
from contextlib import suppress
from difflib import get_close_matches
from enum import StrEnum
from functools import cache
from ipaddress import IPv6Address
from itertools import chain
from pathlib import Path
from typing import Annotated, Self

from dotenv.parser import parse_stream
from pydantic import AliasChoices, Field, ValidationError, field_validator, model_validator
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


class Settings(BaseSettings):
    """Where the data are and how this installation behaves: `FCIR_...` variables, or lines of a `.env` file."""

    model_config = SettingsConfigDict(
        env_prefix="FCIR_", env_file=".env", extra="ignore", frozen=True, populate_by_name=True
    )

    home: Path = Field(default=Path("data"), description="data root")
    force: str = Field(default="kent", description="force code of extracts that have no force_code column")
    config: Path | None = Field(default=None, description="folder of the configuration; by default, config/")
    pseudonym_key_file: Path | None = Field(default=None, description="key of the pseudonyms, mode 0600")
    record_key_file: Path | None = Field(default=None, description="key of the record of actions, mode 0600")
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
        # Until 0.4: the second name, which earlier versions read.
        validation_alias=AliasChoices("FCIR_QUIET_SECONDS", "FCIR_SETTLE_SECONDS"),
        ge=0,
        le=300,
        allow_inf_nan=False,
        description="seconds without a change after which a file counts as complete",
    )
    notify_file: Path | None = Field(default=None, description="addresses that alerts go to, mode 0600")
    paper_notify_file: Path | None = Field(default=None, description="addresses that new board papers go to, mode 0600")
    site_url: str = Field(default="", description="address of published/current, where a web server gives it out")
    # The number is in the high bits of load numbers, which stay below 2^31: warehouse/roots.py.
    root_number: int = Field(
        default=0, ge=0, le=127, description="number of this data root among those that a hub takes in"
    )
    # Comma-separated lists, not the JSON that pydantic-settings expects for a sequence.
    members: Annotated[tuple[Path, ...], NoDecode] = Field(
        default=(), description="data roots whose loads this data root, a hub, takes in"
    )
    backups: Annotated[tuple[Path, ...], NoDecode] = Field(
        default=(), description="folders with copies of this data root, in which people are erased too"
    )
    ui_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="names other than 127.0.0.1 and localhost under which a proxy passes requests to fcir ui",
    )
    analysts_group: str = Field(default="", description="group of this machine that may read published rows")

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

    @field_validator("members", "backups", mode="before")
    @classmethod
    def _folders(cls, folders: object) -> object:
        if not isinstance(folders, str):
            return folders
        return tuple(Path(folder.strip()).expanduser().resolve() for folder in folders.split(",") if folder.strip())

    @model_validator(mode="after")
    def _hub(self) -> Self:
        if len(set(self.members)) < len(self.members) or self.home in self.members:
            raise ValueError("FCIR_MEMBERS: expected different folders, separated by commas, without FCIR_HOME itself")
        if self.members and self.root_number:
            raise ValueError("FCIR_ROOT_NUMBER: a hub (FCIR_MEMBERS) makes no loads and has no number; leave it out")
        return self

    @field_validator("force")
    @classmethod
    def _force_code(cls, force: str) -> str:
        return check_force(force)

    @property
    def is_hub(self) -> bool:
        """Whether this data root takes in the loads of others and has no landing folder."""
        return bool(self.members)

    @property
    def landing(self) -> Path:
        """Folder where source systems deliver extracts; this project only reads it."""
        return self.home / "landing"

    @property
    def config_folder(self) -> Path:
        """Folder of what a force states without touching a shipped file (`dagster_project/config/`)."""
        return self.config or self.home / "config"

    @property
    def trial_lake(self) -> Path:
        """Folder of the Spark that `make spark-up` starts, with its tables; only Spark may change it."""
        return self.home / "spark"

    @property
    def warehouse(self) -> Path:
        """The private DuckDB file of the warehouse, with a single writer."""
        return self.home / "warehouse.duckdb"

    @property
    def marts(self) -> Path:
        """The private DuckDB file of the marts; publishing copies it."""
        return self.home / "marts.duckdb"

    @property
    def lake_folder(self) -> Path:
        """Folder through which rows pass to and from Spark."""
        return self.spark_folder.expanduser().resolve() if self.spark_folder else self.home / "lake"

    @property
    def lock_file(self) -> Path:
        """Lock file of the single writer."""
        return self.home / "warehouse.lock"

    @property
    def commentary(self) -> Path:
        """Folder of what analysts write: `FORCE/YYYY-MM.md`, `FORCE/defaults.md` and `FORCE/public.md`."""
        return self.home / "commentary"

    @property
    def published(self) -> Path:
        """Folder of the publications, with the pointer to the current one."""
        return self.home / "published"

    @property
    def published_public(self) -> Path:
        """Folder of the public editions, with the pointer to the current one."""
        return self.home / "published_public"

    def published_force(self, force_code: str) -> Path:
        """Return the folder of the editions of a force (`check_force`), with the pointer to the current one."""
        return self.home / "published_force" / force_code

    @property
    def suppression(self) -> Path:
        """Folder of the list of erased identifiers, with its own key."""
        return self.home / "suppression"

    @property
    def certificates(self) -> Path:
        """Folder of the certificates of erasures and purges."""
        return self.home / "certificates"

    @property
    def replacement_intent(self) -> Path:
        """File that exists while pseudonyms are being replaced, and from which a killed replacement is finished."""
        return self.home / "suppression" / "intent.json"

    @property
    def purge_folder(self) -> Path:
        """Folder that exists while detail is being purged, with what finishes a killed purge."""
        return self.home / "purge"

    @property
    def dagster_home(self) -> Path:
        """Folder of the Dagster instance's storage."""
        return self.home / "dagster"

    @property
    def key_file(self) -> Path:
        """File with the key of the pseudonyms, outside the warehouse, so that a copy of that reveals nothing."""
        return self.pseudonym_key_file or self.home / "secrets" / "pseudonym.key"

    @property
    def history(self) -> Path:
        """Folder with the copy of the audit, from which a damaged warehouse is rebuilt."""
        return self.home / "history"

    @property
    def record(self) -> Path:
        """Folder of the record of actions."""
        return self.home / "record"

    @property
    def record_file(self) -> Path:
        """The record of actions, one JSON object a line."""
        return self.record / "record.jsonl"

    @property
    def key_of_record(self) -> Path:
        """File with the key of the record's hashes; anyone who has it can forge a record."""
        return self.record_key_file or self.home / "secrets" / "record.key"


@cache
def known_forces() -> tuple[str, ...]:
    """Return the force codes (police.uk identifiers): the list from which `dim_force` is built."""
    with (DBT_PROJECT / "seeds" / "police_forces.csv").open(encoding="utf-8", newline="") as stream:
        return tuple(row["force_code"] for row in csv.DictReader(stream))


def check_force(force: str) -> str:
    """Return a force code that is in the list of forces.

    Raises:
        ValueError: it is not; the message says what is expected.
    """
    if not re.fullmatch(r"[a-z][a-z0-9-]*", force):
        raise ValueError("expected a police.uk identifier in lower case, for example kent or west-midlands")
    if force not in known_forces():
        near = get_close_matches(force, known_forces(), n=1)
        hint = f"did you mean {near[0]}?" if near else "add it to dbt/seeds/police_forces.csv"
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
    check_pipes(settings)
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


def check_pipes(settings: Settings) -> None:
    """Check that no named pipe is in place of a file of a data root: a command that opens one waits without end.

    Commands open files by name in these folders only. Extracts and commentary are checked when they are opened, and
    other files of publications are listed before they are read.

    Raises:
        SettingsError: there is a pipe.
    """
    patterns = ["*", "*/*", "published*/current/*", "published_force/*/current/*"]
    patterns += ["published*/*/manifest.json", "published_force/*/*/manifest.json"]
    files = (file for pattern in patterns for file in settings.home.glob(pattern) if file.parent != settings.landing)
    for file in chain((settings.key_file, settings.key_of_record), files):
        # What this user may not see, it cannot open either.
        with suppress(OSError):
            if file.is_fifo():
                raise SettingsError(
                    f"{file} is a named pipe; expected a file. Nothing was done. Move it away: "
                    f"mv {in_shell(file)} {in_shell(file)}.pipe"
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
