"""A later publication takes over what has not changed."""

import duckdb


def test_publishing_again_renders_what_has_changed_and_what_was_written_to(three_days, tmp_path):
    copy = three_days.copy(tmp_path / "home")
    words = copy.home / "commentary" / "kent" / "2022-10.md"
    words.parent.mkdir(parents=True, exist_ok=True)
    words.write_text("## 999 calls\n\nA *quiet* month.\n", encoding="utf-8")
    before = copy.current.resolve()
    assert "2 papers, 1 new or changed" in copy.fcir("publish").out
    now = copy.current.resolve()
    new = {
        path.relative_to(now).as_posix()
        for path in now.rglob("*")
        if path.is_file() and not path.samefile(before / path.relative_to(now))
    }
    # All else is the same file under two names: the database, the tables, and every page that does not show the words.
    forms = [f"board_paper.{form}" for form in ("html", "pdf", "xlsx", "docx")]
    drawn = {f"{folder}{form}" for folder in ("", "papers/kent/2022-10/") for form in forms}
    assert new == {*drawn, "manifest.json", "assets/publication.js"}
    assert (now / "fcir.duckdb").samefile(before / "fcir.duckdb")
    # No record names a publication as one of other figures, now or later.
    with duckdb.connect(str(copy.home / "warehouse.duckdb"), read_only=True) as warehouse:
        assert warehouse.execute("select run_id from audit.publication").fetchall() == [(before.name,)]
    assert f"Nothing has changed since the publication {now.name}" in copy.fcir("publish").out
    assert copy.current.resolve() == now
    page = copy.current / "board_paper.html"
    quiet = "<p>A <em>quiet</em> month.</p>"
    assert (quiet in page.read_text(encoding="utf-8"), copy.damage()) == (True, [])

    page.write_text(page.read_text(encoding="utf-8").replace("quiet", "quite"), encoding="utf-8")
    assert len(copy.damage()) > 0
    done = copy.fcir("publish")
    assert "board_paper.html: written to after it was published" in done.out + done.err
    assert "2 papers, 2 new or changed" in done.out
    assert (quiet in page.read_text(encoding="utf-8"), copy.damage()) == (True, [])
