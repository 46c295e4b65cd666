"""Publishing again takes over what has not changed, and renders again what was written to after it was published."""

from __future__ import annotations

import shutil

import pytest

from tests.end_to_end.command import Command


@pytest.fixture(scope="module")
def published_again(undisturbed, tmp_path_factory):
    """A copy, published again with a commentary on no section, and the result of the command."""
    copy = Command(tmp_path_factory.mktemp("again") / "home", settings={"PYTHONPROFILEIMPORTTIME": "1"})
    shutil.copytree(undisturbed.home, copy.home, symlinks=True)
    words = copy.home / "commentary" / "kent" / "2022-10.md"
    words.parent.mkdir(parents=True)
    words.write_text("## Weather\n", encoding="utf-8")
    done = copy.run("publish")
    assert done.returncode == 0, done.stdout + done.stderr
    return copy, words, done, copy.current.resolve()


def test_publishing_again_reuses_unchanged_papers(published_again):
    copy, words, done, _ = published_again
    assert "2 papers, 0 new or changed" in done.stdout
    assert "line 1: heading 'Weather' names no section" in done.stdout
    words.write_text("## 999 calls\n\nA *quiet* month.\n", encoding="utf-8")
    done = copy.run("publish")
    assert "2 papers, 1 new or changed" in done.stdout
    assert "<p>A <em>quiet</em> month.</p>" in (copy.current / "board_paper.html").read_text(encoding="utf-8")
    assert copy.damage() == []
    paper = copy.current / "board_paper.html"
    paper.write_text(paper.read_text(encoding="utf-8").replace("quiet", "quite"), encoding="utf-8")
    assert len(copy.damage()) > 0
    done = copy.run("publish")
    assert done.returncode == 0
    assert "board_paper.html: written to after it was published" in done.stdout + done.stderr
    assert "2 papers, 2 new or changed" in done.stdout
    assert "<p>A <em>quiet</em> month.</p>" in (copy.current / "board_paper.html").read_text(encoding="utf-8")
    assert copy.damage() == []


def test_publishing_again_imports_no_great_expectations(published_again):
    _, _, done, _ = published_again
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "dagster_project.publication.publish" in imported
    assert "great_expectations" not in imported
