"""Compare the results of reading a folder of extracts with the expected ones."""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from tests.reference.drafts import SOURCES, Draft, Expectation, expectation
from tests.reference.extract_files import written

PROJECT = Path(__file__).parents[2]


@dataclass(repr=False)
class Outcome:
    """Result of reading one file."""

    draft: Draft
    expected: Expectation
    file: dict[str, Any]
    loaded: dict[int, dict[str, Any]]
    quarantined: dict[int, tuple[str, str | None]]
    delivery: dict[str, Any] | None
    quarantined_rows: int
    reasons: dict[int, str]

    @property
    def quarantine(self) -> set[tuple[int, str, str | None]]:
        """Row, reason code and column of every row that should be quarantined."""
        return {(number, *reason) for number, reason in self.expected.quarantined.items()}

    @property
    def is_conserved(self) -> bool:
        """Whether every row of the file is either loaded or quarantined, and counted."""
        if self.expected.rejected:
            return not self.loaded and not self.quarantined and self.file["rows_loaded"] == 0
        return self.file["rows_read"] == self.expected.rows_read == self.file["rows_loaded"] + self.file[
            "rows_quarantined"
        ] == len(self.loaded) + self.quarantined_rows and not set(self.loaded) & set(self.quarantined)

    def wrong(self) -> list[str]:
        """Describe every deviation; personal values are not compared here."""
        about = f"{self.draft.name} ({', '.join(self.draft.kinds)})"
        error = self.file["error"]
        if self.expected.rejected:
            is_named = error and self.file["file_name"] in error
            if is_named and any(error.endswith(f"[{code}]") for code in self.expected.rejected):
                return []
            return [f"{about}: expected to be refused for {sorted(self.expected.rejected)}, found {error}"]
        if error:
            return [f"{about}: refused: {error}"]
        found = [
            f"{about}: row {number}: expected {self.expected.quarantined.get(number, 'loaded')}, "
            f"found {self.quarantined.get(number, 'loaded' if number in self.loaded else 'nothing')}"
            for number in sorted(self._misplaced())
        ]
        found += self._wrong_values(about) + self._wrong_reasons(about)
        unknown = self.file["unknown_columns"]
        found += [
            f"{about}: column {name!r} is not named"
            for name in self.expected.unknown
            if not any(name in column for column in unknown)
        ]
        output = [warning for warning in self.file["warnings"] if "not in the contract" in warning]
        if len(output) != bool(unknown):
            found.append(f"{about}: {len(output)} warnings of {len(unknown)} unknown columns")
        delivery = self.delivery or {}
        for name in (
            "faulty_rows_over_limit",
            "rows_after_extract_date",
            "rows_outside_day",
            "superseded_rows_over_limit",
            "offset_disagreements",
        ):
            if delivery.get(name) != getattr(self.expected, name):
                found.append(f"{about}: {name}: expected {getattr(self.expected, name)}, found {delivery.get(name)}")
        return found

    def _misplaced(self) -> set[int]:
        places = set(self.expected.loaded) ^ set(self.loaded)
        both = set(self.expected.quarantined) | set(self.quarantined)
        return places | {n for n in both if self.expected.quarantined.get(n) != self.quarantined.get(n)}

    def _wrong_values(self, about: str) -> list[str]:
        personal = {name for name, spec in SOURCES[self.draft.source].items() if spec.personal}
        return [
            f"{about}: row {number}, {name}: expected {value!r:.80}, found {self.loaded[number].get(name)!r:.80}"
            for number, values in self.expected.loaded.items()
            if number in self.loaded
            for name, value in values.items()
            if name not in personal and self.loaded[number].get(name, self) != value
        ]

    def _wrong_reasons(self, about: str) -> list[str]:
        """Describe reasons that do not name the column or value, or that show a personal value."""
        found = []
        for row in self.draft.rows:
            reason, (_, column) = self.reasons.get(row.number, ""), row.verdict or ("", None)
            if column and column not in reason:
                found.append(f"{about}: row {row.number}: {column} is not in {reason!r}")
            text = str(row.cells.get(column, ""))
            if not column or not text or text == column:
                continue
            spec = SOURCES[self.draft.source].get(column)
            is_personal = (spec is not None and spec.personal) or row.verdict[0] == "looks_personal"
            # A short one may be part of the sentence.
            if is_personal and len(text) > 5 and text in reason:
                found.append(f"{about}: row {row.number}: {text!r} in {reason!r}")
            # Words alone: what of others is shown is for `tests/unit/test_cells.py`.
            is_empty = row.verdict[0] in ("required_empty", "required_when")
            is_hidden = is_personal or is_empty or "cells of the row are faulty" in reason
            if not is_hidden and re.fullmatch("[A-Za-z]{1,40}", text) and text.lower() not in reason.lower():
                found.append(f"{about}: row {row.number}: {text!r} is not in {reason!r}")
        return found


