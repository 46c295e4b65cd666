"""Synthetic extracts of any size for measuring: the same files every time. What they cost is measured elsewhere.

`python -m tests.long.benchmark.data SIZE LANDING` writes the extracts of a size, `... SIZE LANDING --night 1` the
files of the first day after them. Nothing in them took place. They are drawn by hashes in DuckDB (0.25 million rows a
CPU second), so that equal parameters and an equal version of DuckDB give equal bytes.

A force and day have about 2,200 call segments (1,900 calls), 590 rows of crimes (500 crimes), 500 digital contacts, 150
live chats and 130 online crime reports; weekdays differ by a fifth, hours as those of the sample. In them are:

- rows of a file in no order, keys of up to 16 random hexadecimal digits;
- corrections: 1% of the rows come again, whole and with changed cells, 1 to 30 days later; a fifth of those move the
  event one to five days back, some into another month;
- two files for 3% of the days of each source: the second has a fifth of the rows, and half of those of the first once
  more (`duplicate_row`);
- ties: 0.05% of the keys come twice in one extract with other cells (`superseded_row`); of crimes the reference and
  the time are equal;
- history: 14% of the crimes are delivered again as something changed, 3.2% as they are cancelled (with codes C1 to
  C5, some without), a twelfth of those as they are reinstated, half of which keep the date of the cancellation;
- calls of several segments: 13%; a segment after midnight is in the next day's extract, and so are 2% of all second
  and third segments;
- faulty cells: 0.02% of the rows, of every kind that one cell can show, and a sixteenth of the times in the hour that
  the spring clock change leaves out; far below the limits at which a delivery is rejected;
- no value: empty, `NULL`, `N/A` or `-`;
- local times, also in the hour that occurs twice; calls say `utc_offset_minutes` for 98% of their rows, other sources
  never do.

A night is one further day of the same kind, whose files also have late rows: 1% more, corrections of random rows of
the 90 days before, of which a fifth move the date.
"""

from __future__ import annotations

import csv
import shutil
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb

from dagster_project.settings import DBT_PROJECT
from dagster_project.sql import literal

# Of the list of forces, those that are no territorial force of England and Wales.
_OTHER_FORCES = ("btp", "northern-ireland", "scotland")
# Rows that are sorted and written together: 1.2 million rows of text take about 1 GB.
_ROWS_AT_ONCE = 1_200_000
# The oldest event that an ordinary extract can hold, in days: a crime reinstated 14 days after it was cancelled, 100
# days after it was recorded, and corrected 30 days later; the others have corrections alone.
_OLDEST = {"crimes": 144}
_OLDEST_OTHERS = 32
# Days that the late rows of a night come from.
_LATE_DAYS = 90

_HOURS = (4, 3, 2, 2, 2, 2, 4, 6, 9, 11, 12, 12, 12, 12, 12, 13, 13, 14, 14, 12, 11, 10, 8, 6)
_WEEKDAYS = (1.06, 1.03, 1.02, 1.01, 1.03, 0.95, 0.90)  # from Monday
_ROWS_A_DAY = {
    "call_segments": 1_900,
    "crimes": 500,
    "digital_contacts": 500,
    "live_chats": 150,
    "online_crime_reports": 130,
}
"""Events that a force has on a day, before they become several rows."""


@dataclass(frozen=True)
class Extent:
    """What extracts are of: forces, and days without a gap. One force is in no column, several are."""

    forces: tuple[str, ...]
    first: date
    days: int

    @property
    def last(self) -> date:
        """The newest day."""
        return self.first + timedelta(days=self.days - 1)

    def night(self, number: int) -> date:
        """The day of a night: 1 is the day after the newest one."""
        return self.last + timedelta(days=number)


SIZES = ("S", "1Y", "2Y", "5Y", "M", "L")


def extent_of(size: str) -> Extent:
    """The extent of a size.

    Args:
        size: S (one force, six months with both clock changes, 0.65 million rows), M (one force, ten years, 13
            million), L (43 forces, two years, 112 million), or 1Y, 2Y and 5Y (the last years of M, after which the same
            night comes).

    Raises:
        KeyError: another size.
    """
    return {
        "S": Extent(("kent",), date(2022, 10, 1), 182),
        "1Y": Extent(("kent",), date(2023, 10, 1), 366),
        "2Y": Extent(("kent",), date(2022, 10, 1), 731),
        "5Y": Extent(("kent",), date(2019, 10, 1), 1_827),
        "M": Extent(("kent",), date(2014, 10, 1), 3_653),
        "L": Extent(_territorial_forces(), date(2021, 10, 1), 731),
    }[size]


