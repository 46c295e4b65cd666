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


def failed(root: DataRoot) -> dict[str, str]:
    manifest = json.loads((root.current / "manifest.json").read_text(encoding="utf-8"))
    return {item["path"]: item["reason"] for item in manifest["failed"]}


def test_publishing_again_renders_what_has_changed_and_what_was_written_to(copy):
    words = copy.home / "commentary" / "kent" / "2022-10.md"
    words.parent.mkdir(parents=True, exist_ok=True)
    words.write_text("## 999 calls\n\nA *quiet* month.\n", encoding="utf-8")
    before = copy.current.resolve()
    done = copy.fcir("publish")
    assert "2 papers, 1 new or changed" in done.out
    for name, is_taken_over in (("2022-10/board_paper.pdf", False), ("2022-11/board_paper.pdf", True)):
        assert (copy.current / "papers/kent" / name).samefile(before / "papers/kent" / name) == is_taken_over
    for name in ("assets/vega.js", "parquet/fct_call/month=2022-10/part-0.parquet"):
        assert (copy.current / name).samefile(before / name), name
    page = copy.current / "board_paper.html"
    quiet = "<p>A <em>quiet</em> month.</p>"
    assert quiet in page.read_text(encoding="utf-8")
    assert copy.damage() == []

    page.write_text(page.read_text(encoding="utf-8").replace("quiet", "quite"), encoding="utf-8")
    assert len(copy.damage()) > 0
    done = copy.fcir("publish")
    assert "board_paper.html: written to after it was published" in done.out + done.err
    assert "2 papers, 2 new or changed" in done.out
    assert quiet in page.read_text(encoding="utf-8")
    assert copy.damage() == []


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
    assert {path.parent.name for path in copy.current.glob("papers/*/2022-10")} == {"kent", ODD}
    workbooks = {path: reason for path, reason in found.items() if path.endswith(".xlsx")}
    assert (len(workbooks), set(workbooks.values())) == (3, {"its process ended (SIGABRT)"})
    measures = {path: reason for path, reason in found.items() if path.endswith(".csv")}
    assert len(measures) == len({path for path in copy.current.glob("measures/*/*.html") if ".trace." not in path.name})
    others = set(found) - refused - set(workbooks) - set(measures)
    assert others == {"index.html", "explorer.html"}
    assert {found[path] for path in (*others, *measures)} == {"rendering it failed (ValueError)"}
    # All else is there, within the data root, and leads nowhere else.
    assert (copy.current / "papers" / ODD / "2022-10" / "board_paper.pdf").is_file()
    assert not (copy.current / "board_paper.xlsx").exists()
    assert copy.damage() == []
    assert dead_links(copy.current.resolve()) == []
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


def months_shown(root: DataRoot) -> dict[str, str]:
    """The last month that each form names."""
    cover = CalamineWorkbook.from_path(str(root.current / "board_paper.xlsx")).get_sheet_by_name("Cover").to_python()
    found = {
        "front page": re.search(r"Kent Police, (\w+ \d{4})", words(root.current / "index.html")),
        "paper": re.search(r"(\w+ \d{4})\. From deliveries", words(root.current / "board_paper.html")),
        "workbook": re.search(r"(\w+ \d{4})$", cover[0][0]),
        "measures": re.search(r"Measure (\w+ \d{4})", words(root.current / "measures" / "index.html")),
        "status": re.search(r"Month shown +(\w+ \d{4})", root.fcir("status").out),
    }
    return {form: match[1] for form, match in found.items() if match}


def test_every_form_shows_the_newest_complete_month_or_the_one_before_that_which_runs(sample, three_days, tmp_path):
    forms_of_month = ("front page", "paper", "workbook", "measures", "status")
    assert months_shown(sample) == dict.fromkeys(forms_of_month, "January 2023")
    assert months_shown(three_days) == dict.fromkeys(forms_of_month, "October 2022")
    status = three_days.fcir("status").out
    assert "Month shown  October 2022 (3 of 31 days); so far November 2022: 1 of 30 days" in status
    front = words(three_days.current / "index.html")
    for text in (
        "October 2022 is not complete: 3 of 31 days are delivered by every source.",
        "Provisional: 3 of 31 days",
        "November 2022 so far: 1 of 30 days",
    ):
        assert text in front
    done = three_days.fcir("paper", "--out", str(tmp_path))
    assert done.code == 0
    assert "October 2022. From deliveries" in words(tmp_path / "board_paper.html")
