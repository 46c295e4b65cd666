"""What README and docs/ name exists in the code, and what the code can refuse is in the catalogue of reasons."""

import ast
import re
import subprocess
from io import StringIO
from pathlib import Path

import pytest
import typer
from dotenv import dotenv_values

from dagster_project.cli.app import app
from dagster_project.contracts import load_contract, load_contracts
from dagster_project.extracts import cells, pieces, rows
from dagster_project.settings import Settings
from dagster_project.validation.expectations import expectations_of

PROJECT = Path(__file__).resolve().parents[2]
README = PROJECT / "README.md"
COMMANDS = PROJECT / "docs" / "commands.md"
REASONS = PROJECT / "docs" / "reasons.md"
EXAMPLE = PROJECT / "docs" / "adding_a_source.md"
PAGES = [
    path
    for path in [README, PROJECT / "CONTRIBUTING.md", *PROJECT.glob("docs/**/*.md"), PROJECT / "deploy" / "README.md"]
    if path.is_file()
]


def sections(text: str) -> dict[str, str]:
    return dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", text, re.M | re.S))


def codes_in_tables(body: str) -> set[str]:
    """Code spans in the first cell of every table row."""
    firsts = re.findall(r"^\| (`[^|]*`) \|", body, re.M)
    return {code for cell in firsts for code in re.findall(r"`([^`]+)`", cell)}


def row_codes_of_the_program() -> set[str]:
    faults = [fault for fault in vars(cells).values() if isinstance(fault, cells.Fault)]
    faults += [*cells.NOT_OF_TYPE.values(), rows.DUPLICATE_ROW, rows.SUPERSEDED_ROW]
    return {fault.code for fault in faults} | set(rows.RECORD_FAULTS)


def file_codes_of_the_program() -> set[str]:
    """First arguments of all refusals in the readers: a text or a constant of the module; others are an error here."""
    found = set()
    for path in sorted((PROJECT / "dagster_project" / "extracts").glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        constants = {
            node.targets[0].id: node.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
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


def test_every_row_code_of_the_program_is_in_the_catalogue_and_no_other() -> None:
    documented: set[str] = set()
    for title, body in sections(REASONS.read_text(encoding="utf-8")).items():
        if title.startswith("Rows:"):
            documented |= codes_in_tables(body)
    assert documented == row_codes_of_the_program()


def test_the_readers_know_no_record_fault_that_the_catalogue_lacks() -> None:
    of_readers = {value for name, value in vars(pieces).items() if isinstance(value, str) and name == value.upper()}
    assert of_readers == set(rows.RECORD_FAULTS)


def test_every_file_code_of_the_readers_is_in_the_catalogue_and_no_other() -> None:
    body = sections(REASONS.read_text(encoding="utf-8"))["Deliveries: a file that cannot be read"]
    assert codes_in_tables(body) == file_codes_of_the_program()


def test_every_expectation_that_no_contract_states_is_in_the_catalogue_with_its_severity() -> None:
    body = sections(REASONS.read_text(encoding="utf-8"))["Deliveries: an expectation that failed"]
    documented = {
        (name, severity)
        for names, severity in re.findall(r"^\| (`[^|]*`) \| (\w+) \|", body, re.M)
        for name in re.findall(r"`([^`]+)`", names)
    }
    derived = set()
    for contract in load_contracts(PROJECT / "expectations").values():
        stated = {rule.name for rule in contract.rules}
        for expectation in expectations_of(contract):
            if expectation.name not in stated:
                derived.add((expectation.name, expectation.severity.value))
    assert documented == derived


COMMAND = re.compile(r"^(?:\$ )?(?:\.venv/bin/)?fcir (?:--debug )?([a-z][a-z-]*)", re.M)


def test_every_command_and_make_target_that_a_page_names_exists() -> None:
    commands = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.M))
    for page in PAGES:
        code = "\n".join(code_of(page))
        assert set(COMMAND.findall(code)) - commands == set(), page.name
        assert set(re.findall(r"^make ([a-z-]+)\b", code, re.M)) - targets == set(), page.name


def test_the_page_of_commands_names_every_command() -> None:
    group = typer.main.get_command(app)
    text = COMMANDS.read_text(encoding="utf-8")
    assert {verb for verb in group.commands if f"fcir {verb}" not in text} == set()  # type: ignore[attr-defined]


@pytest.mark.parametrize("file", [COMMANDS, PROJECT / ".env.example"], ids=lambda path: path.name)
def test_the_settings_named_are_the_settings_that_exist(file: Path) -> None:
    existing = {f"FCIR_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"\bFCIR_[A-Z_]+\b", file.read_text(encoding="utf-8"))) == existing


def test_a_shell_reads_the_settings_of_an_example_as_dotenv_does() -> None:
    """Operators load the file of settings into a shell (deploy/README.md)."""
    readme = "\n".join(code_of(PROJECT / "deploy" / "README.md"))
    lines = re.findall(r"^#?(FCIR_[A-Z_]+=.*)$", (PROJECT / ".env.example").read_text(encoding="utf-8"), re.M)
    for line in [*lines, *re.findall(r"^FCIR_[A-Z_]+=.*$", readme, re.M)]:
        [(name, value)] = dotenv_values(stream=StringIO(line)).items()
        read = subprocess.run(
            ["sh", "-c", f'{line}\nprintf %s "${name}"'], capture_output=True, text=True, check=True, env={}
        )
        assert read.stdout == value, line


def test_every_link_between_the_pages_leads_to_a_file_and_a_heading() -> None:
    broken = []
    for page in PAGES:
        for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", page.read_text(encoding="utf-8")):
            file = page.parent / target if target else page
            if not file.exists() or (anchor and anchor not in anchors_of(file)):
                broken.append(f"{page.relative_to(PROJECT)}: {target}#{anchor}")
    assert broken == []


def test_every_path_of_the_project_that_a_page_names_exists() -> None:
    roots = "dagster_project|dbt|expectations|deploy|docs|tests"
    broken = [
        f"{page.relative_to(PROJECT)}: {path}"
        for page in PAGES
        if page != EXAMPLE  # it names the files that the reader is going to make
        for path in re.findall(rf"`((?:{roots})/[\w./-]*)`", page.read_text(encoding="utf-8"))
        if "SOURCE" not in path and not (PROJECT / path).exists()
    ]
    assert broken == []


def test_the_contract_of_the_worked_example_can_be_used(tmp_path: Path) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    example = next(block for block in re.findall(r"```yaml\n(.*?)```", text, re.S) if "kind: DataContract" in block)
    file = tmp_path / "front_counter_visits.odcs.yaml"
    file.write_text(example, encoding="utf-8")
    contract = load_contract(file)
    assert [column.name for column in contract.columns if column.is_personal] == ["visitor_name"]
    assert "waits_end_within_a_day" in {expectation.name for expectation in expectations_of(contract)}


def code_of(page: Path) -> list[str]:
    """Text of a page that is set as code: spans and blocks."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"```[a-z]*\n(.*?)```", text, re.S)
    spans = re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.S))
    return blocks + spans


def anchors_of(page: Path) -> set[str]:
    """Anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
