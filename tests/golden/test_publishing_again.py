"""A later publication takes over what has not changed."""


def test_publishing_again_renders_what_has_changed_and_what_was_written_to(three_days, tmp_path):
    copy = three_days.copy(tmp_path / "home")
    words = copy.home / "commentary" / "kent" / "2022-10.md"
    words.parent.mkdir(parents=True, exist_ok=True)
    words.write_text("## 999 calls\n\nA *quiet* month.\n", encoding="utf-8")
    before = copy.current.resolve()
    assert "2 papers, 1 new or changed" in copy.fcir("publish").out
    for name, is_taken_over in {
        "papers/kent/2022-10/board_paper.pdf": False,
        "papers/kent/2022-11/board_paper.pdf": True,
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
