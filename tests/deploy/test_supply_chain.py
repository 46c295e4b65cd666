"""Every package is locked with a hash, and the list of licences is that of the lock file."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from dagster_project.settings import PROJECT_ROOT

LOCK = tomllib.loads((PROJECT_ROOT / "uv.lock").read_text(encoding="utf-8"))
# Not in the environment that is listed, or part of it without being a package of the product.
INSTALLERS = {"pip", "setuptools"}


def listed() -> dict[str, tuple[str, str]]:
    """Version and licence of every package of docs/licences.md."""
    page = (PROJECT_ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("| ")
    ]
    return {normal(name): (version, licence) for name, version, licence in rows[1:]}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def needed(packages: Mapping[str, Any]) -> set[str]:
    """Names of the packages that the product needs on every system, with all of its extras."""

    def dependencies(package: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        yield from package.get("dependencies", ())
        for extra in package.get("optional-dependencies", {}).values() if package["name"] == "fcir" else ():
            yield from extra

    found: set[str] = set()
    open_names = ["fcir"]
    while open_names:
        name = open_names.pop()
        if name in found:
            continue
        found.add(name)
        open_names += [item["name"] for item in dependencies(packages[name]) if "marker" not in item]
    return found - {"fcir"}


def test_every_file_of_the_lock_file_has_a_hash():
    packages = [package for package in LOCK["package"] if "registry" in package["source"]]
    assert len(packages) > 200
    files = [file for package in packages for file in (*package.get("wheels", ()), package.get("sdist"))]
    assert all(file["hash"].startswith("sha256:") for file in files if file)


def test_no_package_comes_from_anywhere_but_a_registry():
    assert {key for package in LOCK["package"] for key in package["source"]} <= {"registry", "editable"}


def test_licences_are_of_the_packages_that_the_product_needs():
    # Some have a version for older Pythons besides.
    locked = {(package["name"], package.get("version")) for package in LOCK["package"]}
    licences = listed()
    assert needed({package["name"]: package for package in LOCK["package"]}) - set(licences) == set()
    installed = {(name, version) for name, (version, _) in licences.items() if name not in INSTALLERS}
    assert installed - locked == set(), "make sbom"


def test_every_package_has_a_licence_that_allows_its_use():
    unclear = {name: licence for name, (_, licence) in listed().items() if licence in ("", "UNKNOWN")}
    assert unclear == {}
    # Not the Lesser GPL, of a library that is used as it is.
    general = re.compile(r"(?<!Lesser )General Public|\bA?GPL")
    # The first is also under the Artistic License.
    assert {name for name, (_, licence) in listed().items() if general.search(licence)} == {"text-unidecode"}
