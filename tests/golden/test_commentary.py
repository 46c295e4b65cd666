"""What the sample's analysts wrote is what the marts say: every number, and every word that compares."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest
import yaml

from dagster_project.publication.report.analyst_files import day_of
from dagster_project.settings import PROJECT_ROOT

FOLDER = PROJECT_ROOT / "dagster_project" / "sample" / "commentary" / "kent"
HELD = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
# The names of the lines and of a measure are no numbers.
NAMES = re.compile(
    r"\banswered (within 10 seconds|in time)|\b(101|999) calls\b|\bcalls? (to|on) (101|999)\b|\b(101|999)\b"
)
CLAIMS = re.compile(
    r"\d|\b(more|most|less|least|few\w*|better|best|worse|worst|than|after|still|every|half|third|quarter|"
    r"twice|double\w*|over|under|above|below|record|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|"
    r"f[ae]ll\w*|r[io]se\w*|grew|recover\w*|because|caused?|statement|longer|shorter|higher|lower|\w+est)\b",
    re.IGNORECASE,
)
FIELDS = re.compile(r"^(Action|Owner|Due): (.*)$", re.MULTILINE)


@pytest.fixture(scope="module")
def marts(sample):
    with duckdb.connect(str(sample.current / "fcir.duckdb"), read_only=True) as connection:
        connection.execute(HELD["macros"])
        yield connection


@pytest.mark.parametrize("file", sorted(path.name for path in FOLDER.iterdir() if path.name != "defaults.md"))
def test_the_marts_hold_every_claim_of_the_sample(marts, file):
    # Without the signs of bold, and with one blank in place of the end of a line.
    words = " ".join(FIELDS.sub("", (FOLDER / file).read_text(encoding="utf-8")).replace("**", "").split())
    for held in HELD[file]:
        numbers = marts.execute(held["sql"]).fetchone()
        assert numbers is not None, held["text"]
        claim = held["text"].format(*numbers)
        assert claim in words
        words = words.replace(claim, "")
    assert not CLAIMS.search(NAMES.sub("", words)), words


def test_what_will_be_done_names_no_number_and_is_due_after_its_month():
    for file in FOLDER.glob("20*.md"):
        for field, value in FIELDS.findall(file.read_text(encoding="utf-8")):
            if field == "Due":
                assert f"{day_of(value):%Y-%m}" > file.stem
            else:
                assert not CLAIMS.search(NAMES.sub("", value))
