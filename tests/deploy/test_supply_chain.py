"""Every package is locked with a hash, and the list of licences is that of the lock file."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from dagster_project.settings import PROJECT_ROOT

LOCK = tomllib.loads((PROJECT_ROOT / "uv.lock").read_text(encoding="utf-8"))
# Not in the environment that is listed, or part of it without being a package of the product.
BUILD_TOOLS = {"editables", "hatchling", "packaging", "pathspec", "pluggy", "tomlkit", "trove-classifiers"}
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


def test_what_builds_the_project_is_pinned_with_hashes():
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    pinned = {}
    for item in project["tool"]["uv"]["build-constraint-dependencies"]:
        name, version = item["requirement"].split("==")
        assert item["hashes"], name
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", value) for value in item["hashes"]), name
        pinned[name] = version
    # With all that hatchling needs, and editables, which it asks for when uv installs the project in place.
    assert set(pinned) == BUILD_TOOLS
    assert {re.split("[<>=~]", name)[0] for name in project["build-system"]["requires"]} <= set(pinned)
    noted = {item["name"]: item["specifier"] for item in LOCK["manifest"]["build-constraints"]}
    assert noted == {name: f"=={version}" for name, version in pinned.items()}


def test_uv_itself_is_installed_by_its_hash():
    makefile = (PROJECT_ROOT / "Makefile").read_text(encoding="utf-8")
    [version] = re.findall(r"^UV_VERSION := (.+)$", makefile, re.M)
    lines = (PROJECT_ROOT / ".ci" / f"uv-{version}.txt").read_text(encoding="utf-8").splitlines()
    requirement, *hashes = [line.rstrip(" \\") for line in lines if not line.startswith("#")]
    assert requirement == f"uv=={version}"
    assert len(hashes) > 10
    assert all(re.fullmatch(r" +--hash=sha256:[0-9a-f]{64}", line) for line in hashes)
    installs = [line for line in makefile.splitlines() if "pip install" in line]
    assert [line for line in installs if "--require-hashes -r .ci/uv-$(UV_VERSION).txt" not in line] == []
    image = (PROJECT_ROOT / "deploy" / "kubernetes" / "Dockerfile").read_text(encoding="utf-8")
    image = re.sub(r"\\\n +", "", image).splitlines()
    [copied] = [number for number, line in enumerate(image) if line == f"COPY .ci/uv-{version}.txt .ci/"]
    [installed] = [number for number, line in enumerate(image) if "pip install" in line]
    assert copied < installed
    assert image[installed].endswith(f" --require-hashes -r .ci/uv-{version}.txt")


def test_every_image_without_a_digest_is_listed_with_the_command_that_gives_it():
    folder = PROJECT_ROOT / "deploy" / "kubernetes"
    files = [folder / "Dockerfile", *folder.glob("*.yaml")]
    texts = "\n".join(file.read_text(encoding="utf-8") for file in files)
    images = set(re.findall(r"^(?:FROM| +(?:- )?image:) (\S+)", texts, re.M))
    of_others = {
        image for image in images if "@sha256:" not in image and not image.startswith("registry.example/fcir:")
    }
    page = (PROJECT_ROOT / "SECURITY.md").read_text(encoding="utf-8").partition("### Images")[2]
    assert set(re.findall(r"^\| `([^`]+)` \|", page, re.M)) == of_others
    assert set(re.findall(r"^docker buildx imagetools inspect (\S+) --format", page, re.M)) == of_others


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