def write_extracts(landing: Path, extent: Extent) -> int:
    """Write the extracts of all days and sources, `LANDING/SOURCE/SOURCE_YYYY-MM-DD.csv`.

    Args:
        landing: made with the file that says that it is synthetic; files of other days stay.
        extent: forces and days.

    Returns:
        Number of files.
    """
    return sum(_write(landing, extent, source, extent.first, extent.last) for source in _ROWS_A_DAY)


def write_night(landing: Path, extent: Extent, number: int = 1) -> int:
    """Write the extracts of one day after those of the extent, with late rows in them.

    Args:
        landing: as for `write_extracts`; need not hold the earlier days.
        extent: that of the earlier days, whose events are corrected.
        number: 1 is the day after them.

    Returns:
        Number of files.
    """
    night = extent.night(number)
    return sum(_write(landing, extent, source, night, night, is_night=True) for source in _ROWS_A_DAY)


def _territorial_forces() -> tuple[str, ...]:
    with (DBT_PROJECT / "seeds" / "police_forces.csv").open(encoding="utf-8", newline="") as stream:
        codes = [row["force_code"] for row in csv.DictReader(stream)]
    return tuple(code for code in codes if code not in _OTHER_FORCES)


def _write(landing: Path, extent: Extent, source: str, first: date, last: date, *, is_night: bool = False) -> int:
    """Write the extracts of a source from one day to another; gives the number of files."""
    folder = landing / source
    folder.mkdir(parents=True, exist_ok=True)
    (landing / "SYNTHETIC").touch()
    files = 0
    with duckdb.connect(config={"threads": "1"}) as connection, tempfile.TemporaryDirectory(dir=landing) as drafts:
        for macro in _MACROS:
            connection.execute(macro)
        connection.execute("set partitioned_write_flush_threshold = 1000000000")
        for number, (start, end) in enumerate(_batches(extent, source, first, last)):
            draft = Path(drafts) / str(number)
            oldest = _LATE_DAYS if is_night else _OLDEST_OTHERS
            connection.execute(
                f"copy ({_query(source, extent, is_night=is_night)}) to {literal(str(draft))} "
                "(format csv, header, partition_by (part))",
                {
                    "forces": list(extent.forces),
                    "events_a_day": _ROWS_A_DAY[source],
                    "weekdays": list(_WEEKDAYS),
                    "first_event": max(extent.first, start - timedelta(days=max(oldest, _OLDEST.get(source, 0)))),
                    "first": start,
                    "last": end,
                },
            )
            files += _name(draft, folder)
            shutil.rmtree(draft)
    return files


def _batches(extent: Extent, source: str, first: date, last: date) -> Iterator[tuple[date, date]]:
    """Spans of days that are written together."""
    # A call has 1.16 segments, a crime 1.17 rows.
    days = max(1, int(_ROWS_AT_ONCE / (1.2 * _ROWS_A_DAY[source] * len(extent.forces))))
    while first <= last:
        end = min(last, first + timedelta(days=days - 1))
        yield first, end
        first = end + timedelta(days=1)


def _name(draft: Path, folder: Path) -> int:
    """Move the files of a batch, `part=DAY/data_0.csv`, to their names; gives their number."""
    parts = list(draft.iterdir())
    for part in parts:
        (written,) = part.iterdir()
        written.rename(folder / f"{folder.name}_{part.name.removeprefix('part=')}.csv")
    return len(parts)


def _hour_slots() -> str:
    """An SQL list in which an hour stands as often as its weight says."""
    return str([hour for hour, weight in enumerate(_HOURS) for _ in range(weight)])


