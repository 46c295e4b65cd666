"""A publication leaves out and names what cannot be rendered."""

from __future__ import annotations

import json
from pathlib import Path

from dagster_project.publication import forms
from dagster_project.publication.site import frame, measure_pages
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.marts import note_written
from tests.golden.links import dead_links
from tests.roots import DataRoot
from tests.unit.publication import failing_renderers as failing

# The code of a force, and the beginning of its name.
CODE, ODD = "odd", "=1+1 a&b#c%d \N{GRINNING FACE}"


def add_force(root: DataRoot) -> None:
    """Give a force of an odd name the figures of Kent, as a build of other extracts could."""
    with loading_connection(root.home / "warehouse.duckdb") as connection:
        for mart in ("report_months", "kpi_measure_period", "kpi_measure_verdict"):
            connection.execute(
                f"insert into marts.{mart} by name select * replace (? as force_code) from marts.{mart} "
                "where force_code = 'kent' and month_start = '2022-10-01'",
                [CODE],
            )
        force = "insert into marts.dim_force (force_code, force_name) values (?, ?)"
        connection.execute(force, [CODE, f"{ODD} <script>alert(1)</script> Police"])
        note_written(connection)


def failed(root: DataRoot) -> dict[str, str]:
    manifest = json.loads((root.current / "manifest.json").read_text(encoding="utf-8"))
    return {item["path"]: item["reason"] for item in manifest["failed"]}


def test_what_cannot_be_rendered_is_left_out_named_and_not_linked(three_days, tmp_path, monkeypatch):
    # Nothing is beside it but what a rendering would write there.
    copy = three_days.copy(tmp_path / "alone" / "home")
    add_force(copy)
    monkeypatch.setattr(forms, "workbook", failing.abort)
    monkeypatch.setattr(measure_pages, "history_csv", failing.refuse)
    monkeypatch.setattr(frame, "site_page", failing.refuse_front_pages)
    # Written to after it was published, so that nothing is taken over and all is rendered.
    index = copy.current / "index.html"
    index.unlink()
    index.write_text("", encoding="utf-8")
    done = copy.fcir("publish")
    assert (done.code, "is left out" in done.out, "Traceback" in done.out + done.err) == (1, True, False)
    found = failed(copy)
    ended = [path for path, reason in found.items() if reason == "its process ended (SIGABRT)"]
    assert [Path(path).suffix for path in ended] == [".xlsx"] * 2
    others = {path for path, reason in found.items() if reason == "rendering it failed (ValueError)"}
    assert len(others) + len(ended) == len(found)
    measures = {path for path in copy.current.glob("measures/*/*.html") if ".trace." not in path.name}
    assert len(others) == len(measures | {"index.html", "explorer.html"})
    assert {"index.html", "explorer.html"} <= others
    # All else is there, within the data root, and leads nowhere else, nor to what failed.
    assert {path.parents[1].name for path in copy.current.glob("papers/*/2022-10/board_paper.pdf")} == {"kent", CODE}
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
    assert copy.fcir("publish").code == 0
    assert failed(copy) == {}
    assert (copy.current / "board_paper.xlsx").is_file()
    assert dead_links(copy.current.resolve()) == []
