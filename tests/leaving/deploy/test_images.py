"""Images of the example for Kubernetes."""

import re

from dagster_project.settings import PROJECT_ROOT

KUBERNETES = PROJECT_ROOT / "deploy" / "kubernetes"


def text(*path: str) -> str:
    return PROJECT_ROOT.joinpath(*path).read_text(encoding="utf-8")


def test_every_image_without_a_digest_is_listed_with_the_command_that_gives_it():
    files = "\n".join(file.read_text("utf-8") for file in (KUBERNETES / "Dockerfile", *KUBERNETES.glob("*.yaml")))
    images = set(re.findall(r"^(?:FROM| +(?:- )?image:) (\S+)", files, re.M))
    of_others = {name for name in images if "@sha256:" not in name and not name.startswith("registry.example/fcir:")}
    page = text("SECURITY.md").partition("### Images")[2]
    assert set(re.findall(r"^\| `([^`]+)` \|", page, re.M)) == of_others
    assert set(re.findall(r"^docker buildx imagetools inspect (\S+) --format", page, re.M)) == of_others


def test_the_image_installs_uv_by_its_hash():
    [version] = re.findall(r"^UV_VERSION := (.+)$", text("Makefile"), re.M)
    image = re.sub(r"\\\n +", "", (KUBERNETES / "Dockerfile").read_text(encoding="utf-8"))
    assert f"\nCOPY .ci/uv-{version}.txt .ci/\n" in image.partition("pip install")[0]
    installs = re.findall(r"pip install.*", image)
    assert installs
    assert all(f"--require-hashes -r .ci/uv-{version}.txt" in line for line in installs)
