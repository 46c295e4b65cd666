"""Two public editions of a small force, with corrections between them, and a solver that attacks both."""

from __future__ import annotations

import json
import random
import re
import shutil
import zipfile
from collections.abc import Iterator
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from dagster_project.contracts import load_contracts
from dagster_project.loading import pipeline
from dagster_project.loading.pipeline import load_source
from dagster_project.loading.plan import Range
from dagster_project.publication import public_edition
from dagster_project.publication.pointer import point_to
from dagster_project.publication.public_edition import EditionRefused, publish_public
from dagster_project.publication.publish import GateClosed
from dagster_project.settings import CONTRACTS, Settings
from dagster_project.transformation.project import ensure_manifest, marts_of, read_manifest
from dagster_project.validation import ValidationResult
from dagster_project.warehouse.connection import loading_connection
from tests.build_steps import build_all
from tests.end_to_end.command import Command
from tests.publication.public_attacker import (
    Assumption,
    attack_of,
    controlled,
    learnt,
    rows_of,
    small_counts,
    true_counts,
)

HEADERS = {
    "call_segments": "call_id,segment_no,line,arrived_at,queue_seconds,disposition,talk_seconds,caller_number",
    "crimes": "crime_ref,updated_at,recorded_at,offence_code,status,cancelled_at,cancel_code,district",
    "digital_contacts": "contact_id,contact_type,received_at",
    "online_crime_reports": "submission_id,service,submitted_at",
}
DISTRICTS = ["North", "South", "East", "West", "Mid", "Isle"]
CODES = ["C1", "C2", "C3", "C4", "C5"]
OFFENCES = ["8N", "105A", "49", "46", "58A", "9A"]
DAYS_BEFORE = [0] * 30 + [3] * 15 + [20] * 10 + [40] * 2 + [100]
TYPES = ["email", "asb_report", "contact_form", "sexual_offence_report", "missing_person_report", "other"]
SERVICES = ["report_a_crime", "missing_person", "sexual_offence", "rural_crime"]


