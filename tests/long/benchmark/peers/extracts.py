"""What the scripts know of the extracts beside their columns: closed lists, words for nothing, files, pseudonyms."""

from __future__ import annotations

import hmac
from datetime import date
from pathlib import Path

from tests.long.benchmark.peers.arguments import Asked

NULL_WORDS = ["", "NULL", "N/A", "-", "#N/A", "#DIV/0!", "-9999"]
BOOLEANS = {"y": True, "yes": True, "true": True, "1": True, "n": False, "no": False, "false": False, "0": False}
ORIGIN = ["extract_date", "load_id", "source_row"]
LINES = ["999", "101", "switchboard", "other"]
DISPOSITIONS = ["answered", "abandoned", "transferred", "overflow", "disconnected"]
CONTACT_TYPES = [
    *("online_crime_report", "live_chat", "asb_report", "road_traffic_report", "missing_person_report"),
    *("sexual_offence_report", "rural_crime_report", "contact_form", "email", "social_media", "other"),
]
TOPICS = ["general", "crime", "asb", "domestic_abuse", "missing_person", "other"]
CANCEL_CODES = ["C1", "C2", "C3", "C4", "C5"]
CHANNELS = ["999", "101", "online", "live_chat", "front_counter", "officer", "other"]
SERVICES = ["report_a_crime", "missing_person", "sexual_offence", "rural_crime"]


def files_of(asked: Asked, source: str) -> list[Path]:
    """Files of a source by day and name; their places are the numbers of the loads."""
    return sorted((asked.landing / source).iterdir(), key=lambda file: (day_of(file, source), file.name))


def day_of(file: Path, source: str) -> date:
    """The day that a file is of, by its name."""
    return date.fromisoformat(file.name[len(source) + 1 : len(source) + 11])


def pseudonym(secret: bytes, value: str) -> str:
    """HMAC-SHA-256 of a personal value, 32 hexadecimal digits."""
    return hmac.digest(secret, value.encode(), "sha256").hex()[:32]
