"""What commands check of a data root before they begin."""

import pytest

from dagster_project.cli import data_root
from dagster_project.cli.options import day_option, require_reason
from dagster_project.errors import UsageError
from dagster_project.settings import Settings


@pytest.mark.parametrize(
    ("folder", "closed", "opened", "expected"),
    [
        ("home", 0o755, 0o777, ("home is writable for every user of this machine (mode 0777), ", "chmod o-w ")),
        ("home/landing", 0o750, 0o755, ("landing is open to every user of this machine (mode 0755), ", "chmod o= ")),
        ("home/retention", 0o750, 0o755, ("retention is open to every user of this machine (mode 0755), ", "cases")),
    ],
)
def test_a_folder_that_others_may_enter_is_named_with_the_command_that_closes_it(
    tmp_path, monkeypatch, folder, closed, opened, expected
):
    said: list[str] = []
    monkeypatch.setattr(data_root, "warn", said.append)
    settings = Settings(home=tmp_path / "home", _env_file=None)
    settings.home.mkdir(mode=0o755)
    settings.landing.mkdir(mode=0o700)
    (tmp_path / folder).mkdir(exist_ok=True)
    for mode in (closed, opened):
        (tmp_path / folder).chmod(mode)
        data_root.warn_of_open_folders(settings)
        assert len(said) == (mode == opened)
    assert all(text in said[0] for text in expected)


UNPRINTABLE = ("x\n\n## Nothing is held", "\x1b[2J", "a\tb", "a\u2028b", "a\u202eb")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        *((text, "one line of text") for text in UNPRINTABLE),
        (" ", "--reason is required"),
        *((text, "contains a personal value") for text in ("call of 07700 900123", "asked by Q-77")),
    ],
)
def test_a_reason_is_one_printable_line_that_names_nobody(text, message):
    with pytest.raises(UsageError, match=message) as refused:
        require_reason(text, "request 4712", identifier="Q-77")
    assert ('--reason "request 4712"' in str(refused.value), "7700" in str(refused.value)) == (True, False)
    assert require_reason(" Löschung für Fall 4712 / § 17\n", "request 4712") == "Löschung für Fall 4712 / § 17"


@pytest.mark.parametrize("text", ["20221101", "2022-W44-2", "2022-02-30", "soon"])
def test_another_text_than_a_day_is_wrong_use(text):
    with pytest.raises(UsageError, match=f"--from {text}: not a date; expected YYYY-MM-DD"):
        day_option("--from", text)
    assert (day_option("--from", None), str(day_option("--from", "2022-11-01"))) == (None, "2022-11-01")