_MACROS = (
    # A whole number from 0 to below `size`, another one for each `what`. Hashed twice: the first hash is an exclusive
    # or of those of its arguments, so that numbers drawn for two words would have the same difference of low bits.
    "create temp macro drawn(seed, what, size) as cast(hash(hash(seed, what)) % size as bigint)",
    # The same, small numbers more often than large ones: mean a quarter of `size`.
    "create temp macro skewed(seed, what, size) as drawn(seed, what, size) * drawn(seed, what || ' too', size) // size",
    f"""create temp macro second_of_day(seed, what) as
        {_hour_slots()}[1 + drawn(seed, what || ' hour', {sum(_HOURS)})] * 3600 + drawn(seed, what, 3600)""",
    # From eight to six, when registrars work.
    "create temp macro office_second(seed, what) as 28800 + drawn(seed, what, 36000)",
    """create temp macro last_sunday(t, m) as
        make_date(year(t), m, 31) - cast(dayofweek(make_date(year(t), m, 31)) as int)""",
    # A sixteenth of the times that the spring clock change leaves out stay as they are, and are faulty.
    """create temp macro on_the_clock(t, seed) as case
        when month(t) = 3 and day(t) > 24 and dayofweek(t) = 0 and hour(t) = 1 and seed % 16 <> 0
            then t + interval 1 hour
        else t
    end""",
    """create temp macro utc_offset(t, seed) as case
        when month(t) between 4 and 9 then 60
        when month(t) = 3 and t >= last_sunday(t, 3) + interval 1 hour then 60
        when month(t) = 10 and t < last_sunday(t, 10) + interval 1 hour then 60
        when month(t) = 10 and t < last_sunday(t, 10) + interval 2 hour then 60 * drawn(seed, 'reading', 2)
        else 0
    end""",
    # Number of one of the 4,000 people who may call a force on a day; a force has 400,000.
    """create temp macro caller(on_day, of_force, place) as
        '07' || lpad(cast(400009 * drawn(hash(on_day, of_force), place, 400000) % 1000000000 as varchar), 9, '0')""",
    "create temp macro no_value(seed, what) as [null, null, null, 'NULL', 'N/A', '-'][1 + drawn(seed, what, 6)]",
    "create temp macro cell(content, seed, what) as coalesce(cast(content as varchar), no_value(seed, what))",
    """create temp macro flag(truth, seed, what) as case
        when truth then 'Y' when drawn(seed, what, 3) > 0 then 'N' else no_value(seed, what)
    end""",
)


def _query(source: str, extent: Extent, *, is_night: bool) -> str:
    """The rows of the extracts from `$first` to `$last` in the order of the files, and `part`, the file of each."""
    force = ["force_code"] if len(extent.forces) > 1 else []
    cells = _CELLS[source]
    selected = [*force, *(f"{expression} as {name}" for name, expression in cells.items())]
    # Faults name the cell that they spoil.
    spoilt = [
        f"case when fault = {number} then {text} else {column} end as {column}"
        for number, (column, text) in enumerate(_FAULTS[source].items())
    ]
    late = (
        f"""
        union all by name
        select *, 3 as version, $last as extract_date
        from events
        where
            event_date between $last - {_LATE_DAYS} and $last - 1
            and drawn(draw, 'late' || cast($last as varchar), {100 * _LATE_DAYS}) = 0
        """
        if is_night
        else ""
    )
    return f"""
        with days as (
            select cast(unnest(generate_series($first_event, $last, interval 1 day)) as date) as day
        ),

        occurrences as (
            select
                days.day,
                forces.force_code,
                hash(hash(days.day, forces.force_code, numbers.number, '{source}')) as seed
            from days
            cross join (select unnest($forces) as force_code) as forces
            cross join lateral (
                select unnest(range(cast(
                    $events_a_day * $weekdays[isodow(days.day)]
                    * (0.97 + 0.0001 * drawn(days.day, forces.force_code || '{source}', 600)) as bigint
                ))) as number
            ) as numbers
        ),

        events as ({_EVENTS[source]}),

        -- version: 0 as it happened, 1 the other row of a tie, 2 corrected, 3 corrected late.
        versions as (
            select *, 0 as version, event_date as extract_date
            from events
            union all by name
            select *, 1 as version, event_date as extract_date
            from events
            where drawn(draw, 'tie', 2000) = 0
            union all by name
            select *, 2 as version, event_date + 1 + cast(drawn(draw, 'lag', 30) as int) as extract_date
            from events
            where drawn(draw, 'corrected', 100) = 0
            {late}
        ),

        delivered as (
            select
                *,
                hash(hash(draw, version)) as seen,
                -- Of a corrected row: how many days its event moves back, and whether what it says changes.
                case
                    when version >= 2 and drawn(draw, 'moves' || version, 5) = 0
                        then to_days(cast(1 + drawn(draw, 'days' || version, 5) as int))
                    else interval 0 day
                end as moved,
                case when version >= 1 then 1 + drawn(draw, 'change' || version, 5) else 0 end as change,
                drawn(extract_date, '{source}', 33) = 0 as in_two_files
            from versions
            where extract_date between $first and $last
        ),

        placed as (
            select *, unnest(case
                when not in_two_files then ['']
                when drawn(seen, 'file', 10) >= 8 then ['_more']
                when drawn(seen, 'file', 10) < 4 then ['', '_more']
                else ['']
            end) as file
            from delivered
        ),

        spelt as (
            select
                {", ".join(selected)},
                case when drawn(seen, 'faulty', 5000) = 0 then drawn(seen, 'fault', {len(spoilt)}) end as fault,
                cast(extract_date as varchar) || file as part,
                hash(hash(seen, file)) as place
            from ({_DETAILS[source]}) as detailed
        ),

        final as (
            select * replace ({", ".join(spoilt)})
            from spelt
        )

        select * exclude (fault, place)
        from final
        order by part, place
    """


