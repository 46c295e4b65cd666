"""What README and docs/ name exists in the code, and what the code can refuse is in the catalogue of reasons."""

import ast
import re
import subprocess
from io import StringIO

import pytest
import typer
from dotenv import dotenv_values

from dagster_project.cli.app import app_of
from dagster_project.contracts import load_contracts
from dagster_project.extracts import cells, rows
from dagster_project.settings import CONTRACTS, PROJECT_ROOT, Settings
from dagster_project.validation.expectations import expectations_of

COMMANDS, REASONS, EXAMPLE = (
    PROJECT_ROOT / "docs" / f"{name}.md" for name in ("commands", "reasons", "adding_a_source")
)
DEPLOY, ENV = PROJECT_ROOT / "deploy" / "README.md", PROJECT_ROOT / ".env.example"
PAGES = {
    path: path.read_text(encoding="utf-8")
    for path in (*PROJECT_ROOT.glob("*.md"), *PROJECT_ROOT.glob("docs/**/*.md"), DEPLOY, CONTRACTS / "README.md")
    if path.name != "CHANGELOG.md"
}


def code_of(text: str) -> str:
    """What a page sets as code: blocks and spans."""
    blocks = re.findall(r"```[a-z]*\n(.*?)```", text, re.S)
    return "\n".join([*blocks, *re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.S))])


def anchors_of(text: str) -> set[str]:
    """Anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


# -- the catalogue of reasons


def catalogued(title: str) -> list[tuple[str, str]]:
    """Each code in the tables of the sections whose titles begin so, with the next cell."""
    sections = re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGES[REASONS], re.M | re.S)
    rows = [
        row for name, body in sections if name.startswith(title) for row in re.findall(r"^\| (`.*) \|$", body, re.M)
    ]
    return [(code, row.split(" | ")[1]) for row in rows for code in re.findall(r"`([^`]+)`", row.split(" | ")[0])]


def test_the_row_codes_of_the_program_are_those_of_the_catalogue():
    faults = [fault for fault in vars(cells).values() if isinstance(fault, cells.Fault)]
    faults += [*cells.NOT_OF_TYPE.values(), rows.DUPLICATE_ROW, rows.SUPERSEDED_ROW]
    assert {code for code, _ in catalogued("Rows:")} == {fault.code for fault in faults} | set(rows.RECORD_FAULTS)


def file_codes() -> set[str]:
    """First arguments of all refusals in the readers: a text or a constant of the module; others are an error here."""
    found = set()
    for path in sorted((PROJECT_ROOT / "dagster_project" / "extracts").glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assigned = [node for node in tree.body if isinstance(node, ast.Assign)]
        constants = {node.targets[0].id: node.value for node in assigned if isinstance(node.targets[0], ast.Name)}
        for node in ast.walk(tree):
            name = getattr(node, "func", None) and getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name not in ("UnreadableExtract", "_refused"):
                continue
            code = node.args[0]
            if isinstance(code, ast.Name):
                # A parameter holds the code of another call.
                if code.id not in constants:
                    continue
                code = constants[code.id]
            assert isinstance(code, ast.Constant), f"{path.name}:{node.lineno}"
            found.add(str(code.value))
    return found


def test_the_file_codes_of_the_readers_are_those_of_the_catalogue():
    assert {code for code, _ in catalogued("Deliveries: a file that cannot be read")} == file_codes()


def test_the_expectations_that_no_contract_states_are_in_the_catalogue_with_their_severity():
    derived = {
        (expectation.name, expectation.severity.value)
        for contract in load_contracts(CONTRACTS).values()
        for expectation in expectations_of(contract)
        if expectation.name not in {rule.name for rule in contract.rules}
    }
    assert set(catalogued("Deliveries: an expectation that failed")) == derived


# -- commands, settings, links and paths


def test_every_command_and_make_target_that_a_page_names_exists_and_every_command_is_named():
    commands = set(typer.main.get_command(app_of()).commands)  # type: ignore[attr-defined]
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT_ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    for page, text in PAGES.items():
        code = code_of(text)
        named = set(re.findall(r"^(?:\$ )?(?:\.venv/bin/)?fcir (?:--debug )?([a-z][a-z-]*)", code, re.M))
        assert named - commands == set(), page.name
        assert set(re.findall(r"^make ([a-z-]+)\b", code, re.M)) - targets == set(), page.name
    assert {command for command in commands if f"fcir {command}" not in PAGES[COMMANDS]} == set()


@pytest.mark.parametrize("file", [COMMANDS, ENV], ids=lambda path: path.name)
def test_the_settings_named_are_the_settings_that_exist(file):
    existing = {f"FCIR_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"\bFCIR_[A-Z_]+\b", file.read_text(encoding="utf-8"))) == existing


def test_a_shell_reads_the_settings_of_an_example_as_dotenv_does():
    """Operators load the file of settings into a shell (deploy/README.md)."""
    lines = re.findall(r"^#?(FCIR_[A-Z_]+=.*)$", ENV.read_text(encoding="utf-8"), re.M)
    for line in [*lines, *re.findall(r"^FCIR_[A-Z_]+=.*$", code_of(PAGES[DEPLOY]), re.M)]:
        ((name, value),) = dotenv_values(stream=StringIO(line)).items()
        script = f'{line}\nprintf %s "${name}"'
        read = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True, env={})
        assert read.stdout == value, line


def test_every_link_between_the_pages_leads_to_a_file_and_a_heading():
    broken = [
        f"{page.name}: {target}#{anchor}"
        for page, text in PAGES.items()
        for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", text)
        for file in [page.parent / target if target else page]
        if not file.exists() or (anchor and anchor not in anchors_of(file.read_text(encoding="utf-8")))
    ]
    assert broken == []


def test_every_path_of_the_project_that_a_page_names_exists():
    roots = "dagster_project|dbt|expectations|deploy|docs|tests"
    broken = [
        f"{page.name}: {path}"
        for page, text in PAGES.items()
        if page != EXAMPLE  # it names the files that the reader is going to make
        for path in re.findall(rf"`((?:{roots})/[\w./-]*)`", text)
        if "SOURCE" not in path and not (PROJECT_ROOT / path).exists()
    ]
    assert broken == []
