"""Deliveries with all that can go wrong in a week, and a person in every personal column. No tests here."""

from __future__ import annotations

from datetime import date, timedelta

from tests.roots import CALLS, DataRoot

SETTINGS = {"FCIR_SITE_URL": "https://intranet.example/fcir"}
"""Of its commands."""

DAYS = [date(2022, 10, 28) + timedelta(days=n) for n in range(4)]
MISSING = DAYS[1]
"""Day without a delivery of crimes."""
REJECTED = DAYS[2]
"""Day on which call_segments lacks a required column."""
CORRECTED = DAYS[3]
"""Day whose call_segments are delivered again in the second night, with one call fewer and one later in the queue."""
FAULTY_LINE = 4
"""Line of call_segments of the first day that has no readable time; its row is quarantined."""

CALLER, OPERATOR, CRIME = "07700900123", "op-planted-77", "46/777777/22"
PERSON = "07700900321"
"""A telephone number in names and cells that are not personal: of a file, a column, a folder, a text."""
PLANTED = (CALLER, OPERATOR, CRIME, PERSON)
"""Values that may be nowhere outside the landing folder."""

PICTURE, LINK = "![seen](https:&#47;&#47;e.example&#47;a.png)", "[Sign in](https:&#47;&#47;e.example)"
"""Parts of file names that would show a picture and a link, if they were taken for Markdown."""
COLUMNS = ("![seen](https://e.example/b.png)", "[Sign in](https://e.example)", "https://e.example/c", "<b>bold</b>")
"""Names of unknown columns of call_segments on the corrected day."""

_HEADERS = {
    "call_segments": f"{CALLS},operator_id",
    "digital_contacts": "contact_id,contact_type,received_at,linked_reference",
    "online_crime_reports": "submission_id,service,started_at,submitted_at,crime_ref",
    "live_chats": "chat_id,requested_at,accepted_at,ended_at,operator_id",
    "crimes": "crime_ref,updated_at,recorded_at,offence_code,status",
    "published_figures": "report_id,published_on,section,measure,unit,month,published_value",
    "published_statements": "report_id,statement_id,test_no,kind,section,statement,measure,comparison,first_month,"
    "last_month",
    "national_call_answering": "month,force_code,calls,mean_answer_seconds,pct_under_10s,pct_10_to_60s,pct_over_60s",
}


def land_first_night(root: DataRoot) -> None:
    """Deliver four days of every daily source, one paper with a figure and a claim, and a national table."""
    for day in DAYS:
        _land_calls(root, day)
        kinds = enumerate(("email", "live_chat", "asb_report"))
        rows = {
            "digital_contacts": [f"D{day:%d}-{n},{kind},{day}T1{n}:00:00,{CALLER}" for n, kind in kinds],
            "online_crime_reports": [f"S{day:%d},report_a_crime,{day}T09:00:00,{day}T09:20:00,{CRIME}"],
            "live_chats": [f"L{day:%d},{day}T12:00:00,{day}T12:01:00,{day}T12:10:00,{OPERATOR}"],
            "crimes": [f"46/{day:%d}/22,{day}T08:00:00,{day}T07:00:00,8N,recorded"],
        }
        if day == DAYS[0]:
            rows["crimes"].append(f"{CRIME},{day}T08:00:00,{day}T07:00:00,8N,recorded")
            rows["digital_contacts"].append(f"D{day:%d}-{PERSON},email,{day}T14:00:00,")
        for source, lines in rows.items():
            if (source, day) != ("crimes", MISSING):
                root.land(f"{source}_{day}.csv", _HEADERS[source], *lines)
    last = DAYS[-1]
    figure = f"paper,{last},calls_999,received,count,2022-10,11"
    root.land(f"published_figures_{last}.csv", _HEADERS["published_figures"], figure)
    claim = "paper,C1,1,claim,calls_999,demand rises,calls_999.received,rises,2022-09,2022-10"
    root.land(f"published_statements_{last}.csv", _HEADERS["published_statements"], claim)
    answering = [f"2022-10,{force},{calls},9.5,80,18,2" for force, calls in (("kent", 11), ("essex", 9))]
    root.land(f"national_call_answering_{last}.csv", _HEADERS["national_call_answering"], *answering)
    root.land(f"bodycam_{last}.csv", "a,b")
    (root.home / "landing" / "call_segments" / f"{LINK}.txt").write_text("", encoding="utf-8")
    (root.home / "landing" / "call_segments" / f"notes about {PERSON}.txt").write_text("", encoding="utf-8")


def land_second_night(root: DataRoot) -> None:
    """Deliver one day of calls again, and a late file of another."""
    calls = [
        f"C{CORRECTED:%d}-{n},1,999,{CORRECTED}T1{n}:00:00,{50 * n},answered,60,{CALLER},{OPERATOR}" for n in (0, 1)
    ]
    root.land(f"call_segments_{CORRECTED}.csv", _HEADERS["call_segments"], *calls)
    late = f"C{DAYS[0]:%d}-7,1,101,{DAYS[0]}T20:00:00,9,abandoned,,{CALLER},"
    root.land(f"call_segments_{DAYS[0]}_late.csv", _HEADERS["call_segments"], late)


def _land_calls(root: DataRoot, day: date) -> None:
    header, name = _HEADERS["call_segments"], f"call_segments_{day}.csv"
    rows = [f"C{day:%d}-{n},1,999,{day}T1{n}:00:00,5,answered,60,{CALLER},{OPERATOR}" for n in range(3)]
    if day == DAYS[0]:
        rows.insert(FAULTY_LINE - 2, f"C{day:%d}-9,1,999,soon,5,answered,60,{CALLER},{OPERATOR}")
    if day == DAYS[1]:
        # Longer in the queue than two hours: a warning, with the row.
        rows.append(f"C{day:%d}-8,1,999,{day}T15:00:00,9000,answered,60,{CALLER},{OPERATOR}")
    if day == REJECTED:
        header, rows = header.replace(",disposition", ""), [row.replace(",answered", "") for row in rows]
        name = f"call_segments_{day}_{PICTURE}.csv"
    if day == CORRECTED:
        header, rows = ",".join([header, *COLUMNS, PERSON]), [row + "," * (len(COLUMNS) + 1) for row in rows]
    root.land(name, header, *rows)
