"""Readers of a publication that is killed keep a whole one."""

from __future__ import annotations

from tests.processes.test_kill import killed
from tests.processes.test_signals import AT_AN_EVENT, write_a_sentence


def test_readers_of_a_publication_that_is_killed_keep_a_whole_one_and_the_next_leaves_nothing_of_it(
    three_days, tmp_path
):
    root = three_days.copy(tmp_path / "home")
    write_a_sentence(root)
    first, figures = root.current.readlink(), root.figures()
    killed(root, "index.html", "publish", code=AT_AN_EVENT, at="event")
    assert root.current.readlink() == first
    assert root.damage() == []
    assert root.figures() == figures
    assert root.fcir("publish").code == 0
    # A publication that was killed while it was written does not count.
    folders = sorted(path.name for path in (root.home / "published").iterdir() if not path.is_symlink())
    assert (len(folders), [name for name in folders if name.startswith(".")]) == (2, [])
    # The tables are those of the first publication.
    assert root.published("select distinct run_id from marts.published_versions") == [(folders[0],)]