def deviations(reading: Reading) -> list[str]:
    """Describe every deviation of every file."""
    return [text for outcome in reading.outcomes for text in outcome.wrong()]


def listed(texts: list[str]) -> str:
    """The first of many sentences, one a line."""
    return "\n".join([f"{len(texts)} deviations", *texts[:40]])


def not_conserved(reading: Reading) -> list[str]:
    """Return files with a lost, doubled or uncounted row."""
    return [outcome.draft.name for outcome in reading.outcomes if not outcome.is_conserved]


@dataclass(repr=False)
class Reading:
    """Results of all files."""

    outcomes: list[Outcome]
    peak_bytes: int
    output: str
    """All text that the process wrote, and all text in what it made: warnings, reasons, loaded values."""
    pseudonyms: list[tuple[str, str | None]] = field(default_factory=list)
    """Personal value and what is stored for it."""


def read_all(drafts: list[Draft], folder: Path) -> Reading:
    """Write all drafts into a folder and read them in another process.

    Raises:
        AssertionError: the reading process failed; the message ends with what it wrote.
    """
    landing, out = folder / "landing", folder / "found.pickle"
    expected: dict[tuple[str, date], tuple[Draft, Expectation]] = {}
    for draft in drafts:
        path = landing / draft.source / draft.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(written(draft))
        expected[draft.source, draft.day] = draft, expectation(draft)
    process = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("read_extracts.py")), str(landing), str(out)],
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    output = process.stdout + process.stderr
    assert process.returncode == 0, output[-3000:]
    found = pickle.loads(out.read_bytes())  # noqa: S301 - made by our own process
    outcomes: list[Outcome] = []
    for parts in found["sources"].values():
        outcomes += _outcomes(parts, expected)
    reading = Reading(outcomes, found["peak"], output + repr(found["sources"]))
    for outcome in outcomes:
        reading.pseudonyms += _pseudonyms(outcome)
    return reading


def _outcomes(parts: dict[str, Any], expected: dict[tuple[str, date], tuple[Draft, Expectation]]) -> list[Outcome]:
    loaded: dict[int, dict[int, dict[str, Any]]] = {}
    quarantined: dict[int, dict[int, tuple[str, str | None]]] = {}
    for row in parts["tables"][None]:
        loaded.setdefault(row["load_id"], {})[row["source_row"]] = row
    for row in parts["tables"]["quarantine"]:
        reason = (row["reason_code"], row["column_name"])
        quarantined.setdefault(row["load_id"], {})[row["source_row"]] = reason
    reasons: dict[int, dict[int, str]] = {}
    for row in parts["tables"]["quarantine"]:
        reasons.setdefault(row["load_id"], {})[row["source_row"]] = row["reason"]
    counts = Counter(row["load_id"] for row in parts["tables"]["quarantine"])
    deliveries = {row["extract_date"]: row for row in parts["tables"]["deliveries"]}
    return [
        Outcome(
            *expected[file["source"], file["extract_date"]],
            file,
            loaded.get(file["load_id"], {}),
            quarantined.get(file["load_id"], {}),
            deliveries.get(file["extract_date"]),
            counts[file["load_id"]],
            reasons.get(file["load_id"], {}),
        )
        for file in parts["files"]
    ]


def _pseudonyms(outcome: Outcome) -> list[tuple[str, str | None]]:
    personal = [name for name, spec in SOURCES[outcome.draft.source].items() if spec.personal]
    return [
        (values[name], outcome.loaded[number][name])
        for number, values in outcome.expected.loaded.items()
        if number in outcome.loaded
        for name in personal
    ]
