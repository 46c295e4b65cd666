"""A small landing folder of four months with every source of events, two of them past their retention. No tests."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import duckdb

from dagster_project.clock import london_today
from tests.leaving.end_to_end.command import CALLS, CHATS, CRIMES, Command

CUT = date(2022, 10, 1)
DAYS = ("2022-08-30", "2022-08-31", "2022-09-29", "2022-09-30", "2022-10-01", "2022-10-02", "2022-11-01")
SOURCES = ("call_segments", "crimes", "digital_contacts", "live_chats", "online_crime_reports")
_PEOPLE = {
    "call_segments": ("call_id", "arrived_at", ("caller_number", "operator_id")),
    "live_chats": ("chat_id", "ended_at", ("operator_id",)),
    "digital_contacts": ("contact_id", "received_at", ("linked_reference",)),
    "online_crime_reports": ("submission_id", "submitted_at", ("crime_ref",)),
    "crimes": ("crime_ref", "updated_at", ("crime_ref",)),
}
# All but the rows of events and of runs.
_OF_RUNS = ("load_audit", "corrections", "expectation_results", "published_versions", "revisions", "quarantine")


def land_four_months(command: Command) -> None:
    """Calls, chats, contacts, reports and crimes of seven days; each day has people of its own, and one of all days.

    A printed figure is reconciled: sentences about it are written into a table after its build.
    """
    command.land(
        "published_figures_2022-11-15.csv",
        "report_id,published_on,section,label,measure,unit,month,published_value",
        "kent_fcir_2022-11-15,2022-11-15,calls_999,Calls Received,received,count,2022-08,4",
    )
    for number, day in enumerate(DAYS):
        own, every = f"07700 90{number:04}", "07700 909999"
        calls = [
            f"c{number}a,1,999,{day} 09:00,{number + 3},answered,60,{own},op{number}",
            f"c{number}b,1,101,{day} 10:00,{number + 30},abandoned,,{own},",
            f"c{number}c,1,101,{day} 11:00,{number + 40},answered,50,{own},op{number}",
            f"c{number}d,1,999,{day} 12:00,7,answered,50,{every},op-every",
            f"c{number}e,1,101,{day} 13:00,90,abandoned,,{every},",
            f"c{number}e,2,101,{day} 13:05,20,answered,44,{every},op-every",
        ]
        if day == "2022-09-30":
            # Arrives before midnight in London, and is called back after it.
            calls.append("late,1,101,2022-09-30 23:58,500,abandoned,,07700 908888,")
        command.land(f"call_segments_{day}.csv", f"{CALLS},operator_id", *calls)
        chats = [
            f"h{number}a,{day} 09:00,{day} 09:01,{day} 09:40,op{number}",
            f"h{number}b,{day} 09:10,{day} 09:11,{day} 09:30,op{number}",
            f"h{number}c,{day} 10:00,{day} 10:05,{day} 10:20,op-every",
        ]
        if day == "2022-09-30":
            chats.append("hlate,2022-09-30 23:50,2022-09-30 23:51,2022-10-01 00:20,op-every")
        command.land(f"live_chats_{day}.csv", CHATS, *chats)
        contacts = [f"d{number},email,{day} 14:00,{own}", f"e{number},asb_report,{day} 15:00,"]
        command.land(f"digital_contacts_{day}.csv", "contact_id,contact_type,received_at,linked_reference", *contacts)
        reports = [f"s{number},report_a_crime,{day} 09:00,{day} 09:20,46/{number}/22"]
        header = "submission_id,service,started_at,submitted_at,crime_ref"
        command.land(f"online_crime_reports_{day}.csv", header, *reports)
        crimes = [
            f"46/{number}/22,{day} 12:00,{day} 11:00,8N,recorded,,,Maidstone",
            f"46/{number}1/22,{day} 12:00,{day} 11:00,99Z,recorded,,,Swale",
        ]
        if day in ("2022-08-31", "2022-09-30"):
            crimes.append(
                f"46/{number - 1}/22,{day} 13:00,{DAYS[number - 1]} 11:00,8N,cancelled,{day} 13:00,C2,Maidstone"
            )
        if day == "2022-10-02":
            # Recorded before the day of the purge, and cancelled after it.
            crimes.append(f"46/1/22,{day} 13:00,2022-08-31 11:00,8N,cancelled,{day} 13:00,C1,Maidstone")
        command.land(f"crimes_{day}.csv", f"{CRIMES},district", *crimes)


def write_retention(command: Command, *, holds: str = "") -> None:
    """Write the list that purges everything before October 2022."""
    today = london_today()
    months = (today.year - CUT.year) * 12 + today.month - CUT.month
    folder = command.home / "retention"
    folder.mkdir(exist_ok=True)
    rows = [f"2020-01-01,{source},{months},schedule" for source in SOURCES]
    rows += [f"2019-01-01,{SOURCES[0]},1,older row", f"{today.year + 1}-01-01,{SOURCES[0]},1,not yet valid"]
    (folder / "retention.csv").write_text("\n".join(["valid_from,source,months,reason", *rows, ""]))
    if holds:
        (folder / "holds.csv").write_text(f"source,first_day,last_day,reason,until\n{holds}\n")


def figures(command: Command) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of every published table of figures, without operators: purged ones have numbers."""
    found = {}
    with duckdb.connect(str(command.current / "fcir.duckdb"), read_only=True) as connection:
        tables = connection.execute(
            "select table_name, list(column_name order by ordinal_position) from information_schema.columns "
            "where table_schema = 'marts' group by table_name order by table_name"
        ).fetchall()
        for name, columns in tables:
            if name.startswith(("fct_", "dim_")) or name in _OF_RUNS:
                continue
            # The last counts rows of the quarantine, which a purge removes.
            left_out = ("operator_id", "run_id", "rows_in_quarantine")
            kept = ", ".join(f'"{column}"' for column in columns if column not in left_out)
            found[name] = connection.execute(f'select {kept} from marts."{name}" order by all').fetchall()
    return found


def people(command: Command, *, held: str = "") -> tuple[set[str], set[str]]:
    """Return the pseudonyms of rows that are purged only, and those of rows that stay.

    Args:
        command: a data root before its purge.
        held: the day whose chats are held.
    """
    found: dict[bool, set[str]] = {True: set(), False: set()}
    for source, (key, time, columns) in _PEOPLE.items():
        for column in columns:
            rows = command.warehouse(
                f"select {column}, max({time}) over (partition by {key}) from raw.{source} where {column} is not null"
            )
            for person, newest in rows:
                is_held = source == "live_chats" and held != "" and newest.isoformat().startswith(held)
                # The first instant of October in London.
                found[newest < datetime(2022, 9, 30, 23) and not is_held].add(person)  # noqa: DTZ001
    return found[True] - found[False], found[False]
