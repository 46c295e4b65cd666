"""The facts as a script in pandas: `python -m tests.long.benchmark.peers.pandas_script LANDING DATABASE ...`.

One frame for each source, clock changes by pandas' time zones, seconds as floating point that is rounded to six
decimals when it is compared, HMAC by Python over the distinct values. DuckDB only stores what pandas has made: accepted
rows, refused rows with their reasons, facts. It does less than the reference: no checks, no monthly marts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pandas as pd

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

Fault = tuple[str, str, pd.Series]
"""Why rows are refused: the column, the reason, and the rows that it holds for."""


@dataclass(frozen=True)
class Loaded:
    """The rows of a source: typed, personal values as pseudonyms, times in UTC.

    Attributes:
        accepted: all that stand in an extract, with `is_latest`: whether no later extract has their key.
        refused: `file_name`, `source_row`, `column_name` and `reason_code` of the others.
    """

    accepted: pd.DataFrame
    refused: pd.DataFrame

    def latest(self) -> pd.DataFrame:
        """The rows that hold."""
        return self.accepted[self.accepted["is_latest"]].drop(columns="is_latest")


class Clock:
    """Local times as instants, one that exists twice by what else the row says.

    Attributes:
        local: the times as they are written; missing where the text is none.
        first, second: instants in UTC, which differ where a time occurs twice; missing in the hour that is left out.
    """

    def __init__(self, texts: pd.Series) -> None:
        self._texts = texts
        self.local = pd.to_datetime(
            texts.where(texts.str.len() == 19), format="%Y-%m-%d %H:%M:%S", errors="coerce"
        ).astype("datetime64[us]")
        self.first, self.second = self._instants(is_summer=True), self._instants(is_summer=False)
        self.occurs_twice = self.first.notna() & (self.first != self.second)

    def _instants(self, *, is_summer: bool) -> pd.Series:
        which = np.full(len(self.local), is_summer)
        zoned = self.local.dt.tz_localize("Europe/London", ambiguous=which, nonexistent="NaT")
        return zoned.dt.tz_convert("UTC").dt.tz_localize(None)

    def follows(self, start: pd.Series) -> pd.Series:
        """Whether of two instants only the second one is not before a start."""
        return (self.first < start) & (self.second >= start)

    def instant(self, is_second: pd.Series) -> pd.Series:
        """The instant, of two the one that is asked for."""
        return self.first.mask(is_second, self.second)

    def day(self) -> pd.Series:
        """The local day."""
        return self.local.dt.normalize()

    def faults(self) -> list[Fault]:
        """What may be wrong with the texts."""
        name = str(self._texts.name)
        is_no_time = self._texts.notna() & self.local.isna()
        days = self._texts.where(is_no_time & (self._texts.str.len() <= 10))
        return [
            (name, "no_time_of_day", pd.to_datetime(days, format="%Y-%m-%d", errors="coerce").notna()),
            (name, "not_a_timestamp", is_no_time),
            (name, "time_never_existed", self.local.notna() & self.first.isna()),
        ]


def required(texts: pd.Series) -> Fault:
    """The fault of an empty cell."""
    return str(texts.name), "required_empty", texts.isna()


def not_in_list(texts: pd.Series, words: Sequence[str]) -> Fault:
    """The fault of a cell with another word than those of a list."""
    return str(texts.name), "not_in_list", texts.notna() & ~texts.isin(words)


def out_of_order(name: str, earlier: pd.Series, later: pd.Series) -> Fault:
    """The fault of a time before one that it has to follow."""
    return name, "out_of_order", later < earlier


def flag(texts: pd.Series) -> tuple[pd.Series, Fault]:
    """A boolean, of which an empty cell says no, and the fault of another word."""
    values = texts.fillna("n").str.lower().map(BOOLEANS)
    return values.astype("boolean"), (str(texts.name), "not_a_boolean", values.isna())


def read(asked: Asked, source: str) -> pd.DataFrame:
    """All rows of a source as text, with the day, load and line that they come from."""
    frames = []
    for load_id, file in enumerate(files_of(asked, source)):
        frame = pd.read_csv(file, dtype="str", na_values=NULL_WORDS, keep_default_na=False)
        frame["extract_date"] = pd.Timestamp(day_of(file, source))
        frame["load_id"] = load_id
        frame["source_row"] = frame.index + 2
        frames.append(frame)
    rows = pd.concat(frames, ignore_index=True)
    force = rows["force_code"].str.lower() if "force_code" in rows else pd.Series(None, rows.index, dtype="str")
    return rows.assign(force_code=force.fillna(asked.force))


def loaded(
    asked: Asked,
    source: str,
    rows: pd.DataFrame,
    typed: Mapping[str, pd.Series],
    *,
    faults: Sequence[Fault],
    key: Sequence[str],
    personal: Sequence[str],
) -> Loaded:
    """Refuse faulty rows, and tell which rows are the latest of their key.

    Args:
        asked: files and key of the pseudonyms.
        source: its name.
        rows: as text.
        typed: what they say, by column.
        faults: of several that a row has, the first is told.
        key: columns that tell what a row is about, without the force.
        personal: columns whose values become pseudonyms.
    """
    is_faulty = np.logical_or.reduce([where.to_numpy(dtype=bool) for _, _, where in faults])
    at_fault = rows.loc[is_faulty, ORIGIN[1:]].assign(column_name=None, reason_code=None)
    for column, reason, where in reversed(faults):
        at_fault.loc[where[is_faulty], ["column_name", "reason_code"]] = (column, reason)
    valid = pd.DataFrame({"force_code": rows["force_code"], **typed, **rows[ORIGIN]}).loc[~is_faulty]
    cells = valid.columns.difference(ORIGIN[1:])
    key = ["force_code", *key]
    is_repeated = valid.duplicated(key, keep=False)
    repeated = valid[is_repeated].sort_values([*key, *ORIGIN])
    before = repeated[cells].shift()
    is_repetition = ((repeated[cells] == before).fillna(False) | (repeated[cells].isna() & before.isna())).all(axis=1)
    different = repeated[~is_repetition]
    # Of equal rows of an extract the first is kept, of different ones the last.
    is_superseded = different.duplicated([*key, "extract_date"], keep="last")
    last_of_extract = different[~is_superseded]
    is_latest = ~last_of_extract.duplicated(key, keep="last")
    accepted = pd.concat(
        [valid[~is_repeated].assign(is_latest=True), last_of_extract.assign(is_latest=is_latest)], ignore_index=True
    )
    for name in personal:
        accepted[name] = _pseudonyms(accepted[name], asked.secret())
    refused = pd.concat(
        [
            at_fault,
            _losing(repeated[is_repetition], "duplicate_row"),
            _losing(different[is_superseded], "superseded_row"),
        ]
    )
    file_names = np.array([file.name for file in files_of(asked, source)])
    return Loaded(accepted, refused.assign(source=source, file_name=file_names[refused["load_id"]]))


def _losing(rows: pd.DataFrame, reason: str) -> pd.DataFrame:
    return rows[ORIGIN[1:]].assign(column_name=None, reason_code=reason)


def _pseudonyms(values: pd.Series, secret: bytes) -> pd.Series:
    """Pseudonyms of personal values, each worked out once."""
    distinct = values.dropna().unique()
    hashed = (pseudonym(secret, value) for value in distinct)
    return values.map(dict(zip(distinct, hashed, strict=True)))


def call_segments(asked: Asked) -> Loaded:
    """Call segments."""
    rows = read(asked, "call_segments")
    number = pd.to_numeric(rows["segment_no"], errors="coerce").astype("Int64")
    offset = pd.to_numeric(rows["utc_offset_minutes"], errors="coerce").astype("Int64")
    queued = pd.to_numeric(rows["queue_seconds"], errors="coerce")
    talked = pd.to_numeric(rows["talk_seconds"].fillna("0"), errors="coerce")
    arrived_at, called_back_at = Clock(rows["arrived_at"]), Clock(rows["called_back_at"])
    arrived = arrived_at.instant((offset == 0).fillna(False).astype(bool))
    is_second = called_back_at.follows(arrived)
    called_back = called_back_at.instant(is_second)
    return loaded(
        asked,
        "call_segments",
        rows,
        {
            **rows[["call_id", "line", "disposition", "operator_id", "caller_number"]],
            "segment_no": number,
            "arrived_at": arrived,
            "arrived_date": arrived_at.day(),
            "utc_offset_minutes": offset,
            "queue_seconds": queued,
            "talk_seconds": talked,
            "called_back_at": called_back,
            "called_back_date": called_back_at.day(),
            "is_dst_ambiguous": (arrived_at.occurs_twice & offset.isna()) | (called_back_at.occurs_twice & ~is_second),
        },
        faults=[
            required(rows["call_id"]),
            required(rows["segment_no"]),
            ("segment_no", "not_an_integer", number.isna()),
            ("segment_no", "below_minimum", (number < 1).fillna(False)),
            required(rows["line"]),
            not_in_list(rows["line"], LINES),
            required(rows["arrived_at"]),
            *arrived_at.faults(),
            ("utc_offset_minutes", "not_in_list", rows["utc_offset_minutes"].notna() & ~offset.isin([0, 60])),
            required(rows["queue_seconds"]),
            ("queue_seconds", "not_seconds", queued.isna()),
            ("queue_seconds", "below_minimum", queued < 0),
            required(rows["disposition"]),
            not_in_list(rows["disposition"], DISPOSITIONS),
            ("talk_seconds", "not_seconds", talked.isna()),
            ("talk_seconds", "below_minimum", talked < 0),
            *called_back_at.faults(),
            out_of_order("called_back_at", arrived, called_back),
        ],
        key=["call_id", "segment_no"],
        personal=["operator_id", "caller_number"],
    )


def calls(segments: pd.DataFrame) -> pd.DataFrame:
    """Calls of their segments: as the first one arrived, waited for until one was answered."""
    call = ["force_code", "call_id"]
    is_answered = segments["disposition"] == "answered"
    back = ["called_back_at", "called_back_date"]
    segments = segments.assign(is_answered=is_answered, segments=1)
    segments[back] = segments[back].mask(is_answered)
    several = segments.loc[segments["segment_no"] > 1, call].drop_duplicates()
    is_of_several = pd.MultiIndex.from_frame(segments[call]).isin(pd.MultiIndex.from_frame(several))
    together = segments[is_of_several].sort_values([*call, "segment_no"])
    answered_no = together.assign(segment_no=together["segment_no"].where(together["is_answered"]))
    first_answered = answered_no.groupby(call)["segment_no"].transform("min")
    is_after_answer = (together["segment_no"] > first_answered).fillna(False).astype(bool)
    summed = (
        together.assign(queue_seconds=together["queue_seconds"].mask(is_after_answer, 0))
        .groupby(call)
        .agg(
            {
                "is_answered": "any",
                "queue_seconds": "sum",
                "talk_seconds": "sum",
                "segments": "sum",
                **dict.fromkeys(back, "min"),
            }
        )
    )
    summed[back] = summed[back].mask(summed["is_answered"])
    first = together.drop_duplicates(call).drop(columns=summed.columns)
    together = first.merge(summed, left_on=call, right_index=True)
    both = pd.concat([segments[~is_of_several], together], ignore_index=True)
    return both.drop(columns=["segment_no", "disposition", "operator_id", "utc_offset_minutes"])


def crimes(asked: Asked) -> Loaded:
    """States of crimes."""
    rows = read(asked, "crimes")
    updated_at, recorded_at, cancelled_at = (
        Clock(rows[name]) for name in ("updated_at", "recorded_at", "cancelled_at")
    )
    recorded = recorded_at.first
    is_second_update, is_second_cancel = updated_at.follows(recorded), cancelled_at.follows(recorded)
    cancelled = cancelled_at.instant(is_second_cancel)
    return loaded(
        asked,
        "crimes",
        rows,
        {
            **rows[["crime_ref", "offence_code", "status", "cancel_code", "report_channel", "district"]],
            "updated_at": updated_at.instant(is_second_update),
            "updated_date": updated_at.day(),
            "recorded_at": recorded,
            "recorded_date": recorded_at.day(),
            "cancelled_at": cancelled,
            "cancelled_date": cancelled_at.day(),
            "is_dst_ambiguous": recorded_at.occurs_twice
            | (updated_at.occurs_twice & ~is_second_update)
            | (cancelled_at.occurs_twice & ~is_second_cancel),
        },
        faults=[
            required(rows["crime_ref"]),
            required(rows["updated_at"]),
            *updated_at.faults(),
            required(rows["recorded_at"]),
            *recorded_at.faults(),
            required(rows["offence_code"]),
            required(rows["status"]),
            not_in_list(rows["status"], ["recorded", "cancelled"]),
            *cancelled_at.faults(),
            out_of_order("cancelled_at", recorded, cancelled),
            ("cancelled_at", "required_when", rows["cancelled_at"].isna() & (rows["status"] == "cancelled")),
            not_in_list(rows["cancel_code"], CANCEL_CODES),
            not_in_list(rows["report_channel"], CHANNELS),
        ],
        key=["crime_ref", "updated_at"],
        personal=["crime_ref"],
    )


def crime_facts(states: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All states of crimes with the current one marked, and the crimes as they stand."""
    latest = states.groupby(["force_code", "crime_ref"])["updated_at"].transform("max")
    states = states.assign(is_current=states["updated_at"] == latest)
    standing = states[states["is_current"]].drop(columns=["updated_date", "is_current"])
    is_cancelled = standing["status"] == "cancelled"
    days = (standing["cancelled_date"] - standing["recorded_date"]).dt.days
    return states, standing.assign(
        is_cancelled=is_cancelled,
        days_to_cancel=days.where(is_cancelled).astype("Int64"),
        **{name: standing[name].where(is_cancelled) for name in ("cancelled_at", "cancelled_date", "cancel_code")},
    )


