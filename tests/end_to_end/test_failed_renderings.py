"""Failed renderings are left out, reported and not linked; everything else is published, inside the data root."""

from __future__ import annotations

import csv
import json
import re
import shutil
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from dagster_project.publication import forms
from dagster_project.publication.publish import publish
from dagster_project.publication.site import frame, measure_pages, pages
from dagster_project.publication.spreadsheet import neutralised
from dagster_project.settings import Settings
from dagster_project.transformation.project import ensure_manifest, marts_of, read_manifest
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.lock import writer_lock
from dagster_project.warehouse.marts import note_written
from tests.end_to_end.command import Command

sys.path.insert(0, str(Path(__file__).parents[1] / "publication"))

import failing_renderers

from tests.publication.payloads import FORMULAS, UNSAFE_NAMES

# DuckDB accepts no surrogate, and no table has a row without a name.
REFUSED = [name for name in UNSAFE_NAMES if name and "\ud800" not in name]
# Valid file names that are formulas, or have characters of URLs.
ACCEPTED = ["=1+1", "\N{GRINNING FACE}'s \u4e2d\u6587", "a&b#c%d"]

FORCE_MARTS = ("report_months", "kpi_measure_period", "kpi_measure_spc_as_of", "kpi_measure_spc", "kpi_calls_hourly")
# The month that a publication of `undisturbed` shows first; it has November too.
MONTH = "2022-10"


def copy_of(published: Command, folder: Path) -> Command:
    """A copy of a data root, with nothing beside it but what a rendering would write there."""
    shutil.copytree(published.home, folder / "root" / "home", symlinks=True)
    return Command(folder / "root" / "home")


@pytest.fixture
def command(undisturbed, tmp_path):
    return copy_of(undisturbed, tmp_path)


def change(command: Command, *statements: tuple[str, list[object]]) -> None:
    """Change the marts as a build of other extracts could."""
    with loading_connection(command.home / "warehouse.duckdb") as connection:
        for statement, values in statements:
            connection.execute(statement, values)
        note_written(connection)


def add_force(name: str) -> list[tuple[str, list[object]]]:
    """Return statements that copy the figures of the month from Kent to a force of this code and name."""
    month = f"month_start = date '{MONTH}-01'"
    copies = [
        f"insert into marts.{mart} by name select * replace (? as force_code) from marts.{mart} "  # noqa: S608
        f"where force_code = 'kent' and {'true' if mart == 'kpi_calls_hourly' else month}"
        for mart in FORCE_MARTS
    ]
    named = (
        "insert into marts.dim_force by name select * replace (? as force_code, ? as force_name) "
        "from marts.dim_force where force_code = 'kent'"
    )
    return [*((copy, [name]) for copy in copies), (named, [name, f"{name} Police"])]


def manifest(command: Command) -> dict:
    return json.loads((command.current / "manifest.json").read_text(encoding="utf-8"))


def failed(command: Command) -> dict[str, str]:
    return {item["path"]: item["reason"] for item in manifest(command)["failed"]}


def broken_links(command: Command) -> list[str]:
    """Return links of pages and of the search that lead to no file."""
    root = command.current.resolve()
    broken = []
    for page in root.rglob("*.html"):
        if page.name == "lineage.html":
            continue
        for link in re.findall(r'\b(?:href|src)="([^"]*)"', page.read_text(encoding="utf-8")):
            parts = urlsplit(link)
            if parts.scheme != "data" and parts.path and not (page.parent / unquote(parts.path)).exists():
                broken.append(f"{page.relative_to(root)}: {link}")
    index = (root / "assets" / "search-index.js").read_text(encoding="utf-8")
    for address, *_ in json.loads(index.removeprefix("window.FCIR_PAGES=").rstrip(";\n")):
        if not (root / unquote(urlsplit(address).path)).is_file():
            broken.append(f"search: {address}")
    return broken


def files_outside(command: Command) -> set[str]:
    """Return the names next to the data root."""
    return {path.name for path in command.home.parent.iterdir()} - {"home"}


def test_unsafe_force_names_fail_alone(command):
    change(command, *(statement for name in [*REFUSED, *ACCEPTED] for statement in add_force(name)))
    change(
        command, ("update marts.load_audit set file_name = ?, reason = ?", ["<script>alert(1)</script>", FORMULAS[0]])
    )
    done = command.run("publish")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "is left out" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert command.damage() == []
    assert files_outside(command) == set()
    found = failed(command)
    assert len([path for path in found if path.startswith("papers/")]) == len(REFUSED)
    forces = {path.parent.name for path in command.current.glob(f"papers/*/{MONTH}")}
    assert forces == {"kent", *ACCEPTED}
    assert broken_links(command) == []
    for page in command.current.resolve().rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert "Content-Security-Policy" in text
        assert "<script>alert" not in text
        assert not re.search(r'(href|src)="\s*(javascript|data:text)', text, re.IGNORECASE)
    for file in command.current.resolve().rglob("*.csv"):
        with file.open(encoding="utf-8", newline="") as rows:
            assert all(neutralised(cell) == cell for row in csv.reader(rows) for cell in row)
    # All three forms of the papers of forces with odd but possible names.
    for name in ACCEPTED:
        assert (command.current / "papers" / name / MONTH / "board_paper.pdf").is_file()


