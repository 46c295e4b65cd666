"""A later publication takes over what has not changed, names what it could not render, and shows the right month."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from python_calamine import CalamineWorkbook

from dagster_project.publication import forms
from dagster_project.publication.publish import publish
from dagster_project.publication.site import frame, measure_pages, pages
from dagster_project.settings import Settings
from dagster_project.transformation.project import marts_of, read_manifest
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.lock import writer_lock
from dagster_project.warehouse.marts import note_written
from tests.roots import CHATS, DataRoot
from tests.unit.publication import failing_renderers

PAPERS = ("papers/kent/2022-10", "papers/kent/2022-11")
"""Of the small root; the first one is shown first."""


@pytest.fixture
def copy(three_days, tmp_path) -> DataRoot:
    """A copy of the small root, with nothing beside it but what a rendering would write there."""
    return three_days.copy(tmp_path / "alone" / "home")


def failed(root: DataRoot) -> dict[str, str]:
    manifest = json.loads((root.current / "manifest.json").read_text(encoding="utf-8"))
    return {item["path"]: item["reason"] for item in manifest["failed"]}


def dead_links(root: DataRoot) -> list[str]:
    """Links of pages and of the search that lead to no file."""
    folder = root.current.resolve()
    found = [
        (page.parent, link)
        for page in folder.rglob("*.html")
        if page.name != "lineage.html"
        for link in re.findall(r'\b(?:href|src)="([^"]*)"', page.read_text(encoding="utf-8"))
    ]
    index = (folder / "assets" / "search-index.js").read_text(encoding="utf-8")
    found += [(folder, entry[0]) for entry in json.loads(index.removeprefix("window.FCIR_PAGES=").rstrip(";\n"))]
    paths = [(at, urlsplit(link)) for at, link in found]
    return [link.path for at, link in paths if link.scheme != "data" and not (at / unquote(link.path)).exists()]


def test_papers_that_a_correction_does_not_change_are_links_to_those_before(sample, corrected):
    first, second = sorted((corrected.home / "published").glob("[0-9]*"))
    assert corrected.damage() == []
    papers = {path.parent.relative_to(second).as_posix(): path for path in second.glob("papers/*/*/board_paper.pdf")}
    taken_over = {name for name, path in papers.items() if path.samefile(first / name / "board_paper.pdf")}
    # An e-mail of Kent in September, and crimes of both forces in October; a paper shows six months.
    assert taken_over == {
        f"papers/{place}" for place in ("kent/2022-08", "city-of-london/2022-08", "city-of-london/2022-09")
    }
    assert (second / "assets" / "vega.js").samefile(first / "assets" / "vega.js")
    # The publication before stays what it was, and the new one says what has changed since.
    assert (first / "fcir.duckdb").read_bytes() == (sample.current / "fcir.duckdb").read_bytes()
    changed = corrected.published(
        "select distinct cast(month_start as varchar), cause from marts.revisions where force_code = 'kent' "
        "and measure in ('digital.email', 'crime.recorded_crime') and not is_new and run_id = "
        f"'{second.name}' order by all"
    )
    assert changed == [("2022-09-01", "correction"), ("2022-10-01", "correction")]


def republish(root: DataRoot) -> dict[str, str]:
    """Publish in this process, without taking anything over; the failed renderings of the manifest."""
    (root.current / "index.html").touch()
    settings = Settings(home=root.home, _env_file=None)
    with writer_lock(settings.lock_file):
        publication = publish(settings, marts_of(read_manifest(root.home / "dbt" / "manifest.json")), run_id="test")
    assert {item["path"]: item["reason"] for item in publication.failed} == failed(root)
    return failed(root)


def test_failed_renderings_are_left_out_and_named_until_they_succeed(copy, monkeypatch):
    monkeypatch.setattr(forms, "render_workbook", failing_renderers.abort)
    monkeypatch.setattr(forms, "pdf", failing_renderers.refuse)
    monkeypatch.setattr(pages, "explorer_page", failing_renderers.refuse)
    monkeypatch.setattr(measure_pages, "history_csv", failing_renderers.refuse)
    found = republish(copy)
    for paper in PAPERS:
        assert found.pop(f"{paper}/board_paper.xlsx") == "its process ended (SIGABRT)"
        assert found.pop(f"{paper}/board_paper.pdf") == "rendering it failed (ValueError)"
    assert found.pop("explorer.html") == "rendering it failed (ValueError)"
    measures = {path.name for path in copy.current.glob("measures/*/*.html") if ".trace." not in path.name}
    assert len(found) == len(measures)
    assert copy.damage() == []
    assert (copy.current / "board_paper.html").is_file()
    assert not (copy.current / "board_paper.pdf").exists()
    assert dead_links(copy) == []
    # The commands say so although nothing is new.
    for command in ("run", "status"):
        done = copy.fcir(command)
        assert (done.code, "explorer.html was left out" in done.out, "fcir publish" in done.out) == (1, True, True)
    monkeypatch.undo()
    assert copy.fcir("publish").code == 0
    assert failed(copy) == {}
    assert (copy.current / "board_paper.pdf").is_file()
    assert dead_links(copy) == []


def test_a_first_page_that_failed_is_not_linked(copy, monkeypatch):
    monkeypatch.setattr(frame, "site_page", failing_renderers.refuse_front_page)
    assert republish(copy) == {"index.html": "rendering it failed (ValueError)"}
    assert not (copy.current / "index.html").exists()
    assert dead_links(copy) == []
    assert "explorer.html" in (copy.current / "cookbook.html").read_text(encoding="utf-8")


def test_forces_with_names_that_no_file_may_have_fail_alone(copy):
    refused, accepted = (
        ("../../escaped", "/etc/passwd", "a\x1b[31mb", "<script>alert(1)</script>"),
        ("=1+1", "a&b#c%d", "\N{GRINNING FACE}'s \u4e2d"),
    )
    with loading_connection(copy.home / "warehouse.duckdb") as connection:
        for name in (*refused, *accepted):
            for mart in ("report_months", "kpi_measure_period", "kpi_measure_spc_as_of", "kpi_measure_spc"):
                connection.execute(
                    f"insert into marts.{mart} by name select * replace (? as force_code) from marts.{mart} "
                    "where force_code = 'kent' and month_start = '2022-10-01'",
                    [name],
                )
            connection.execute(
                "insert into marts.dim_force (force_code, force_name) values (?, ?)", [name, f"{name} Police"]
            )
        connection.execute("update marts.load_audit set file_name = '<script>alert(1)</script>', reason = '=1+1'")
        note_written(connection)
    done = copy.fcir("publish")
    assert (done.code, "is left out" in done.out, "Traceback" in done.out + done.err) == (1, True, False)
    assert len([path for path in failed(copy) if path.startswith("papers/")]) == len(refused)
    assert {path.parent.name for path in copy.current.glob("papers/*/2022-10")} == {"kent", *accepted}
    assert all((copy.current / "papers" / name / "2022-10" / "board_paper.pdf").is_file() for name in accepted)
    assert copy.damage() == []
    assert dead_links(copy) == []
    assert [path.name for path in copy.home.parent.iterdir()] == ["home"]
    for page in copy.current.resolve().rglob("*.html"):
        assert not re.search(r"<script>alert|(href|src)=\"\s*javascript", page.read_text(encoding="utf-8")), page
    for file in copy.current.resolve().rglob("*.csv"):
        assert not re.search(r"^=|,=", file.read_text(encoding="utf-8"), re.MULTILINE), file


def land_chats(root: DataRoot, first: date, last: date, *, without: date | None = None) -> None:
    """Deliver two chats a day, and three in February."""
    for day in (first + timedelta(days=offset) for offset in range((last - first).days + 1)):
        if day != without:
            chats = [f"{day}-{n},{day} 09:0{n},{day} 09:1{n},{day} 09:30,op" for n in range(3 if day.month == 2 else 2)]
            root.land(f"live_chats_{day}.csv", CHATS, *chats)


def words(page: Path) -> str:
    return re.sub(r"(<[^>]+>|\s)+", " ", page.read_text(encoding="utf-8"))


def months_shown(root: DataRoot) -> dict[str, str]:
    """The last month that each form names."""
    out = root.home.parent / "paper"
    assert root.fcir("paper", "--out", str(out)).code == 0
    cover = CalamineWorkbook.from_path(str(root.current / "board_paper.xlsx")).get_sheet_by_name("Cover").to_python()
    paper = r"to (\w+ \d{4})\. From deliveries"
    found = {
        "front page": re.search(r"Kent Police, (\w+ \d{4})", words(root.current / "index.html")),
        "paper": re.search(paper, words(root.current / "board_paper.html")),
        "workbook": re.search(r"to (\w+ \d{4})", cover[0][0]),
        "measures": re.search(r"Measure (\w+ \d{4})", words(root.current / "measures" / "index.html")),
        "status": re.search(r"Month shown +(\w+ \d{4})", root.fcir("status").out),
        "command": re.search(paper, words(out / "board_paper.html")),
    }
    return {form: match[1] for form, match in found.items() if match}


def test_a_complete_month_is_shown_until_ten_days_of_the_next_are_delivered(root):
    land_chats(root, date(2022, 12, 1), date(2023, 2, 1))
    done = root.fcir("run")
    assert done.code == 0, done.out
    running = "so far February 2023: 1 of 28 days delivered by every source"
    assert f"Month shown  January 2023 (newest complete); {running}" in done.out
    assert months_shown(root) == dict.fromkeys(
        ("front page", "paper", "workbook", "measures", "status", "command"), "January 2023"
    )
    front = words(root.current / "index.html")
    # 62 chats in January; two on 4 January compared with three on 1 February.
    for text in ("Live chats 62 ", "February 2023 so far: 1 of 28 days", "3.0 a day four weeks before: 2.0 a day"):
        assert text in front
    paper = words(root.current / "papers" / "kent" / "2023-02" / "board_paper.html")
    assert "February 2023 is not complete: 1 of 28 days is delivered by every source." in paper
    land_chats(root, date(2023, 2, 2), date(2023, 3, 11), without=date(2023, 2, 15))
    done = root.fcir("run")
    assert done.code == 1, done.out
    assert "Month shown  February 2023 (27 of 28 days); so far March 2023: 11 of 31 days" in done.out
    assert set(months_shown(root).values()) == {"February 2023"}
    front = words(root.current / "index.html")
    assert "February 2023 is not complete: 27 of 28 days are delivered by every source." in front
    assert "Provisional: 27 of 28 days" in front
    assert "February 2023 so far" not in front