# What happened, a row for each that a source delivers on a day of its own: draw, the row's own number, and event_date,
# the extract that it is in when all goes well.
_EVENTS = {
    "call_segments": """
        select
            * exclude (day, starts),
            day + cast(starts / 86400 as int)
            + cast(segment_no > 1 and drawn(seed, 'late segment', 50) = 0 as int) as event_date,
            cast(day as timestamp) + to_seconds(starts) as began_at,
            hash(hash(seed, segment_no)) as draw
        from (
            select
                *,
                unnest(range(1, segments + 1)) as segment_no,
                second_of_day(seed, 'arrived') + cast((segment_no - 1) * (20 + drawn(seed, 'apart', 400)) as bigint)
                    as starts
            from (
                select
                    *,
                    case
                        when drawn(seed, 'segments', 100) < 3 then 3 when drawn(seed, 'segments', 100) < 13 then 2
                        else 1
                    end as segments,
                    ['999', '101', 'switchboard', 'other'][
                        case when drawn(seed, 'line', 100) < 52 then 1 when drawn(seed, 'line', 100) < 94 then 2
                            when drawn(seed, 'line', 100) < 97 then 3 else 4 end
                    ] as line
                from occurrences
            )
        )
    """,
    "crimes": """
        select
            * exclude (day, lag),
            day + cast(lag as int) as event_date,
            hash(hash(seed, state)) as draw
        from (
            select
                *,
                unnest(
                    [0]
                    || case when drawn(seed, 'updated', 100) < 14 then [1] else [] end
                    || case when is_cancelled then [2] else [] end
                    || case when is_reinstated then [3] else [] end
                ) as state,
                case state when 0 then 0 when 1 then update_lag when 2 then cancel_lag else reinstate_lag end as lag
            from (
                select
                    *,
                    day as recorded_date,
                    1 + drawn(seed, 'update lag', 40) as update_lag,
                    drawn(seed, 'cancelled', 1000) < 32 as is_cancelled,
                    1 + skewed(seed, 'cancel lag', 100) as cancel_lag,
                    is_cancelled and drawn(seed, 'reinstated', 12) = 0 as is_reinstated,
                    1 + cancel_lag + drawn(seed, 'reinstate lag', 14) as reinstate_lag
                from occurrences
            )
        )
    """,
    "digital_contacts": "select force_code, seed as draw, day as event_date from occurrences",
    "live_chats": "select force_code, seed as draw, day as event_date from occurrences",
    "online_crime_reports": "select force_code, seed as draw, day as event_date from occurrences",
}