def test_extreme_values_and_emoji_fail_no_rendering(sample, tmp_path):
    # Six months, so that every chart has axes.
    command = copy_of(sample, tmp_path)
    commentary = command.home / "commentary" / "kent"
    commentary.mkdir(parents=True)
    (commentary / "2023-01.md").write_text(
        "Busy \N{GRINNING FACE} \u4e2d\u6587 \u0627\u0644 e\u0301 \x00\x1b \uffff &#xD800; \u202eabc\n",
        encoding="utf-8",
    )
    (commentary / "2022-12.md").write_bytes(b"\xff\xfea\x00")
    (commentary / "2022-11.md").mkdir()
    (commentary / "2022-10.md").symlink_to("/etc/passwd")
    value = 7_700_900_123
    change(
        command,
        *(
            (f"update marts.{mart} set value = ? where measure = ?", [value, measure])  # noqa: S608
            for mart in ("kpi_measure_period", "kpi_measure_spc", "kpi_measure_spc_as_of")
            for measure in ("calls_999.avg_queue_time", "calls_101.received", "calls_101.pct_not_answered")
        ),
    )
    done = command.run("publish")
    assert done.returncode == 0, done.stdout + done.stderr
    assert failed(command) == {}
    assert f"in {commentary / '2023-01.md'}" in done.stdout
    assert "\N{GRINNING FACE}" not in done.stdout
    for month, fault in (("2022-12", "not UTF-8"), ("2022-11", "cannot be read"), ("2022-10", "is a link")):
        assert re.search(rf"warning: {commentary / month}.md: .*{fault}", done.stdout)
    page = (command.current / "board_paper.html").read_text(encoding="utf-8")
    assert "Busy \N{GRINNING FACE} \u4e2d\u6587" in page
    assert "\u202e" not in page
    for drawing in re.findall(r'<svg[^>]*class="marks".*?</svg>', page, re.DOTALL):
        assert 4 <= drawing.count("<text") <= 12 + 12


@pytest.fixture
def republish(command):
    """Publish in this process, with ten seconds for each rendering; the manifest's failed renderings."""

    def republish() -> dict[str, str]:
        settings = Settings(home=command.home, _env_file=None)
        marts = marts_of(read_manifest(ensure_manifest(settings)))
        with writer_lock(settings.lock_file):
            publication = publish(settings, marts, run_id="test", time_limit=10)
        assert list(publication.failed) == manifest(command)["failed"]
        return failed(command)

    return republish


def test_failed_renderings_are_left_out_and_retried(command, republish, monkeypatch):
    # Nothing is taken over, so that all is rendered.
    (command.current / "index.html").touch()
    monkeypatch.setattr(forms, "pdf", failing_renderers.hang)
    monkeypatch.setattr(forms, "render_workbook", failing_renderers.abort)
    monkeypatch.setattr(pages, "explorer_page", failing_renderers.refuse)
    monkeypatch.setattr(measure_pages, "history_csv", failing_renderers.refuse)
    found = republish()
    folders = sorted(path.relative_to(command.current).as_posix() for path in command.current.glob("papers/*/*"))
    assert folders == ["papers/kent/2022-10", "papers/kent/2022-11"]
    paper_failures = {path: found.pop(path) for path in list(found) if path.startswith("papers/")}
    assert set(paper_failures) == {f"{place}/board_paper.{form}" for place in folders for form in ("pdf", "xlsx")}
    assert {reason for path, reason in paper_failures.items() if path.endswith("xlsx")} == {
        "its process ended (SIGABRT)"
    }
    # The one that is rendered first; those after it have less time.
    assert "it took longer than 10 seconds" in paper_failures.values()
    assert found.pop("explorer.html") == "rendering it failed (ValueError)"
    measures = {path.name for path in command.current.glob("measures/*/*.html") if ".trace." not in path.name}
    assert len(found) == len(measures)
    assert set(found.values()) == {"rendering it failed (ValueError)"}
    assert command.damage() == []
    assert (command.current / "board_paper.html").is_file()
    assert not (command.current / "board_paper.pdf").exists()
    assert broken_links(command) == []
    # The command says so although nothing is new.
    for verb in ("run", "status"):
        result = command.run(verb)
        assert result.returncode == 1, result.stdout
        assert "explorer.html was left out" in result.stdout
        assert "fcir publish" in result.stdout
    monkeypatch.undo()
    assert republish() == {}
    assert (command.current / "board_paper.pdf").is_file()
    assert broken_links(command) == []
    assert command.run("run").returncode == 0


def test_failed_front_page_is_not_linked(command, republish, monkeypatch):
    (command.current / "index.html").touch()
    monkeypatch.setattr(frame, "site_page", failing_renderers.refuse_front_page)
    assert republish() == {"index.html": "rendering it failed (ValueError)"}
    assert not (command.current / "index.html").exists()
    assert broken_links(command) == []
    assert "explorer.html" in (command.current / "cookbook.html").read_text(encoding="utf-8")