def digital_contacts(asked: Asked) -> Loaded:
    """Digital contacts."""
    rows = read(asked, "digital_contacts")
    received_at = Clock(rows["received_at"])
    partner, no_partner = flag(rows["from_partner_force"])
    test, no_test = flag(rows["is_test"])
    return loaded(
        asked,
        "digital_contacts",
        rows,
        {
            **rows[["contact_id", "contact_type", "linked_reference"]],
            "received_at": received_at.first,
            "received_date": received_at.day(),
            "from_partner_force": partner,
            "is_test": test,
            "is_public_demand": ~partner & ~test,
            "is_dst_ambiguous": received_at.occurs_twice,
        },
        faults=[
            required(rows["contact_id"]),
            required(rows["contact_type"]),
            not_in_list(rows["contact_type"], CONTACT_TYPES),
            required(rows["received_at"]),
            *received_at.faults(),
            no_partner,
            no_test,
        ],
        key=["contact_id"],
        personal=["linked_reference"],
    )


def live_chats(asked: Asked) -> Loaded:
    """Live chats."""
    rows = read(asked, "live_chats")
    requested_at, accepted_at, ended_at = (Clock(rows[name]) for name in ("requested_at", "accepted_at", "ended_at"))
    requested = requested_at.first
    is_second_accept, is_second_end = accepted_at.follows(requested), ended_at.follows(requested)
    accepted, ended = accepted_at.instant(is_second_accept), ended_at.instant(is_second_end)
    incident, no_incident = flag(rows["created_incident"])
    return loaded(
        asked,
        "live_chats",
        rows,
        {
            **rows[["chat_id", "operator_id", "topic"]],
            "requested_at": requested,
            "requested_date": requested_at.day(),
            "accepted_at": accepted,
            "ended_at": ended,
            "is_accepted": accepted.notna(),
            "wait_seconds": (accepted - requested).dt.total_seconds(),
            "duration_seconds": (ended - accepted).dt.total_seconds(),
            "created_incident": incident,
            "is_dst_ambiguous": requested_at.occurs_twice
            | (accepted_at.occurs_twice & ~is_second_accept)
            | (ended_at.occurs_twice & ~is_second_end),
        },
        faults=[
            required(rows["chat_id"]),
            required(rows["requested_at"]),
            *requested_at.faults(),
            *accepted_at.faults(),
            out_of_order("accepted_at", requested, accepted),
            required(rows["ended_at"]),
            *ended_at.faults(),
            out_of_order("ended_at", accepted, ended),
            out_of_order("ended_at", requested, ended),
            not_in_list(rows["topic"], TOPICS),
            no_incident,
        ],
        key=["chat_id"],
        personal=["operator_id"],
    )


