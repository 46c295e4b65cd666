"""A name becomes a path within the folder of the publication, or it is refused; no module writes past that."""

import ast
import re
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dagster_project.publication
from dagster_project.publication.paths import UnsafeName, address_of, published_path, refused_address, url_of
from dagster_project.publication.report.commentary import commentary_file
from tests.publication.payloads import SAFE_NAMES, UNSAFE_NAMES

PACKAGE = Path(dagster_project.publication.__file__).parent


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
    file = published_path(tmp_path, "measures", name)
    file.write_bytes(b"")
    assert file.parent == tmp_path / "measures"
    url = url_of("measures", name)
    assert re.fullmatch(r"[A-Za-z0-9_.~%/-]+", url)
    assert unquote(url) == address_of("measures", name) == f"measures/{name}"


@given(st.lists(st.text(max_size=120), min_size=1, max_size=3))
def test_every_path_is_within_the_folder_and_every_url_below_its_page(tmp_path_factory, parts):
    folder = tmp_path_factory.getbasetemp() / "within"
    folder.mkdir(exist_ok=True)
    try:
        path = published_path(folder, *parts)
    except UnsafeName:
        return
    assert path.resolve().relative_to(folder.resolve()).parts == tuple(parts)
    joined = urlsplit(urljoin("https://example.org/site/", url_of(*parts)))
    assert (joined.netloc, joined.query, joined.fragment) == ("example.org", "", "")
    assert joined.path.startswith("/site/")


@given(st.text(max_size=300))
def test_a_refused_name_is_shown_in_ascii_on_one_short_line(name):
    shown = refused_address("papers", name)
    assert shown.isascii()
    assert shown.isprintable()
    assert len(shown) <= 111


def test_a_link_that_leads_out_of_the_folder_is_refused(tmp_path):
    folder, outside = tmp_path / "publication", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (folder / "papers").symlink_to(outside)
    (folder / "index.html").symlink_to(outside / "index.html")
    for parts in (("papers", "kent", "x.csv"), ("papers", "x.csv"), ("index.html",)):
        with pytest.raises(UnsafeName, match="leads out"):
            published_path(folder, *parts)
    assert list(outside.iterdir()) == []


# What writes or makes a file; a `.replace` is mostly that of a text.
_WRITES = {"write_text", "write_bytes", "mkdir", "makedirs", "touch", "symlink_to", "hardlink_to", "symlink"}
_WRITES |= {"copyfile", "copy2", "copytree", "move", "link", "NamedTemporaryFile", "mkstemp"}
# Modules that the others write through.
_GUARDED = {"paths.py", "files.py", "pointer.py"}
# Functions that write to a path that they are given; those who call them have it from `published_path`.
_GIVEN = {"copy_to_parquet"}


def _functions(tree: ast.AST):
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name not in _GIVEN]


def _called(node: ast.AST) -> set[str]:
    names = set()
    for call in ast.walk(node):
        if isinstance(call, ast.Call):
            function = call.func
            names.add(function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", ""))
    return names


def _opens_to_write(node: ast.AST) -> bool:
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and getattr(call.func, "attr", getattr(call.func, "id", "")) == "open":
            modes = [argument.value for argument in call.args if isinstance(argument, ast.Constant)]
            if any(isinstance(mode, str) and set(mode) & set("wax+") and len(mode) < 4 for mode in modes):
                return True
    return False


def _has_database_write(node: ast.AST) -> bool:
    """Whether SQL in a function makes a file: `copy ... to FILE` or `attach FILE` to write to it."""
    for text in ast.walk(node):
        if isinstance(text, ast.JoinedStr):
            words = "".join(part.value if isinstance(part, ast.Constant) else "X" for part in text.values)
            if re.search(r"^\s*copy\b.*\bto\b", words) or (
                re.search(r"\battach\b", words) and "read_only" not in words
            ):
                return True
    return False


def _faults(source: str, module: str) -> list[str]:
    faults = []
    for function in _functions(ast.parse(source)):
        called = _called(function)
        if called & _WRITES or _opens_to_write(function):
            faults.append(f"{module}: {function.name} writes a file by itself")
        writes = _has_database_write(function) or called & _GIVEN
        if writes and "published_path" not in called:
            faults.append(f"{module}: {function.name} has DuckDB write to a path that is not from published_path")
    return faults


def test_every_file_of_a_publication_is_opened_through_the_guarded_functions():
    modules = [path for path in PACKAGE.rglob("*.py") if path.name not in _GUARDED]
    assert len(modules) > 20
    assert [fault for path in modules for fault in _faults(path.read_text(encoding="utf-8"), path.name)] == []


@pytest.mark.parametrize(
    "line",
    [
        "(folder / name).write_text('x')",
        "folder.mkdir()",
        "open(folder / name, 'w')",
        "(folder / name).open('ab')",
        "os.link(one, other)",
        "shutil.copyfile(one, other)",
        "connection.execute(f'copy x to {folder}')",
        "connection.execute(f'attach {file} as published')",
        "copy_to_parquet(connection, 'x', folder / name)",
    ],
)
def test_a_file_that_is_written_elsewhere_is_noticed(line):
    assert len(_faults(f"def some(folder, name):\n    {line}\n", "some.py")) == 1


def test_every_address_that_a_template_makes_of_data_goes_through_a_filter():
    # What the project itself names: folders upwards, pages of the navigation, forms of a paper, numbers of notes.
    own = {"root", "address", "form", "vega", "figure.note"}
    faults = []
    for path in PACKAGE.rglob("*.j2"):
        for value in re.findall(r'\b(?:href|src)="([^"]*(?:"[^"{}]*"[^"]*)*?)"', path.read_text(encoding="utf-8")):
            for expression in re.findall(r"\{\{(.*?)\}\}", value):
                name = expression.strip()
                if name not in own and not name.endswith(("|url", "|urlencode")):
                    faults.append(f"{path.name}: {value}")
    assert faults == []
