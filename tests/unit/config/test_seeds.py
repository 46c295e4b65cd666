"""Lists of a force that are laid over the shipped seeds."""

import pytest

from dagster_project.config import ConfigError
from dagster_project.config.changes import changes_of
from dagster_project.config.seeds import laid_over
from dagster_project.settings import Settings
from dagster_project.transformation.project import fingerprint


def test_rows_of_a_force_are_added_to_a_shipped_list_or_replace_its_rows_by_key(tmp_path):
    settings = Settings(home=tmp_path)
    shipped = fingerprint(settings)
    assert laid_over(settings) == {}
    file = settings.config_folder / "seeds" / "districts.csv"
    file.parent.mkdir(parents=True)
    file.write_text('\ufeffforce_code,district\r\nkent,MEDWAY\r\nsurrey,"Reigate"\r\n', encoding="utf-8")
    lines = laid_over(settings)["districts"].splitlines()
    assert (lines[0], lines[-1], "kent,Ashford" in lines) == ("force_code,district", "surrey,Reigate", True)
    assert [line for line in lines if line.casefold() == "kent,medway"] == ["kent,MEDWAY"]
    assert fingerprint(settings) != shipped, "a longer list has everything built again"
    [shown] = changes_of(settings)
    assert (shown.summary, shown.details) == (
        "1 row added, 1 replaced",
        ("kent, MEDWAY: as shipped", "surrey, Reigate: added"),
    )
    # A later version may add columns: a file has the key, and what differs.
    stated = file.with_name("measure_targets.csv")
    stated.write_text("force_code,measure,valid_from,target\n*,calls_999.pct_not_answered,2000-01-01,1\n")
    shipped_row = "*,calls_999.pct_not_answered,2000-01-01,,1,benchmark,Aspirational national"
    assert shipped_row in laid_over(settings)["measure_targets"]
    stated.write_text("force_code,measure,valid_from,target\nkent,calls_999.pct_not_answered,2000-01-01,1\n")
    with pytest.raises(ConfigError, match=r"line 1: found .*; expected for added rows .* kind, source,"):
        laid_over(settings)
    stated.write_text("force_code,measure,valid_from,target\n*,calls_999.pct_not_answered,2000-01-01,1 %\n")
    with pytest.raises(ConfigError, match=r"measure_targets.csv, line 2: target is '1 %'; expected a number, as in 85"):
        laid_over(settings)
    stated.write_text("force_code,measure,valid_from\n*,calls_999.pct_not_answered,1/4/2024\n")
    with pytest.raises(
        ConfigError, match=r"line 2: valid_from is '1/4/2024'; expected a date, as in 2024-02-01\. Corr"
    ):
        laid_over(settings)
    stated.unlink()
    for text, message in (
        (
            "force,district\nkent,x\n",
            "seeds/districts.csv, line 1: found the columns force, district; expected the key, force_code, d",
        ),
        ("force_code,district\nkent,x\nkent,\n", "seeds/districts.csv, line 3: district is empty; expected the key"),
        ("force_code,district\nkent\n", "seeds/districts.csv, line 2: found 1 cell; expected 2"),
    ):
        file.write_text(text)
        with pytest.raises(ConfigError, match=message):
            laid_over(settings)
    file.unlink()
    file = file.with_name("police_forces.csv")
    file.write_text("force_code,force_name\nkent,Heddlu Caint\n")
    assert "kent,Heddlu Caint" in laid_over(settings)["police_forces"].splitlines()
    file.write_text("force_code,force_name\nkent,Heddlu Caint\njersey,Jersey\n")
    with pytest.raises(
        ConfigError, match=r"seeds/police_forces.csv, line 3: no force of the shipped list; expected an"
    ):
        laid_over(settings)
    file.rename(file.with_name("forces.csv"))
    with pytest.raises(ConfigError, match=r"seeds/forces.csv: not a list .* known: call_parameters.csv"):
        laid_over(settings)
