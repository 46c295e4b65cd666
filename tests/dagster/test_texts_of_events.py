"""A text that comes from an extract, such as the name of a file or column, is never Markdown in the Dagster UI."""

from datetime import date

import dagster as dg

from dagster_project.defs.dbt_events import check_result
from dagster_project.defs.lists import list_of
from dagster_project.defs.source_events import SourceEvents
from dagster_project.loading.acceptance import DeliveryOutcome
from dagster_project.loading.candidate import FileLoad
from dagster_project.loading.report import SourceReport
from dagster_project.settings import PROJECT_ROOT
from dagster_project.transformation.build import NodeResult
from dagster_project.words import in_markdown
from tests.unit.small_contracts import small_contract

DAY = date(2022, 10, 30)
TEXT = "![p](https:&#47;&#47;e.example&#47;a.png)_[Sign in](https://e.example) <b>x</b>"


def cells(value: dg.MetadataValue) -> list[object]:
    """The cells of a table, which the UI shows as they are."""
    assert isinstance(value, dg.TableMetadataValue)
    return [cell for record in value.records for cell in record.data.values()]


def events(warnings: tuple[str, ...] = ()) -> SourceEvents:
    file = FileLoad(1, "calls", DAY, TEXT, error=f"{TEXT}: no header found", error_code="no_header")
    delivery = DeliveryOutcome("calls", DAY, "rejected", f"{TEXT}: no header found", (file,), is_correction=False)
    report = SourceReport("calls", (delivery,), (), (), warnings)
    return SourceEvents(small_contract("calls"), report, {}, {})


def test_reasons_and_warnings_of_a_source_are_cells():
    metadata = events((f"calls/{TEXT}: not an extract",)).result().metadata
    assert cells(metadata["rejected_deliveries"]) == [f"{DAY}: {TEXT}: no header found"]
    assert cells(metadata["warnings"]) == [f"calls/{TEXT}: not an extract"]


def test_reasons_of_unreadable_files_are_cells():
    reading, *_ = events().check_results()
    assert cells(reading.metadata["reasons"]) == [f"{TEXT}: no header found"]


def test_a_list_shows_so_many_of_its_lines_and_may_be_empty():
    assert cells(list_of("warning", ["a", "b", "c"], 2)) == ["a", "b"]
    assert cells(list_of("member", [])) == []


def test_a_message_of_the_engine_is_a_code_span():
    message = f"Conversion Error: Could not convert string '{TEXT}'\n\n# LINE 1"
    node = NodeResult("test.a", "test", "a", "marts", "error", message, 0.1, None)
    result = check_result(dg.AssetCheckSpec("a", asset="b"), node)
    assert result.description == in_markdown(message.replace("\n\n", " "))


def test_markdown_is_only_made_of_files_of_the_project_and_of_tables_with_escapes():
    folder = PROJECT_ROOT / "dagster_project"
    counts = {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8").count("MetadataValue.md(")
        for path in folder.rglob("*.py")
    }
    assert {name: count for name, count in counts.items() if count} == {"defs/links.py": 1, "defs/publication.py": 1}
