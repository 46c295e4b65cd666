"""A landing folder with a few rows a day."""

from datetime import date, timedelta
from pathlib import Path

HEADERS = {
    "call_segments": "call_id,segment_no,line,arrived_at,queue_seconds,disposition,talk_seconds,caller_number",
    "digital_contacts": "contact_id,contact_type,received_at",
    "online_crime_reports": "submission_id,service,started_at,submitted_at",
    "live_chats": "chat_id,requested_at,accepted_at,ended_at,operator_id",
    "crimes": "crime_ref,updated_at,recorded_at,offence_code,status",
    "published_figures": "report_id,published_on,section,measure,unit,month,published_value",
    "published_statements": "report_id,statement_id,test_no,kind,section,statement,measure,comparison,first_month,"
    "last_month",
    "national_call_answering": "month,force_code,calls,mean_answer_seconds,pct_under_10s,pct_10_to_60s,pct_over_60s",
}
FIRST = date(2022, 10, 28)
DAYS = [FIRST + timedelta(days=n) for n in range(4)]
REJECTED = DAYS[2]
"""Day on which call_segments lacks a required column."""
MISSING = DAYS[1]
"""Day without a delivery of crimes."""
CALLER = "07700900123"
"""A personal value that must not show anywhere."""
FAULTY_LINE = 4
"""Line of the first day's call_segments that has no readable time."""


def write(landing: Path) -> None:
    """Write four days of every daily source and one paper with a figure and a claim, and a national table.

    The third day of call_segments is rejected, one row of its first day is quarantined and breaks no limit, one row of
    its second day fails an expectation that only warns, and the second day of crimes never comes.
    """
    for day in DAYS:
        _calls(landing, day)
        kinds = enumerate(("email", "live_chat", "asb_report"))
        rows_of = {
            "digital_contacts": [f"D{day:%d}-{n},{kind},{day}T1{n}:00:00" for n, kind in kinds],
            "online_crime_reports": [f"S{day:%d},report_a_crime,{day}T09:00:00,{day}T09:20:00"],
            "live_chats": [f"L{day:%d},{day}T12:00:00,{day}T12:01:00,{day}T12:10:00,OP7"],
            "crimes": [f"46/{day:%d}/22,{day}T08:00:00,{day}T07:00:00,8N,recorded"],
        }
        for source, rows in rows_of.items():
            if (source, day) != ("crimes", MISSING):
                _save(landing, source, day, HEADERS[source], rows)
    paper = {
        "published_figures": f"paper,{DAYS[3]},calls_999,received,count,2022-10,11",
        "published_statements": "paper,C1,1,claim,calls_999,demand rises,calls_999.received,rises,2022-09,2022-10",
    }
    for source, row in paper.items():
        _save(landing, source, DAYS[3], HEADERS[source], [row])
    answering = [f"2022-10,{force},{calls},9.5,80,18,2" for force, calls in (("kent", 11), ("essex", 9))]
    _save(landing, "national_call_answering", DAYS[3], HEADERS["national_call_answering"], answering)


def _calls(landing: Path, day: date) -> None:
    header = HEADERS["call_segments"]
    rows = [f"C{day:%d}-{n},1,999,{day}T1{n}:00:00,5,answered,60,{CALLER}" for n in range(3)]
    if day == DAYS[0]:
        rows.insert(FAULTY_LINE - 2, f"C{day:%d}-9,1,999,soon,5,answered,60,{CALLER}")
    if day == DAYS[1]:
        # Longer in the queue than two hours: a warning, with the row.
        rows.append(f"C{day:%d}-8,1,999,{day}T15:00:00,9000,answered,60,{CALLER}")
    if day == REJECTED:
        header, rows = header.replace(",disposition", ""), [row.replace(",answered", "") for row in rows]
    _save(landing, "call_segments", day, header, rows)


def _save(landing: Path, source: str, day: date, header: str, rows: list[str]) -> None:
    folder = landing / source
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{source}_{day}.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