# Everything that a row says, typed; from `placed`.
_DETAILS = {
    "call_segments": """
        select
            *,
            case
                when version >= 1 and change = 1 and disposed = 'answered' then 'disconnected'
                when version >= 1 and change = 1 then 'answered'
                else disposed
            end as disposition,
            case
                when disposition in ('answered', 'transferred')
                    then cast((80 + skewed(draw, 'talk', 24000)) / 10.0 as decimal(9, 1))
            end + case when change > 1 then 30 + change else 0 end as talk_seconds,
            case
                when not is_taken and segment_no = segments
                    and drawn(draw, 'called back', 100) < case line when '999' then 94 else 7 end
                    then on_the_clock(arrived_at + to_seconds(
                        queue_seconds + 30 + drawn(draw, 'delay', 1800)
                        + case when drawn(draw, 'called back', 100) < 3 then 43200 else 0 end
                    ), 1)
            end as called_back_at
        from (
            select
                *,
                on_the_clock(began_at - moved, draw) as arrived_at,
                drawn(seed, 'taken', 100) < case line when '999' then 98 when '101' then 62 else 93 end as is_taken,
                case
                    when segment_no = segments and is_taken then 'answered'
                    when segment_no = segments and drawn(draw, 'cut off', 100) < 3 then 'disconnected'
                    when segment_no = segments then 'abandoned'
                    when is_taken and drawn(draw, 'way', 5) = 0 then 'answered'
                    when drawn(draw, 'way', 5) = 1 then 'transferred'
                    else 'overflow'
                end as disposed,
                cast(case
                    when line = '999' and drawn(draw, 'waits', 5) > 0 then 1 + drawn(draw, 'queue', 9)
                    when line = '999' then 8 + skewed(draw, 'queue', 400)
                    else skewed(draw, 'queue', 2400)
                end + case when version = 1 then 1 else 0 end as bigint) as queue_seconds
            from placed
        )
    """,
    "crimes": """
        select
            *,
            recorded_on - moved as recorded_at,
            case state
                when 0 then least(
                    on_the_clock(recorded_on + to_seconds(drawn(draw, 'entered', 600)), 1),
                    cast(recorded_date as timestamp) + interval 86399 second
                )
                else cast(event_date as timestamp) + to_seconds(office_second(draw, 'updated'))
            end as updated_at,
            case
                when state = 2 or state = 1 and is_cancelled and update_lag > cancel_lag
                    and not (is_reinstated and update_lag > reinstate_lag) then 'cancelled'
                else 'recorded'
            end as status,
            case
                when status = 'cancelled' or state = 3 and drawn(draw, 'keeps', 2) = 0
                    then cast(recorded_date as timestamp) + to_days(cast(cancel_lag as int))
                        + to_seconds(office_second(hash(hash(seed, 2)), 'updated'))
            end as cancelled_at,
            case
                when cancelled_at is not null
                    then ['C1', 'C2', 'C2', 'C3', 'C3', 'C4', 'C4', 'C1', 'C2', 'C3', 'C4', 'C5', null][
                        1 + drawn(hash(seed, change % 2), 'code', 13)]
            end as cancel_code
        from (
            select
                *,
                on_the_clock(cast(recorded_date as timestamp) + to_seconds(second_of_day(seed, 'recorded')), seed)
                    as recorded_on
            from placed
        )
    """,
    "digital_contacts": """
        select
            *,
            on_the_clock(cast(event_date as timestamp) + to_seconds(second_of_day(draw, 'received')) - moved, draw)
                as received_at,
            (drawn(draw, 'partner', 1000) < 22) <> (change = 1) as from_partner_force
        from placed
    """,
    "live_chats": """
        select
            *,
            case
                when drawn(draw, 'accepted', 1000) >= 65
                    then on_the_clock(requested_at + to_seconds(cast(3 + skewed(draw, 'wait', 240) as bigint)), 1)
            end as accepted_at,
            on_the_clock(
                coalesce(accepted_at, requested_at)
                + to_seconds(cast(40 + skewed(draw, 'length', 2800) as bigint)), 1
            ) as ended_at
        from (
            select
                *,
                on_the_clock(cast(event_date as timestamp) + to_seconds(second_of_day(draw, 'requested')) - moved, draw)
                    as requested_at
            from placed
        )
    """,
    "online_crime_reports": """
        select
            *,
            cast(event_date as timestamp) + to_seconds(second_of_day(draw, 'submitted')) - moved as began_at,
            on_the_clock(began_at, draw) as submitted_at
        from placed
    """,
}

