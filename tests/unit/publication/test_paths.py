"""A name becomes a path within the folder of the publication, or it is refused."""

import re
from urllib.parse import unquote

import pytest

from dagster_project.publication.paths import UnsafeName, address_of, published_path, url_of
from dagster_project.publication.report.commentary import commentary_file
from tests.unit.publication.payloads import UNSAFE_NAMES

SAFE_NAMES = [
    *("kent", "calls_999.received", "West Yorkshire", "=1+1", "-", "@SUM(1)", "#frag", "100%", "a&b", "o'neill"),
    *("caf\N{LATIN SMALL LETTER E WITH ACUTE}", "\N{GRINNING FACE}" * 63, "conrad", "x" * 100),
]


@pytest.mark.parametrize("name", UNSAFE_NAMES)
def test_an_unsafe_name_is_refused_in_every_position(tmp_path, name):
    folder = tmp_path / "root" / "publication"
    folder.mkdir(parents=True)
    for parts in ((name,), ("measures", name, "x.csv"), (name, "x.csv")):
        for function in (published_path, lambda _, *names: url_of(*names), lambda _, *names: address_of(*names)):
            with pytest.raises(UnsafeName) as refused:
                function(folder, *parts)
            # No message or log shows the content of a cell.
            assert len(name) < 3 or name not in str(refused.value)
    with pytest.raises(UnsafeName):
        commentary_file(folder, name, "2023-01")
    assert {path.name for path in tmp_path.rglob("*")} <= {"root", "publication", "measures"}


@pytest.mark.parametrize("name", SAFE_NAMES)
def test_any_other_name_is_a_file_of_the_publication_and_a_relative_url(tmp_path, name):
    published_path(tmp_path, "measures", name).write_bytes(b"")
    assert (tmp_path / "measures" / name).is_file()
    url = url_of("measures", name)
    assert re.fullmatch(r"[A-Za-z0-9_.~%/-]+", url)
    assert unquote(url) == address_of("measures", name) == f"measures/{name}"


def test_a_link_that_leads_out_of_the_folder_is_refused(tmp_path):
    folder, outside = tmp_path / "publication", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (folder / "papers").symlink_to(outside)
    (folder / "index.html").symlink_to(outside / "index.html")
    for parts in (("papers", "kent", "x.csv"), ("index.html",)):
        with pytest.raises(UnsafeName, match="leads out"):
            published_path(folder, *parts)
    assert list(outside.iterdir()) == []
