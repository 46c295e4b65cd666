"""A later publication takes over what has not changed, names what it could not render, and shows the right month."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from dagster_project.publication import forms
from dagster_project.publication.site import frame, measure_pages, pages
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.marts import note_written
from tests.golden.links import dead_links
from tests.roots import DataRoot
from tests.unit.publication import failing_renderers as failing

# Names of forces, of which the first ones are no names of files.
REFUSED, ODD = ("../../escaped", "/etc/passwd", "<script>alert(1)</script>"), "=1+1 a&b#c%d \N{GRINNING FACE}"


@pytest.fixture
def copy(three_days, tmp_path) -> DataRoot:
    """A copy of the small root, with nothing beside it but what a rendering would write there."""
    return three_days.copy(tmp_path / "alone" / "home")


def test_publishing_again_renders_what_has_changed_and_what_was_written_to(copy):
    words = copy.home / "commentary" / "kent" / "2022-10.md"
    words.parent.mkdir(parents=True, exist_ok=True)
    words.write_text("## 999 calls\n\nA *quiet* month.\n", encoding="utf-8")
    before = copy.current.resolve()
    assert "2 papers, 1 new or changed" in copy.fcir("publish").out
    for name, is_taken_over in {
        "papers/kent/2022-10/board_paper.pdf": False,
        "papers/kent/2022-11/board_paper.pdf": True,
        "assets/vega.js": True,
        "parquet/fct_call/month=2022-10/part-0.parquet": True,
    }.items():
        assert (copy.current / name).samefile(before / name) == is_taken_over, name
    page = copy.current / "board_paper.html"
    quiet = "<p>A <em>quiet</em> month.</p>"
    assert (quiet in page.read_text(encoding="utf-8"), copy.damage()) == (True, [])

    page.write_text(page.read_text(encoding="utf-8").replace("quiet", "quite"), encoding="utf-8")
    assert len(copy.damage()) > 0
    done = copy.fcir("publish")
    assert "board_paper.html: written to after it was published" in done.out + done.err
    assert "2 papers, 2 new or changed" in done.out
    assert (quiet in page.read_text(encoding="utf-8"), copy.damage()) == (True, [])


def add_force(root: DataRoot, name: str) -> None:
    """Give a force of this code and name the figures of Kent, as a build of other extracts could."""
    with loading_connection(root.home / "warehouse.duckdb") as connection:
        for mart in ("report_months", "kpi_measure_period", "kpi_measure_spc_as_of", "kpi_measure_spc"):
            connection.execute(
                f"insert into marts.{mart} by name select * replace (? as force_code) from marts.{mart} "
                "where force_code = 'kent' and month_start = '2022-10-01'",
                [name],
            )
        force = "insert into marts.dim_force (force_code, force_name) values (?, ?)"
        connection.execute(force, [name, f"{name} Police"])
        note_written(connection)


def failed(root: DataRoot) -> dict[str, str]:
    manifest = json.loads((root.current / "manifest.json").read_text(encoding="utf-8"))
    return {item["path"]: item["reason"] for item in manifest["failed"]}


def test_what_cannot_be_rendered_is_left_out_named_and_not_linked(copy, monkeypatch):
    for name in (*REFUSED, ODD):
        add_force(copy, name)
    monkeypatch.setattr(forms, "render_workbook", failing.abort)
    monkeypatch.setattr(pages, "explorer_page", failing.refuse)
    monkeypatch.setattr(measure_pages, "history_csv", failing.refuse)
    monkeypatch.setattr(frame, "site_page", failing.refuse_front_page)
    # Written to after it was published, so that nothing is taken over and all is rendered.
    index = copy.current / "index.html"
    index.unlink()
    index.write_text("", encoding="utf-8")
    done = copy.fcir("publish")
    assert (done.code, "is left out" in done.out, "Traceback" in done.out + done.err) == (1, True, False)
    found = failed(copy)
    refused = {path for path, reason in found.items() if "name" in reason}
    assert len([path for path in refused if path.startswith("papers/")]) == len(REFUSED)
    ended = [path for path, reason in found.items() if reason == "its process ended (SIGABRT)"]
    assert [Path(path).suffix for path in ended] == [".xlsx"] * 3
    others = {path for path, reason in found.items() if reason == "rendering it failed (ValueError)"}
    assert len(others) + len(ended) + len(refused) == len(found)
    measures = {path for path in copy.current.glob("measures/*/*.html") if ".trace." not in path.name}
    assert len(others) == len(measures | {"index.html", "explorer.html"})
    assert {"index.html", "explorer.html"} <= others
    # All else is there, within the data root, and leads nowhere else.
    assert {path.parents[1].name for path in copy.current.glob("papers/*/2022-10/board_paper.pdf")} == {"kent", ODD}
    assert not (copy.current / "board_paper.xlsx").exists()
    assert copy.damage() == dead_links(copy.current.resolve()) == []
    assert [path.name for path in copy.home.parent.iterdir()] == ["home"]
    for page in copy.current.resolve().rglob("*.html"):
        assert "<script>alert" not in page.read_text(encoding="utf-8"), page
    # The commands say so although nothing is new.
    for command in ("run", "status"):
        done = copy.fcir(command)
        assert (done.code, "explorer.html was left out" in done.out, "fcir publish" in done.out) == (1, True, True)
    monkeypatch.undo()
    assert copy.fcir("publish").code == 1
    assert set(failed(copy)) == refused
    assert (copy.current / "board_paper.xlsx").is_file()
    assert dead_links(copy.current.resolve()) == []


def words(page: Path) -> str:
    return re.sub(r"(<[^>]+>|\s)+", " ", page.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("name", "month"), [("sample", "January 2023"), ("three_days", "October 2022")])
def test_every_form_shows_the_newest_complete_month_or_the_one_before_that_which_runs(request, tmp_path, name, month):
    root = request.getfixturevalue(name)
    front = words(root.current / "index.html")
    assert f"Kent Police, {month}" in front
    assert f"Measure {month}" in words(root.current / "measures" / "index.html")
    cover = CalamineWorkbook.from_path(str(root.current / "board_paper.xlsx")).get_sheet_by_name("Cover").to_python()
    assert cover[0][0].endswith(month)
    assert root.fcir("paper", "--out", str(tmp_path)).code == 0
    for paper in (root.current, tmp_path):
        assert f"{month}. From deliveries" in words(paper / "board_paper.html")
    running = [
        "October 2022 is not complete: 3 of 31 days are delivered by every source.",
        "Provisional: 3 of 31 days",
        "November 2022 so far: 1 of 30 days",
    ]
    assert [text for text in running if text in front] == (running if name == "three_days" else [])
    status = "(newest complete)" if name == "sample" else "(3 of 31 days); so far November 2022: 1 of 30 days"
    assert f"Month shown  {month} {status}" in root.fcir("status").out