# The cells of a row as text, by column.
_CELLS = {
    "call_segments": {
        "call_id": "to_hex(hash(seed, 'id'))",
        "segment_no": "cast(segment_no as varchar)",
        "line": "line",
        "arrived_at": "cast(arrived_at as varchar)",
        "utc_offset_minutes": """case
            when drawn(draw, 'offset', 50) > 0 then cast(utc_offset(arrived_at, draw) as varchar)
            else no_value(draw, 'offset word')
        end""",
        "queue_seconds": "cast(queue_seconds as varchar)",
        "disposition": "disposition",
        "talk_seconds": "cell(talk_seconds, draw, 'talk word')",
        "called_back_at": "cell(called_back_at, draw, 'back word')",
        # The shift of the hour: 40 of 300 operators.
        "operator_id": """cell(case
            when disposition in ('answered', 'transferred')
                then 'OP' || lpad(cast((
                    hour(arrived_at) // 8 * 100 + dayofweek(arrived_at) * 10 + drawn(draw, 'operator', 40)
                ) % 300 as varchar), 4, '0')
        end, draw, 'operator word')""",
        # Withheld by 8%; the others call 1.3 times a day, and come from 400,000 people.
        "caller_number": """cell(case
            when drawn(seed, 'withheld', 100) >= 8
                then caller(cast(began_at as date), force_code, drawn(seed, 'caller', 4000))
        end, draw, 'caller word')""",
    },
    "crimes": {
        "crime_ref": "'46/' || to_hex(hash(seed, 'id'))",
        "updated_at": "cast(updated_at as varchar)",
        "recorded_at": "cast(recorded_at as varchar)",
        "offence_code": """[
            '8N', '8N', '105A', '105A', '8L', '8R', '8Q', '30C', '28E', '34B', '39', '44', '45', '46', '49', '49',
            '58A', '58B', '58C', '58D', '9A', '92E', '10D', '126'
        ][1 + drawn(case when change = 2 then draw else seed end, 'offence', 24)]""",
        "status": "status",
        "cancelled_at": "cell(cancelled_at, draw, 'cancelled word')",
        "cancel_code": "cell(cancel_code, draw, 'code word')",
        "report_channel": """cell([
            '999', '999', '999', '101', '101', '101', 'online', 'online', 'live_chat', 'front_counter', 'officer',
            'other', null
        ][1 + drawn(seed, 'channel', 13)], draw, 'channel word')""",
        "district": """cell(case
            when drawn(draw, 'district gap', 250) > 0
                then 'District ' || chr(65 + cast(
                    drawn(seed, 'district' || case when change = 2 then 0 else change end, 13) as int
                ))
        end, draw, 'district word')""",
    },
    "digital_contacts": {
        "contact_id": "to_hex(hash(draw, 'id'))",
        "contact_type": """case
            when change > 1 then ['other', 'email', 'contact_form', 'asb_report'][cast(change as int) - 1]
            else [
                'online_crime_report', 'online_crime_report', 'online_crime_report', 'online_crime_report',
                'live_chat', 'live_chat', 'live_chat', 'live_chat', 'live_chat', 'email', 'email', 'email', 'email',
                'contact_form', 'contact_form', 'asb_report', 'asb_report', 'road_traffic_report', 'social_media',
                'missing_person_report', 'sexual_offence_report', 'rural_crime_report', 'other'
            ][1 + drawn(draw, 'type', 23)]
        end""",
        "received_at": "cast(received_at as varchar)",
        "from_partner_force": "flag(from_partner_force, draw, 'partner word')",
        "is_test": "flag(drawn(draw, 'test', 1000) < 4, draw, 'test word')",
        # A fifth refers to a crime, a twentieth to somebody who also calls.
        "linked_reference": """cell(case
            when drawn(draw, 'linked', 20) < 4 then '46/' || to_hex(hash(draw, 'crime'))
            when drawn(draw, 'linked', 20) = 4
                then caller(event_date, force_code, drawn(draw, 'caller', 4000))
        end, draw, 'linked word')""",
    },
    "live_chats": {
        "chat_id": "to_hex(hash(draw, 'id'))",
        "requested_at": "cast(requested_at as varchar)",
        "accepted_at": "cell(accepted_at, draw, 'accepted word')",
        "ended_at": "cast(ended_at as varchar)",
        # Four of 60 operators in each turn of eight hours.
        "operator_id": """cell(case
            when accepted_at is not null
                then 'OP-' || cast(1000 + (
                    dayofyear(requested_at) * 12 + hour(requested_at) // 8 * 4 + drawn(draw, 'operator', 4)
                ) % 60 as varchar)
        end, draw, 'operator word')""",
        "topic": """cell(case
            when change > 1 then ['other', 'asb', 'crime', 'domestic_abuse'][cast(change as int) - 1]
            else [
                'general', 'general', 'general', 'crime', 'crime', 'asb', 'domestic_abuse', 'missing_person', 'other',
                null
            ][1 + drawn(draw, 'topic', 10)]
        end, draw, 'topic word')""",
        "created_incident": "flag((drawn(draw, 'incident', 100) < 11) <> (change = 1), draw, 'incident word')",
    },
    "online_crime_reports": {
        "submission_id": "to_hex(hash(draw, 'id'))",
        "service": """['report_a_crime', 'report_a_crime', 'report_a_crime', 'report_a_crime', 'report_a_crime',
            'report_a_crime', 'report_a_crime', 'report_a_crime', 'missing_person', 'sexual_offence', 'rural_crime'][
            1 + (drawn(draw, 'service', 11) + case when change > 0 then 7 + change % 3 else 0 end) % 11]""",
        # Cells of the hour before a form was sent, unless the clock change lies between.
        "started_at": """cell(case
            when drawn(draw, 'started', 20) > 0 and not (month(began_at) = 3 and hour(submitted_at) < 5)
                then submitted_at - to_seconds(cast(60 + skewed(draw, 'filling', 3600) as bigint))
        end, draw, 'started word')""",
        "submitted_at": "cast(submitted_at as varchar)",
        "duplicate_of": """cell(
            case when drawn(draw, 'repeats', 50) = 0 then to_hex(hash(draw, 'repeated')) end, draw, 'repeat word'
        )""",
        "crime_ref": """cell(
            case when drawn(draw, 'crime', 10) < 3 then '46/' || to_hex(hash(draw, 'crime ref')) end, draw, 'crime word'
        )""",
    },
}

