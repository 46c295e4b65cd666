"""Every package is locked with a hash, and the list of licences is that of the lock file."""

import re
import tomllib

import pytest

from dagster_project.settings import PROJECT_ROOT

# What hatchling needs, and editables, which it asks for when uv installs the project in place.
BUILD_TOOLS = {"editables", "hatchling", "packaging", "pathspec", "pluggy", "tomlkit", "trove-classifiers"}


def text(*path: str) -> str:
    return PROJECT_ROOT.joinpath(*path).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def lock() -> dict:
    return tomllib.loads(text("uv.lock"))


@pytest.fixture(scope="module")
def licences() -> dict[str, tuple[str, str]]:
    """Version and licence of every package of docs/licences.md."""
    rows = re.findall(r"^\| (\S+) +\| (\S+) +\| (.*?) *\|$", text("docs", "licences.md"), re.M)
    return {re.sub(r"[-_.]+", "-", name).lower(): (version, licence) for name, version, licence in rows[1:]}


def test_every_package_comes_from_a_registry_with_a_hash_for_every_file(lock):
    assert {key for package in lock["package"] for key in package["source"]} == {"registry", "editable"}
    files = [file for package in lock["package"] for file in (*package.get("wheels", ()), package.get("sdist"))]
    assert len(files) > 1000
    assert all(file["hash"].startswith("sha256:") for file in files if file)


def test_what_builds_the_project_is_pinned_with_hashes(lock):
    project = tomllib.loads(text("pyproject.toml"))
    pinned = {}
    for item in project["tool"]["uv"]["build-constraint-dependencies"]:
        name, version = item["requirement"].split("==")
        assert re.fullmatch(r"(sha256:[0-9a-f]{64} ?)+", " ".join(item["hashes"])), name
        pinned[name] = f"=={version}"
    assert set(pinned) == BUILD_TOOLS
    assert {re.split("[<>=~]", name)[0] for name in project["build-system"]["requires"]} <= set(pinned)
    assert {item["name"]: item["specifier"] for item in lock["manifest"]["build-constraints"]} == pinned


def test_uv_itself_is_installed_by_its_hash():
    makefile = text("Makefile")
    [version] = re.findall(r"^UV_VERSION := (.+)$", makefile, re.M)
    requirement, *hashes = re.findall(r"^([^#].*?)[ \\]*$", text(".ci", f"uv-{version}.txt"), re.M)
    assert (requirement, len(hashes) > 10) == (f"uv=={version}", True)
    assert all(re.fullmatch(r" +--hash=sha256:[0-9a-f]{64}", line) for line in hashes)
    installs = re.findall(r"pip install.*", makefile)
    assert {"--require-hashes -r .ci/uv-$(UV_VERSION).txt" in line for line in installs} == {True}


def test_licences_are_of_the_packages_that_the_product_needs(lock, licences):
    # What these need in turn has changed only if one of the locked versions has.
    [product] = [package for package in lock["package"] if package["name"] == "fcir"]
    needed = [*product["dependencies"], *(item for of in product["optional-dependencies"].values() for item in of)]
    assert {item["name"] for item in needed} - licences.keys() == set()
    listed = {(name, version) for name, (version, _) in licences.items() if name not in ("pip", "setuptools")}
    # Some are locked with a version for older Pythons besides.
    assert listed - {(package["name"], package.get("version")) for package in lock["package"]} == set(), "make sbom"


def test_every_package_has_a_licence_that_allows_its_use(licences):
    assert {name for name, (_, licence) in licences.items() if licence in ("", "UNKNOWN")} == set()
    # Not the Lesser GPL, of a library that is used as it is; the one that is listed is also under the Artistic License.
    general = re.compile(r"(?<!Lesser )General Public|\bA?GPL")
    assert {name for name, (_, licence) in licences.items() if general.search(licence)} == {"text-unidecode"}
