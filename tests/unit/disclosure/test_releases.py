"""What the metadata of a mart states about its release to the public."""

import pytest

from dagster_project.disclosure.releases import Controlled, ReleaseError, Whole, check_releases, releases_of

COLUMNS = ("force_code", "month_start", "district", "offence_code", "line", "crimes", "is_provisional")
BY_DISTRICT = {"release": "controlled", "about": "Crimes.", "dimensions": ["district"], "counts": ["crimes"]}
WHOLE = {"release": "whole", "columns": ["force_code", "crimes"], "where": "true"}


def test_releases_are_read_as_stated_and_a_mart_without_them_is_not_public():
    assert releases_of("m", COLUMNS, None) == releases_of("m", COLUMNS, []) == ()
    by_line = BY_DISTRICT | {"table": "t", "groups": ["line"], "within": {"crimes": "crimes"}, "where": "true"}
    private = {"release": "whole", "private": [*COLUMNS[1:5], "is_provisional"], "where": "true"}
    whole, rest, plain, full = releases_of("m", COLUMNS, [WHOLE, private, BY_DISTRICT, by_line])
    assert whole == rest == Whole("m", ("force_code", "crimes"), "true")
    assert plain == Controlled("m", "m", "Crimes.", (), ("district",), ("crimes",))
    assert full == Controlled("m", "t", "Crimes.", ("line",), ("district",), ("crimes",), {"crimes": "crimes"}, "true")
    assert full.columns == ("force_code", "month_start", "line", "district", "crimes", "crimes_of_force")


@pytest.mark.parametrize(
    ("stated", "without", "message"),
    [
        ("whole", "", "is not a list"),
        ([{"release": "all"}], "", "expected whole or controlled"),
        ([{"release": "whole"}], "", "names its private columns"),
        ([WHOLE | {"private": []}], "", "names its private columns"),
        ([{"release": "whole", "private": ["victim"]}], "", "victim, which are not columns"),
        ([{"release": "whole", "columns": ["victim"]}], "", "victim, which are not columns"),
        ([BY_DISTRICT | {"count": 1}], "", "count in a release"),
        *(([BY_DISTRICT | {name: []}], "", "names about, dim") for name in ("about", "dimensions", "counts")),
        ([BY_DISTRICT | {"dimensions": ["month_start"]}], "", "by other dimensions"),
        ([BY_DISTRICT | {"groups": ["force_code"]}], "", "by other dimensions"),
        ([BY_DISTRICT | {"within": {"crimes": "calls"}}], "", "expected counts of the same release"),
        ([BY_DISTRICT], "is_provisional", "says which months are provisional"),
        ([BY_DISTRICT], "month_start", "is by force_code and month_start"),
    ],
)
def test_an_invalid_release_is_refused(stated, without, message):
    with pytest.raises(ReleaseError, match=message):
        releases_of("m", [name for name in COLUMNS if name != without], stated)


def test_two_tables_by_the_same_dimension_or_of_the_same_name_are_refused():
    one, other = (releases_of(mart, COLUMNS, [BY_DISTRICT])[0] for mart in ("m", "n"))
    (both,) = releases_of("o", COLUMNS, [BY_DISTRICT | {"dimensions": ["district", "offence_code"]}])
    (by_offence,) = releases_of("p", COLUMNS, [BY_DISTRICT | {"dimensions": ["offence_code"]}])
    check_releases([one, by_offence, Whole("w", ("force_code",), None)])
    for releases, message in (
        ([by_offence, one, other], "m and n: both by district"),
        ([one, both], "m and o: both by district"),
        ([one, Whole("m", ("force_code",), None)], "public table m: named by two releases"),
    ):
        with pytest.raises(ReleaseError, match=message):
            check_releases(releases)
