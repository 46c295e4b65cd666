"""A name becomes a path within the folder of the publication, or it is refused."""

import pytest

from dagster_project.publication.paths import UnsafeName, address_of, published_path
from dagster_project.publication.report.commentary import commentary_file
from tests.unit.publication.payloads import UNSAFE_NAMES

SAFE_NAMES = ["kent", "calls_999.received", "month=2022-08", "search-index.js", "x" * 100, "9"]


@pytest.mark.parametrize("name", UNSAFE_NAMES)
def test_an_unsafe_name_is_refused_in_every_position(tmp_path, name):
    folder = tmp_path / "root" / "publication"
    folder.mkdir(parents=True)
    for parts in ((name,), ("measures", name, "x.csv"), (name, "x.csv")):
        for function in (published_path, lambda _, *names: address_of(*names)):
            with pytest.raises(UnsafeName) as refused:
                function(folder, *parts)
            # No message or log shows the content of a cell.
            assert len(name) < 3 or name not in str(refused.value)
    with pytest.raises(UnsafeName):
        commentary_file(folder, name, "2023-01")
    assert {path.name for path in tmp_path.rglob("*")} <= {"root", "publication"}


@pytest.mark.parametrize("name", SAFE_NAMES)
def test_a_name_of_letters_and_digits_is_a_file_of_the_publication(tmp_path, name):
    published_path(tmp_path, "measures", name).write_bytes(b"")
    assert (tmp_path / "measures" / name).is_file()
    assert address_of("measures", name) == f"measures/{name}"
