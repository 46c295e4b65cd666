"""Deliveries with all that can go wrong in a week, and a person in every personal column. No tests here."""

from __future__ import annotations

from datetime import date, timedelta

import xlsxwriter

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

# Texts about people where no person is expected; none of them is an identifier.
_FILES = ("J SMITH 02-03-80", "for Mrs Quillfeather", "note of Zebedee")
_COLUMNS = ("Ann Quarrie 01/02/80", "14 Mill Lane, Ashford", "rang Mr Okonkwo", "![seen](https://e.example/b.png)")
_SHEETS = ("Interview P Dunmore", "K Ferrars")
_CONTACTS = ("O BRIEN 03/04/81", "07700.900.321", "SMYTHE-07700-900-322", "of j.quill@example.org", "AB-12-34-56-C")
_CRIMES = (("Robbery of L Tan", "Ashford"), ("8N", "Mr Ghorbani"), ("8N", "12 Hythe Road"), ("8N", "01632 960123"))
_CHATS = ("+44 (0)7700 900324", "Wetherby", "7700 900 325")
TOLD = (*_FILES, *_COLUMNS, *_SHEETS, *_CONTACTS, *_CHATS, "Robbery of L Tan", *(text for _, text in _CRIMES[1:]))
"""Personal texts in names of files, columns and sheets, and in cells of columns that are not personal."""

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
    (root.home / "landing" / "call_segments" / f"{_FILES[2]}.txt").write_text("", encoding="utf-8")
    _land_personal_texts(root)
    (root.home / "landing" / "call_segments" / f"notes about {PERSON}.txt").write_text("", encoding="utf-8")


def _land_personal_texts(root: DataRoot) -> None:
    """Deliver personal texts in columns that are not personal, in files of the last day."""
    day = DAYS[-1]
    contacts = [f"{_quoted(text)},email,{day}T15:00:00," for text in _CONTACTS]
    root.land(f"digital_contacts_{day}_{_FILES[1]}.csv", _HEADERS["digital_contacts"], *contacts)
    crimes = [
        f"46/99{n}/22,{day}T08:00:00,{day}T07:00:00,{a},recorded,{_quoted(b)}" for n, (a, b) in enumerate(_CRIMES)
    ]
    root.land(f"crimes_{day}_late.csv", f"{_HEADERS['crimes']},district", *crimes)
    with xlsxwriter.Workbook(str(root.home / "landing" / "live_chats" / f"live_chats_{day}_{_FILES[1]}.xlsx")) as book:
        sheet = book.add_worksheet(_SHEETS[0])
        sheet.write_row(0, 0, _HEADERS["live_chats"].split(","))
        for row, text in enumerate(_CHATS, 1):
            sheet.write_row(row, 0, [text, f"{day}T12:00:00", "", f"{day}T12:10:00", OPERATOR])
        book.add_worksheet(_SHEETS[1])


def _quoted(text: str) -> str:
    return f'"{text}"'


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
        name = f"call_segments_{day}_{_FILES[0]}.csv"
    if day == CORRECTED:
        header, rows = (
            ",".join([header, *map(_quoted, _COLUMNS), PERSON]),
            [row + "," * (len(_COLUMNS) + 1) for row in rows],
        )
    root.land(name, header, *rows)
