"""Every package is locked with a hash, and has a licence that allows its use."""

import re
import tomllib
from importlib.metadata import distributions

import pytest

from dagster_project.settings import PROJECT_ROOT

# What hatchling needs, and editables, which it asks for when uv installs the project in place.
BUILD_TOOLS = {"editables", "hatchling", "packaging", "pathspec", "pluggy", "tomlkit", "trove-classifiers"}


def text(*path: str) -> str:
    return PROJECT_ROOT.joinpath(*path).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def lock() -> dict:
    return tomllib.loads(text("uv.lock"))


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


def test_every_package_has_a_licence_that_allows_its_use():
    licences = {}
    for about in (package.metadata for package in distributions()):
        classified = [text for text in about.get_all("Classifier", []) if text.startswith("License ::")]
        licences[about["Name"]] = about.get("License-Expression") or ", ".join(classified) or about.get("License") or ""
    # Of tests alone; its file says MIT.
    assert {name for name, licence in licences.items() if licence in ("", "UNKNOWN")} <= {"axe-playwright-python"}
    # Not the Lesser GPL, of a library that is used as it is; those that are listed are also under another licence.
    general = re.compile(r"(?<!Lesser )General Public|\bA?GPL")
    assert {name for name, licence in licences.items() if general.search(licence)} <= {"docutils", "text-unidecode"}
