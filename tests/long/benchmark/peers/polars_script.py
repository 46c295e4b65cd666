"""The facts as a script in Polars: `python -m tests.long.benchmark.peers.polars_script LANDING DATABASE ...`.

Lazy scans by the streaming engine, clock changes by Polars' time zones, HMAC by Python over the distinct values, since
Polars has none. DuckDB only stores what Polars has made: accepted rows, refused rows with their reasons, facts. It does
less than the reference: no checks, no monthly marts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import duckdb
import polars as pl
from polars import col, when

from tests.long.benchmark.peers.arguments import Asked, asked_for
from tests.long.benchmark.peers.extracts import (
    BOOLEANS,
    CANCEL_CODES,
    CHANNELS,
    CONTACT_TYPES,
    DISPOSITIONS,
    LINES,
    NULL_WORDS,
    ORIGIN,
    SERVICES,
    TOPICS,
    day_of,
    files_of,
    pseudonym,
)

_SECONDS = pl.Decimal(18, 6)


@dataclass(frozen=True)
class Fault:
    """Why a row is refused: the column, the reason, and the rows that it holds for."""

    column: str
    reason: str
    where: pl.Expr


@dataclass(frozen=True)
class Loaded:
    """The rows of a source: typed, personal values as pseudonyms, times in UTC.

    Attributes:
        accepted: all that stand in an extract, with `is_latest`: whether no later extract has their key.
        refused: `file_name`, `source_row`, `column_name` and `reason_code` of the others.
    """

    accepted: pl.DataFrame
    refused: pl.DataFrame

    def latest(self) -> pl.DataFrame:
        """The rows that hold."""
        return self.accepted.filter("is_latest").drop("is_latest")


def required(column: str) -> Fault:
    """The fault of an empty cell."""
    return Fault(column, "required_empty", col(column).is_null())


def not_in_list(column: str, words: Sequence[str]) -> Fault:
    """The fault of a cell with another word than those of a list."""
    return Fault(column, "not_in_list", ~col(column).is_in(words))


def faults_of_time(column: str) -> list[Fault]:
    """What may be wrong with the text of a local time that `clocked` has read."""
    is_no_time = col(column).is_not_null() & col(f"{column}_local").is_null()
    is_a_day = (col(column).str.len_bytes() <= 10) & col(column).str.to_date("%Y-%m-%d", strict=False).is_not_null()
    return [
        Fault(column, "no_time_of_day", is_no_time & is_a_day),
        Fault(column, "not_a_timestamp", is_no_time),
        Fault(column, "time_never_existed", col(f"{column}_local").is_not_null() & col(f"{column}_first").is_null()),
    ]


def not_a_boolean(column: str) -> Fault:
    """The fault of a flag that `boolean` could not read."""
    return Fault(column, "not_a_boolean", boolean(column).is_null())


def boolean(column: str) -> pl.Expr:
    """A flag; an empty cell says no."""
    return col(column).fill_null("n").str.to_lowercase().replace_strict(BOOLEANS, default=None, return_dtype=pl.Boolean)


def utc(local: pl.Expr, *, ambiguous: str) -> pl.Expr:
    """The instant of a local time, of two the `earliest` or `latest`; null in the hour that is left out."""
    zoned = local.dt.replace_time_zone("Europe/London", ambiguous=ambiguous, non_existent="null")
    return zoned.dt.convert_time_zone("UTC").dt.replace_time_zone(None)


def clocked(rows: pl.LazyFrame, *columns: str) -> pl.LazyFrame:
    """Read local times: `_local` as written, and `_first` and `_second`, which differ where a time occurs twice."""
    return rows.with_columns(
        when(col(column).str.len_bytes() == 19)
        .then(col(column).str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", strict=False))
        .alias(f"{column}_local")
        for column in columns
    ).with_columns(
        utc(col(f"{column}_local"), ambiguous=which).alias(f"{column}_{name}")
        for column in columns
        for name, which in (("first", "earliest"), ("second", "latest"))
    )


def occurs_twice(column: str) -> pl.Expr:
    """Whether a local time has two instants."""
    return (col(f"{column}_first") != col(f"{column}_second")).fill_null(value=False)


def follows(column: str, start: str) -> pl.Expr:
    """Whether of two instants only the second one is not before a start."""
    return ((col(f"{column}_first") < col(start)) & (col(f"{column}_second") >= col(start))).fill_null(value=False)


def instant(column: str, is_second: pl.Expr) -> pl.Expr:
    """The instant of a local time, of two the one that is asked for."""
    return when(is_second).then(f"{column}_second").otherwise(f"{column}_first")


def scan(asked: Asked, source: str) -> pl.LazyFrame:
    """All rows of a source as text, with the load that they come from, numbered in the order of files and lines."""
    files = files_of(asked, source)
    with files[0].open(encoding="utf-8") as stream:
        columns = stream.readline().rstrip().split(",")
    # One scan: a scan for each file takes thirty times as long at ten years of files.
    rows = pl.scan_csv(
        files,
        schema=dict.fromkeys(columns, pl.String),
        null_values=NULL_WORDS,
        include_file_paths="file",
        row_index_name="row_no",
    )
    force = col("force_code").str.to_lowercase() if "force_code" in columns else pl.lit(None, pl.String)
    load_id = col("file").cast(pl.Enum([str(file) for file in files])).to_physical()
    return rows.with_columns(force_code=force.fill_null(asked.force), load_id=load_id)


def loaded(
    asked: Asked,
    source: str,
    rows: pl.LazyFrame,
    *,
    faults: Sequence[Fault],
    columns: Sequence[pl.Expr],
    key: Sequence[str],
    personal: Sequence[str],
) -> Loaded:
    """Refuse faulty rows, and tell which rows are the latest of their key.

    Args:
        asked: files and key of the pseudonyms.
        source: its name.
        rows: as text, with all that faults and columns are made of.
        faults: of several that a row has, the first is told.
        columns: what a row says, typed.
        key: columns that tell what a row is about, without the force.
        personal: columns whose values become pseudonyms.
    """
    fault = pl.coalesce(when(fault.where).then(pl.lit(f"{fault.column}:{fault.reason}")) for fault in faults)
    read = rows.select("force_code", *columns, "load_id", "row_no", fault=fault).collect(engine="streaming")
    files = files_of(asked, source)
    of_files = read.group_by("load_id").agg(first=col("row_no").min())
    days = pl.Series([day_of(file, source) for file in files])
    of_files = of_files.with_columns(extract_date=days.gather(of_files["load_id"]))
    read = read.join(of_files, on="load_id").with_columns(source_row=col("row_no") - col("first") + 2)
    read = read.drop("row_no", "first")
    valid = read.filter(col("fault").is_null()).drop("fault")
    cells = valid.drop(ORIGIN).columns
    key = ["force_code", *key]
    is_repeated = pl.struct(key).is_duplicated()
    repeated = valid.filter(is_repeated).sort(*key, *ORIGIN)
    is_repetition = pl.all_horizontal(col(name).eq_missing(col(name).shift()) for name in ("extract_date", *cells))
    different = repeated.filter(~is_repetition)
    # Of equal rows of an extract the first is kept, of different ones the last.
    last_of_extract = different.unique([*key, "extract_date"], keep="last", maintain_order=True)
    is_latest = col("extract_date") == col("extract_date").max().over(key)
    accepted = pl.concat(
        [
            valid.filter(~is_repeated).with_columns(is_latest=pl.lit(value=True)),
            last_of_extract.with_columns(is_latest=is_latest),
        ]
    )
    at_fault = read.filter(col("fault").is_not_null()).select(
        *ORIGIN[1:], fault=col("fault").str.splitn(":", 2).struct.rename_fields(["column_name", "reason_code"])
    )
    refused = pl.concat(
        [
            at_fault.unnest("fault"),
            _losing(repeated.filter(is_repetition), "duplicate_row"),
            _losing(different.join(last_of_extract, on=ORIGIN[1:], how="anti"), "superseded_row"),
        ]
    )
    file_names = pl.Series([file.name for file in files])
    return Loaded(
        accepted.with_columns(_pseudonyms(accepted[name], asked.secret()) for name in personal),
        refused.with_columns(source=pl.lit(source), file_name=file_names.gather(refused["load_id"])),
    )


def _losing(rows: pl.DataFrame, reason: str) -> pl.DataFrame:
    return rows.select(*ORIGIN[1:], column_name=pl.lit(None, pl.String), reason_code=pl.lit(reason))


def _pseudonyms(values: pl.Series, secret: bytes) -> pl.Series:
    """Pseudonyms of personal values, each worked out once."""
    distinct = values.drop_nulls().unique()
    hashed = [pseudonym(secret, value) for value in distinct]
    return values.replace_strict(distinct, pl.Series(hashed, dtype=pl.String), default=None)


def call_segments(asked: Asked) -> Loaded:
    """Call segments."""
    rows = scan(asked, "call_segments")
    number = col("segment_no").cast(pl.Int64, strict=False)
    offset = col("utc_offset_minutes").cast(pl.Int64, strict=False)
    queued = col("queue_seconds").cast(_SECONDS, strict=False)
    talked = col("talk_seconds").fill_null("0").cast(_SECONDS, strict=False)
    rows = clocked(rows, "arrived_at", "called_back_at").with_columns(
        arrived=instant("arrived_at", (offset == 0).fill_null(value=False))
    )
    is_second = follows("called_back_at", "arrived")
    rows = rows.with_columns(called_back=instant("called_back_at", is_second))
    return loaded(
        asked,
        "call_segments",
        rows,
        faults=[
            required("call_id"),
            required("segment_no"),
            Fault("segment_no", "not_an_integer", number.is_null()),
            Fault("segment_no", "below_minimum", number < 1),
            required("line"),
            not_in_list("line", LINES),
            required("arrived_at"),
            *faults_of_time("arrived_at"),
            Fault(
                "utc_offset_minutes",
                "not_in_list",
                col("utc_offset_minutes").is_not_null() & ~offset.is_in([0, 60]).fill_null(value=False),
            ),
            required("queue_seconds"),
            Fault("queue_seconds", "not_seconds", queued.is_null()),
            Fault("queue_seconds", "below_minimum", queued < 0),
            required("disposition"),
            not_in_list("disposition", DISPOSITIONS),
            Fault("talk_seconds", "not_seconds", talked.is_null()),
            Fault("talk_seconds", "below_minimum", talked < 0),
            *faults_of_time("called_back_at"),
            Fault("called_back_at", "out_of_order", col("called_back") < col("arrived")),
        ],
        columns=[
            *(col("call_id"), number, col("line"), col("arrived").alias("arrived_at")),
            *(col("arrived_at_local").dt.date().alias("arrived_date"), offset, queued, col("disposition"), talked),
            *(col("called_back").alias("called_back_at"), col("operator_id"), col("caller_number")),
            col("called_back_at_local").dt.date().alias("called_back_date"),
            ((occurs_twice("arrived_at") & offset.is_null()) | (occurs_twice("called_back_at") & ~is_second)).alias(
                "is_dst_ambiguous"
            ),
        ],
        key=["call_id", "segment_no"],
        personal=["operator_id", "caller_number"],
    )


def calls(segments: pl.DataFrame) -> pl.DataFrame:
    """Calls of their segments: as the first one arrived, waited for until one was answered."""
    call = ["force_code", "call_id"]
    several = segments.filter(col("segment_no") > 1).select(call).unique()
    is_answered = col("disposition") == "answered"
    alone = segments.join(several, on=call, how="anti").with_columns(
        is_answered=is_answered,
        segments=pl.lit(1),
        called_back_at=when(~is_answered).then("called_back_at"),
        called_back_date=when(~is_answered).then("called_back_date"),
    )
    first_answered = col("segment_no").filter(is_answered).min()
    together = (
        segments.join(several, on=call)
        .sort(*call, "segment_no")
        .group_by(call, maintain_order=True)
        .agg(
            col("line", "arrived_at", "arrived_date", "caller_number", "is_dst_ambiguous", *ORIGIN).first(),
            is_answered=is_answered.any(),
            queue_seconds=col("queue_seconds")
            .filter(first_answered.is_null() | (col("segment_no") <= first_answered))
            .sum(),
            talk_seconds=col("talk_seconds").sum(),
            segments=pl.len(),
            called_back_at=when(~is_answered.any()).then(col("called_back_at").min()),
            called_back_date=when(~is_answered.any()).then(col("called_back_date").min()),
        )
    )
    columns = [
        *(*call, "line", "arrived_at", "arrived_date", "is_answered"),
        *(col("queue_seconds", "talk_seconds").cast(_SECONDS), col("segments").cast(pl.Int64), "called_back_at"),
        *("called_back_date", "caller_number", "is_dst_ambiguous", *ORIGIN),
    ]
    return pl.concat([alone.select(columns), together.select(columns)])


def crimes(asked: Asked) -> Loaded:
    """States of crimes."""
    rows = scan(asked, "crimes")
    times = ("updated_at", "recorded_at", "cancelled_at")
    rows = clocked(rows, *times)
    recorded = "recorded_at_first"
    updated_second, cancelled_second = follows("updated_at", recorded), follows("cancelled_at", recorded)
    cancelled = instant("cancelled_at", cancelled_second)
    return loaded(
        asked,
        "crimes",
        rows,
        faults=[
            required("crime_ref"),
            required("updated_at"),
            *faults_of_time("updated_at"),
            required("recorded_at"),
            *faults_of_time("recorded_at"),
            required("offence_code"),
            required("status"),
            not_in_list("status", ["recorded", "cancelled"]),
            *faults_of_time("cancelled_at"),
            Fault("cancelled_at", "out_of_order", cancelled < col(recorded)),
            Fault("cancelled_at", "required_when", col("cancelled_at").is_null() & (col("status") == "cancelled")),
            not_in_list("cancel_code", CANCEL_CODES),
            not_in_list("report_channel", CHANNELS),
        ],
        columns=[
            col("crime_ref"),
            instant("updated_at", updated_second).alias("updated_at"),
            col(recorded).alias("recorded_at"),
            cancelled.alias("cancelled_at"),
            *(col(f"{time}_local").dt.date().alias(f"{time.removesuffix('_at')}_date") for time in times),
            *(col("offence_code"), col("status"), col("cancel_code"), col("report_channel"), col("district")),
            (
                occurs_twice("recorded_at")
                | (occurs_twice("updated_at") & ~updated_second)
                | (occurs_twice("cancelled_at") & ~cancelled_second)
            ).alias("is_dst_ambiguous"),
        ],
        key=["crime_ref", "updated_at"],
        personal=["crime_ref"],
    )


def crime_facts(states: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """All states of crimes with the current one marked, and the crimes as they stand."""
    latest = col("updated_at").max().over("force_code", "crime_ref")
    states = states.with_columns(is_current=col("updated_at") == latest)
    is_cancelled = col("status") == "cancelled"
    days = (col("cancelled_date") - col("recorded_date")).dt.total_days()
    current_states = (
        states.filter("is_current")
        .drop("updated_date", "is_current")
        .with_columns(
            is_cancelled=is_cancelled,
            days_to_cancel=when(is_cancelled).then(days),
            cancelled_at=when(is_cancelled).then("cancelled_at"),
            cancelled_date=when(is_cancelled).then("cancelled_date"),
            cancel_code=when(is_cancelled).then("cancel_code"),
        )
    )
    return states, current_states


def digital_contacts(asked: Asked) -> Loaded:
    """Digital contacts."""
    rows = scan(asked, "digital_contacts")
    partner, test = boolean("from_partner_force"), boolean("is_test")
    return loaded(
        asked,
        "digital_contacts",
        clocked(rows, "received_at"),
        faults=[
            required("contact_id"),
            required("contact_type"),
            not_in_list("contact_type", CONTACT_TYPES),
            required("received_at"),
            *faults_of_time("received_at"),
            not_a_boolean("from_partner_force"),
            not_a_boolean("is_test"),
        ],
        columns=[
            col("contact_id"),
            col("contact_type"),
            col("received_at_first").alias("received_at"),
            col("received_at_local").dt.date().alias("received_date"),
            partner,
            test,
            (~partner & ~test).alias("is_public_demand"),
            col("linked_reference"),
            occurs_twice("received_at").alias("is_dst_ambiguous"),
        ],
        key=["contact_id"],
        personal=["linked_reference"],
    )


def live_chats(asked: Asked) -> Loaded:
    """Live chats."""
    rows = scan(asked, "live_chats")
    requested = "requested_at_first"
    rows = clocked(rows, "requested_at", "accepted_at", "ended_at").with_columns(
        accepted=instant("accepted_at", follows("accepted_at", requested)),
        ended=instant("ended_at", follows("ended_at", requested)),
    )
    waited, lasted = col("accepted") - col(requested), col("ended") - col("accepted")
    return loaded(
        asked,
        "live_chats",
        rows,
        faults=[
            required("chat_id"),
            required("requested_at"),
            *faults_of_time("requested_at"),
            *faults_of_time("accepted_at"),
            Fault("accepted_at", "out_of_order", col("accepted") < col(requested)),
            required("ended_at"),
            *faults_of_time("ended_at"),
            Fault("ended_at", "out_of_order", (col("ended") < col("accepted")) | (col("ended") < col(requested))),
            not_in_list("topic", TOPICS),
            not_a_boolean("created_incident"),
        ],
        columns=[
            col("chat_id"),
            col(requested).alias("requested_at"),
            col("requested_at_local").dt.date().alias("requested_date"),
            col("accepted").alias("accepted_at"),
            col("ended").alias("ended_at"),
            col("accepted").is_not_null().alias("is_accepted"),
            waited.dt.total_seconds().cast(_SECONDS).alias("wait_seconds"),
            lasted.dt.total_seconds().cast(_SECONDS).alias("duration_seconds"),
            col("operator_id"),
            col("topic"),
            boolean("created_incident"),
            (
                occurs_twice("requested_at")
                | (occurs_twice("accepted_at") & ~follows("accepted_at", requested))
                | (occurs_twice("ended_at") & ~follows("ended_at", requested))
            ).alias("is_dst_ambiguous"),
        ],
        key=["chat_id"],
        personal=["operator_id"],
    )


def online_crime_reports(asked: Asked) -> Loaded:
    """Online crime reports."""
    rows = scan(asked, "online_crime_reports")
    started = "started_at_first"
    is_second = follows("submitted_at", started)
    submitted = instant("submitted_at", is_second)
    return loaded(
        asked,
        "online_crime_reports",
        clocked(rows, "started_at", "submitted_at"),
        faults=[
            required("submission_id"),
            required("service"),
            not_in_list("service", SERVICES),
            *faults_of_time("started_at"),
            Fault("started_at", "out_of_order", col(started) > submitted),
            required("submitted_at"),
            *faults_of_time("submitted_at"),
        ],
        columns=[
            col("submission_id"),
            col("service"),
            col(started).alias("started_at"),
            submitted.alias("submitted_at"),
            col("submitted_at_local").dt.date().alias("submitted_date"),
            col("duplicate_of"),
            col("crime_ref"),
            (occurs_twice("started_at") | (occurs_twice("submitted_at") & ~is_second)).alias("is_dst_ambiguous"),
        ],
        key=["submission_id"],
        personal=["crime_ref"],
    )


def main() -> None:
    """Make the facts of a landing folder."""
    asked = asked_for()
    with duckdb.connect(str(asked.database)) as connection:
        connection.execute("create schema raw; create schema audit; create schema marts")
        refused = []

        def store(table: str, frame: pl.DataFrame) -> None:
            connection.register("frame", frame.to_arrow())
            connection.execute(f"create table {table} as from frame")
            connection.unregister("frame")

        def load(source: Callable[[Asked], Loaded]) -> pl.DataFrame:
            found = source(asked)
            store(f"raw.{source.__name__}", found.accepted.drop("is_latest"))
            refused.append(found.refused)
            return found.latest()

        segments = load(call_segments)
        store("marts.fct_call_segment", segments.drop("utc_offset_minutes", "called_back_date"))
        store("marts.fct_call", calls(segments))
        states, standing = crime_facts(load(crimes))
        store("marts.fct_crime_status", states)
        store("marts.fct_crime", standing)
        store("marts.fct_digital_contact", load(digital_contacts))
        store("marts.fct_live_chat", load(live_chats))
        store("marts.fct_online_crime_report", load(online_crime_reports))
        store("audit.quarantine", pl.concat(refused))


if __name__ == "__main__":
    main()