# Faulty cells: column and the SQL of a text that cannot be what it has to be. The expression may use other cells.
_FAULTS = {
    "call_segments": {
        "line": "'112'",
        "arrived_at": "'31/09/2022 25:10'",
        "queue_seconds": "'-12'",
        "disposition": "null",
        "talk_seconds": "'n/k'",
        "segment_no": "'0'",
        "called_back_at": "'2001-01-01 00:00:00'",
        "utc_offset_minutes": "'90'",
    },
    "crimes": {
        "offence_code": "null",
        "status": "'pending'",
        "report_channel": "'pigeon'",
        "recorded_at": "'yesterday'",
        "cancelled_at": "'2001-01-01 00:00:00'",
        "updated_at": "substr(recorded_at, 1, 10)",
    },
    "digital_contacts": {
        "contact_type": "'fax'",
        "received_at": "'2022-13-41T10:00:00'",
        "from_partner_force": "'maybe'",
        "contact_id": "null",
    },
    "live_chats": {
        "requested_at": "null",
        "topic": "'weather'",
        "created_incident": "'perhaps'",
        "ended_at": "'2001-01-01 00:00:00'",
    },
    "online_crime_reports": {
        "service": "'report_crime'",
        "submitted_at": "null",
        "started_at": "'2099-01-01 00:00:00'",
        "submission_id": "'NULL'",
    },
}


def main() -> None:
    """Write the extracts of a size, or of a night after them, and say how many files."""
    parser = ArgumentParser(prog="python -m tests.long.benchmark.data", description=write_extracts.__doc__)
    parser.add_argument("size", choices=SIZES)
    parser.add_argument("landing", type=Path)
    parser.add_argument("--night", type=int, help="only the files of that day after the size's own")
    asked = parser.parse_args()
    extent = extent_of(asked.size)
    files = write_night(asked.landing, extent, asked.night) if asked.night else write_extracts(asked.landing, extent)
    sys.stdout.write(f"{files:,} files\n")


if __name__ == "__main__":
    main()
