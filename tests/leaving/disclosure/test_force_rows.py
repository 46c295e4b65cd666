"""What the metadata of a mart states about its rows in the edition of a force."""

import pytest

from dagster_project.disclosure.force_rows import ForceRows, force_rows_of
from dagster_project.disclosure.releases import ReleaseError, releases_of
from tests.unit.disclosure.test_releases import COLUMNS, WHOLE


def test_a_mart_has_the_rows_that_it_states_in_the_edition_of_a_force_and_none_by_default():
    releases = releases_of("m", COLUMNS, [WHOLE])
    assert force_rows_of("m", COLUMNS, None, ()) is ForceRows.NONE
    assert [force_rows_of("m", COLUMNS, str(rows), releases) for rows in ForceRows] == list(ForceRows)
    assert [force_rows_of("m", COLUMNS, str(rows), ()) for rows in ("own", "all", "none")] == ["own", "all", "none"]


@pytest.mark.parametrize(
    ("stated", "columns", "message"),
    [
        ("mine", COLUMNS, "expected own, own_and_released, released, used_and_released, all, none"),
        *((stated, COLUMNS, "expected own") for stated in (["own"], True)),
        *((stated, ["month_start"], "needs the column force_code") for stated in ("own", "own_and_released")),
        *((f"{begin}released", COLUMNS, "needs a whole release") for begin in ("own_and_", "used_and_", "")),
    ],
)
def test_a_statement_that_cannot_be_followed_is_refused(stated, columns, message):
    with pytest.raises(ReleaseError, match=message):
        force_rows_of("m", columns, stated, ())