def online_crime_reports(asked: Asked) -> Loaded:
    """Online crime reports."""
    rows = read(asked, "online_crime_reports")
    started_at, submitted_at = Clock(rows["started_at"]), Clock(rows["submitted_at"])
    is_second = submitted_at.follows(started_at.first)
    submitted = submitted_at.instant(is_second)
    return loaded(
        asked,
        "online_crime_reports",
        rows,
        {
            **rows[["submission_id", "service", "duplicate_of", "crime_ref"]],
            "started_at": started_at.first,
            "submitted_at": submitted,
            "submitted_date": submitted_at.day(),
            "is_dst_ambiguous": started_at.occurs_twice | (submitted_at.occurs_twice & ~is_second),
        },
        faults=[
            required(rows["submission_id"]),
            required(rows["service"]),
            not_in_list(rows["service"], SERVICES),
            *started_at.faults(),
            out_of_order("started_at", started_at.first, submitted),
            required(rows["submitted_at"]),
            *submitted_at.faults(),
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

        def store(table: str, frame: pd.DataFrame) -> None:
            connection.register("frame", frame)
            connection.execute(f"create table {table} as from frame")
            connection.unregister("frame")

        def load(source: Callable[[Asked], Loaded]) -> pd.DataFrame:
            found = source(asked)
            store(f"raw.{source.__name__}", found.accepted.drop(columns="is_latest"))
            refused.append(found.refused)
            return found.latest()

        segments = load(call_segments)
        store("marts.fct_call_segment", segments.drop(columns=["utc_offset_minutes", "called_back_date"]))
        store("marts.fct_call", calls(segments))
        states, standing = crime_facts(load(crimes))
        store("marts.fct_crime_status", states)
        store("marts.fct_crime", standing)
        store("marts.fct_digital_contact", load(digital_contacts))
        store("marts.fct_live_chat", load(live_chats))
        store("marts.fct_online_crime_report", load(online_crime_reports))
        store("audit.quarantine", pd.concat(refused))


if __name__ == "__main__":
    main()
