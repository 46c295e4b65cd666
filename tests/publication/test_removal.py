"""Old publications are removed, and nothing else in their folder."""

from __future__ import annotations

from dagster_project.publication.publish import _KEPT, remove_old


def test_only_folders_with_the_name_of_a_publication_count_and_go(tmp_path):
    names = [f"202611{day:02}T060000Z-aaaaaaaa" for day in range(1, _KEPT + 4)]
    own = ["0-kept-for-the-inquiry", "@eaDir", "Board March 2026", f"{names[0]} (copy)", f"{names[1]}.bak"]
    for name in (*names, *own):
        (tmp_path / name).mkdir()
    (tmp_path / "current").symlink_to(names[0])

    remove_old(tmp_path, names[0])

    assert {path.name for path in tmp_path.iterdir()} == {names[0], *names[-_KEPT + 1 :], *own, "current"}