class Force:
    """A data root with made-up extracts of every source that has tables below force level."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings(home=home, _env_file=None, quiet_seconds=0)
        self.command = Command(home)
        self._draw = random.Random(5)
        self._runs = 0

    @property
    def marts(self):
        return marts_of(read_manifest(ensure_manifest(self.settings)))

    def land(self, first: str, last: str) -> None:
        """Write extracts of some days, replacing existing ones."""
        days = (date.fromisoformat(last) - date.fromisoformat(first)).days + 1
        for day in (str(date.fromisoformat(first) + timedelta(days=n)) for n in range(days)):
            for source, rows in self._rows(day).items():
                path = self.settings.landing / source / f"{source}_{day}.csv"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("\n".join([HEADERS[source], *rows, ""]), encoding="utf-8")

    def _rows(self, day: str) -> dict[str, list[str]]:
        draw = self._draw

        def one(kinds: list[str]) -> str:
            return draw.choices(kinds, [4 ** (len(kinds) - n) for n in range(len(kinds))])[0]

        calls = []
        for n in range(draw.randrange(20, 40)):
            disposition = "abandoned" if draw.random() < 0.1 else "answered"
            talk = 60 if disposition == "answered" else ""
            at = f"{day} {draw.choice([8, 9, 17, 18, draw.randrange(24)]):02}:00"
            calls.append(f"{day}-{n},1,{draw.choice([999, 101])},{at},5,{disposition},{talk},07700 9{n:05}")
        crimes = []
        for n in range(draw.randrange(8, 16)):
            is_cancelled = draw.random() < 0.3
            state = f"cancelled,{day} 12:00,{one(CODES)}" if is_cancelled else "recorded,,"
            # Some are recorded long before they come: a month goes on changing after it was complete.
            recorded = max(date(2022, 9, 1), date.fromisoformat(day) - timedelta(days=draw.choice(DAYS_BEFORE)))
            crimes.append(f"46/{day}-{n},{day} 12:00,{recorded} 11:00,{one(OFFENCES)},{state},{one(DISTRICTS)}")
        contacts = [f"c{day}-{n},{one(TYPES)},{day} 10:00" for n in range(draw.randrange(3, 9))]
        reports = [f"r{day}-{n},{one(SERVICES)},{day} 10:00" for n in range(draw.randrange(6, 12))]
        return {"call_segments": calls, "crimes": crimes, "digital_contacts": contacts, "online_crime_reports": reports}

    def night(self) -> None:
        """Load and build without publishing."""
        self._runs += 1
        contracts = load_contracts(CONTRACTS)
        for source in HEADERS:
            report = load_source(self.settings, contracts, source, wanted=Range(), run_id=f"{self._runs:08}")
            assert (report.rejected, report.rows_quarantined) == ((), 0)
        assert all(node.is_good for node in build_all(self.settings, run_id=f"{self._runs:08}"))

    @property
    def edition(self) -> Path:
        return (self.settings.published_public / "current").resolve()


@pytest.fixture(scope="module")
def force(tmp_path_factory, parsed_project) -> Iterator[dict[str, Any]]:
    """A force after two editions: folder, true counts and command output of each."""
    small = Force(tmp_path_factory.mktemp("force") / "home")
    small.command.know_the_project(parsed_project)
    found: dict[str, Any] = {"force": small}
    commentary = small.settings.commentary / "kent"
    commentary.mkdir(parents=True)
    (commentary / "defaults.md").write_text("---\nowner: Head of Unit\nmarking: OFFICIAL\n---\n", encoding="utf-8")
    (commentary / "public.md").write_text(
        "---\ncontact: statistics@force.example\nnext release: 2023-02-16\n---\n", encoding="utf-8"
    )
    (commentary / "events.csv").write_text("date,label\n2022-10-14,Strike\n", encoding="utf-8")
    for month in ("2022-09", "2022-10", "2022-11", "2022-12"):
        (commentary / f"{month}.md").write_text("For the board alone.\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        # Expectations are not tested here.
        patch.setattr(pipeline, "count_violations", lambda *_: ())
        patch.setattr(pipeline, "validate", lambda *_, **__: ValidationResult((), "{}"))
        small.land("2022-09-01", "2022-11-30")
        small.night()
        found["first output"] = small.command.run("publish", "--edition", "public")
        (commentary / "public.md").write_text("---\nmarking: OFFICIAL\n---\n", encoding="utf-8")
        found["first"], found["first truth"] = small.edition, true_counts(small.settings.warehouse, small.marts)
        # A week of October is corrected, and December comes.
        small.land("2022-10-03", "2022-10-09")
        small.land("2022-12-01", "2022-12-31")
        small.night()
        found["second output"] = small.command.run("publish", "--edition", "public")
        found["second"], found["second truth"] = small.edition, true_counts(small.settings.warehouse, small.marts)
    return found


def test_public_edition_is_published_on_its_own(force):
    for result in (force["first output"], force["second output"]):
        assert result.returncode == 0, result.stdout + result.stderr
        assert "(public edition)" in result.stdout
    assert force["first"] != force["second"]
    assert not (force["force"].settings.published / "current").exists()


def test_edition_has_only_released_columns(force):
    released = {release.table: release.columns for mart in force["force"].marts for release in mart.releases}
    for folder in (force["first"], force["second"]):
        columns: dict[str, list[str]] = {}
        for name, column in rows_of(
            folder, "select table_name, column_name from duckdb_columns() where schema_name = 'marts' order by all"
        ):
            columns.setdefault(name, []).append(column)
        columns.pop("shown_months")
        assert columns == {name: sorted(names) for name, names in released.items()}
        for form in ("csv", "parquet"):
            assert {path.stem for path in (folder / form).iterdir()} == {*released, "shown_months"}
        assert {"README.md", "index.html", "board_paper.html", "board_paper.pdf", "manifest.json"} <= {
            path.name for path in folder.iterdir()
        }


def test_index_links_to_every_paper_and_table(force):
    folder = force["second"]
    links = set(re.findall(r'href="([^"#:]+)"', (folder / "index.html").read_text(encoding="utf-8")))
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert links <= files
    forms = {path for path in files if "/board_paper." in path or path.startswith(("board_paper.", "csv/", "parquet/"))}
    assert links == forms


def test_index_says_whom_to_ask_unless_the_file_has_a_field_for_the_board(force):
    first, second = (re.sub(r"<[^>]+>", " ", (force[name] / "index.html").read_text()) for name in ("first", "second"))
    told = re.sub(r"\s+", " ", first)
    assert "Next release 16 February 2023 Owner not stated Contact statistics@force.example Licence not stated" in told
    assert "Contact not stated" in re.sub(r"\s+", " ", second)
    output = force["second output"].stdout
    assert "public.md, line 2: no field 'marking'; known: next_release, owner, contact, licence" in output
    assert "then run: fcir publish --edition public. This edition does not say whom to ask." in output


def test_pages_of_the_edition_name_no_command_or_file_that_the_public_lacks(force):
    texts = {path: path.read_text(encoding="utf-8") for path in force["second"].rglob("*.html")}
    assert len(texts) > 2
    for word in ("fcir trace", "fcir query", "fcir run", "fcir.duckdb"):
        assert [path for path, text in texts.items() if word in text] == []


def test_nothing_that_analysts_write_for_the_board_is_public(force):
    pages = [path.read_text(encoding="utf-8") for path in force["second"].rglob("*.html")]
    office = [
        zipfile.ZipFile(path) for form in ("xlsx", "docx", "ods", "pptx") for path in force["second"].rglob(f"*.{form}")
    ]
    pages += [book.read(name).decode() for book in office for name in book.namelist() if name.endswith(".xml")]
    assert len(office) > 5
    for words in ("For the board alone", "Head of Unit", "OFFICIAL", "Exceptions", "Strike"):
        assert [page for page in pages if words in page] == [], words


def test_public_manifest_lists_files_but_no_deliveries(force):
    folder = force["second"]
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["edition"] == "public"
    assert "inputs" not in manifest
    listed = {file["path"]: file["sha256"] for file in manifest["files"]}
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - {"manifest.json"}
    assert set(listed) == there
    # Pages of the site show what disclosure control keeps private, such as cancellations by days.
    assert not {Path(path).name for path in there} & {"trust.html", "demand.html", "crime.html", "views.js"}
    assert all(sha256((folder / path).read_bytes()).hexdigest() == digest for path, digest in listed.items())


def test_edition_has_no_event_pseudonym_or_file_name(force):
    texts = [path.read_text(encoding="utf-8") for path in force["second"].rglob("*.csv")]
    for pattern in (r"\b[0-9a-f]{32}\b", r"46/2022", "07700", r"\.csv", "r2022", "c2022"):
        assert not [text for text in texts if re.search(pattern, text)], pattern


def test_counts_are_multiples_of_5_and_some_are_suppressed(force):
    for folder in (force["first"], force["second"]):
        for release in controlled(force["force"].marts):
            for count in release.counts:
                assert rows_of(
                    folder,
                    f"select count(*) from marts.{release.table} where {count} < 5 or {count} % 5 <> 0",  # noqa: S608
                ) == [(0,)]
    shown = rows_of(force["second"], "select count(*), count(cancelled_crime) from marts.kpi_crime_by_district_monthly")
    assert shown[0][0] > shown[0][1] > 0


def test_months_appear_when_the_next_is_complete_and_stay_fixed(force):
    months = "select distinct strftime(month_start, '%m'), first_edition from marts.shown_months order by all"
    first, second = force["first"].name, force["second"].name
    assert rows_of(force["first"], months) == [("09", first), ("10", first)]
    assert rows_of(force["second"], months) == [("09", first), ("10", first), ("11", second)]
    for release in controlled(force["force"].marts):
        query = f"from marts.{release.table} where month_start < date '2022-11-01' order by all"
        assert rows_of(force["first"], query) == rows_of(force["second"], query)
    # Figures of the force follow the correction.
    figures = (
        "select measure, value from marts.kpi_measure_monthly "
        "where month_start = date '2022-10-01' and measure = 'crime.recorded_crime'"
    )
    assert rows_of(force["first"], figures) != rows_of(force["second"], figures)


@pytest.mark.parametrize("assumption", Assumption)
def test_solver_over_both_editions_learns_no_small_count(force, assumption):
    editions = [(force["first"], force["first truth"]), (force["second"], force["second truth"])]
    attack, truth = attack_of(force["force"].marts, editions, assumption)
    tried = small_counts(truth, 5, at_most=40)
    counted = {name[1:3] for name in tried}
    assert counted == {
        (release.table, count) for release in controlled(force["force"].marts) for count in release.counts
    }
    assert learnt(truth, attack.solve(tried), 5) == {}


def test_edition_that_discloses_small_count_is_refused(force, monkeypatch):
    small = force["force"]
    monkeypatch.setattr(public_edition, "control", lambda counts, *_, **__: [count or None for count in counts])
    with loading_connection(small.settings.warehouse) as connection:
        connection.execute("update reference.disclosure_rules set value = 0 where rule = 'months_to_settle'")
    with pytest.raises(EditionRefused, match=r"December 2022: a cell .* Nothing was published"):
        publish_public(small.settings, small.marts, run_id="broken00")
    assert small.edition == force["second"]
    with loading_connection(small.settings.warehouse) as connection:
        connection.execute("update reference.disclosure_rules set value = 1 where rule = 'months_to_settle'")


def test_edition_is_refused_when_the_previous_is_missing(force, tmp_path):
    small = force["force"]
    away = shutil.move(force["second"], tmp_path / "away")
    with pytest.raises(EditionRefused, match="Put its folder back"):
        publish_public(small.settings, small.marts, run_id="missing0")
    shutil.move(away, force["second"])
    publication = publish_public(small.settings, small.marts, run_id="restored")
    assert publication.months_shown == 0
    shutil.rmtree(publication.folder)
    with loading_connection(small.settings.warehouse) as connection:
        connection.execute("delete from audit.public_edition where run_id = ?", [publication.run_id])
    point_to(small.settings.published_public, force["second"].name)


def test_edition_killed_before_its_pointer_counts_as_shown(force):
    small = force["force"]
    root = small.settings.published_public
    point_to(root, force["first"].name)
    publication = publish_public(small.settings, small.marts, run_id="goes-on0")
    assert publication.months_shown == 0
    assert small.edition == publication.folder


def test_edition_with_changed_columns_is_refused(force):
    small = force["force"]
    changed = [
        mart
        if mart.name != "kpi_crime_by_district_monthly"
        else type(mart)(
            mart.name,
            mart.description,
            mart.grain,
            mart.columns,
            mart.order,
            tuple(type(item)(**vars(item) | {"counts": ("recorded_crime",), "within": {}}) for item in mart.releases),
        )
        for mart in small.marts
    ]
    with pytest.raises(EditionRefused, match="cannot be shown with others"):
        publish_public(small.settings, changed, run_id="changed0")


def test_edition_is_refused_when_marts_are_outdated(force):
    small = force["force"]
    with loading_connection(small.settings.warehouse) as connection:
        connection.execute("update audit.build_started set project_fingerprint = 'another'")
    result = small.command.run("publish", "--edition", "public")
    with pytest.raises(GateClosed, match="Run: fcir run"):
        publish_public(small.settings, small.marts, run_id="gated000")
    assert result.returncode == 1
    assert "Run: fcir run" in result.stdout
    assert "No edition was published" in result.stdout


def test_unknown_edition_ends_with_2(force):
    result = force["force"].command.run("publish", "--edition", "secret")
    assert result.returncode == 2
