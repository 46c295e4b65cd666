"""Write Data Docs, the site that Great Expectations builds of suites and results, as self-contained pages.

The original templates load 17 files from seven content delivery networks, which a police network cannot reach, and need
a script for the list of results. So the site configuration names views of this project, which replace the templates of
the frame and of the parts that need a script. Imported on demand: Great Expectations takes 2.5 CPU seconds.
"""

import json
import shutil
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any

from dagster_project.validation.suite import memory_context  # first: it keeps Great Expectations from reporting

# isort: split
import great_expectations as gx
from great_expectations.core.expectation_validation_result import expectationSuiteValidationResultSchema
from great_expectations.data_context.types.resource_identifiers import (
    ExpectationSuiteIdentifier,
    ValidationResultIdentifier,
)
from great_expectations.render.view import DefaultJinjaPageView
from jinja2 import ChoiceLoader, DictLoader

from dagster_project.writing import private_files

_TEMPLATES = {
    "page.j2": """<!doctype html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Data Docs</title>
<style>
body { font: 16px/1.4 sans-serif; margin: 1rem; }
table { border-collapse: collapse; }
th, td { border: 1px solid #bfbfbf; padding: .25rem .5rem; text-align: left; vertical-align: top; }
.text-danger { color: #b3261e; font-style: normal; font-weight: bold; }
.fa-check-circle::before { content: "passed"; font-style: normal; }
.fa-times::before { content: "failed"; }
.fa-exclamation-triangle::before { content: "not computed"; }
.fa-comment::before { content: "rows that fail"; font-style: normal; }
</style>
</head>
<body>
{% set depth = {"ValidationResultsPageRenderer": 4, "ExpectationSuitePageRenderer": 1}.get(renderer_type) %}
{% if depth %}<p><a href="{{ "../" * depth }}index.html">All results</a></p>{% endif %}
<main>
{% if is_synthetic %}<p><strong>Synthetic sample.</strong> The extracts were made up.</p>{% endif %}
{% for section in sections %}{% set section_loop = loop %}{% include 'section.j2' %}{% endfor %}
</main>
</body>
</html>
""",
    "tabs.j2": """{% for tab in content_block["tabs"] %}<h2>{{ tab["tab_name"] }}</h2>
{{ tab["tab_content"] | render_content_block(content_block_id=content_block_id ~ '-' ~ loop.index) }}
{% endfor %}""",
    "bootstrap_table.j2": """<table>
{% set columns = content_block["table_columns"] | rejectattr("field", "eq", "batch_identifier") | list %}
<thead><tr>{% for column in columns %}<th scope="col">{{ column["title"] }}</th>{% endfor %}
<th scope="col">Page</th></tr></thead>
<tbody>{% for row in content_block["table_data"] %}
<tr>{% for column in columns %}<td>{{ row[column["field"]] | render_content_block }}</td>{% endfor %}
<td><a href="{{ row["_table_row_link_path"] }}">Open</a></td></tr>{% endfor %}
</tbody>
</table>
""",
    "collapse.j2": """<details><summary>{{ content_block["collapse_toggle_link"] | render_content_block }}</summary>
{% for block in content_block["collapse"] %}
{{ block | render_content_block(content_block_id=content_block_id ~ '-' ~ loop.index) }}
{% endfor %}</details>""",
}


class OfflinePageView(DefaultJinjaPageView):
    """A page of Data Docs that needs no script or other file."""

    def __init__(self, *, is_synthetic: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.env.globals["is_synthetic"] = is_synthetic
        self.env.loader = ChoiceLoader([DictLoader(_TEMPLATES), self.env.loader])


def write_data_docs(documents: Iterable[str], folder: Path) -> Path:
    """Build the Great Expectations site from these results, with each suite as in its first result.

    Args:
        documents: JSON of results (`ValidationResult.document`), newest first.
        folder: folder of the site; its content is replaced.

    Returns:
        The page that lists all results.
    """
    context = memory_context()
    suites: set[str] = set()
    is_synthetic = False
    for document in documents:
        stated = json.loads(document)
        for result in stated["results"]:
            configuration = result["expectation_config"]
            # Great Expectations does not escape it.
            configuration["description"] = escape(configuration["description"], quote=False)
        is_synthetic |= stated["meta"]["is_synthetic"]
        name = stated["suite_name"]
        if name not in suites:
            suites.add(name)
            context.suites.add(
                gx.ExpectationSuite(name, expectations=[_expectation(item) for item in stated["results"]])
            )
        key = ValidationResultIdentifier(
            ExpectationSuiteIdentifier(name), gx.RunIdentifier(**stated["meta"]["run_id"]), "candidate"
        )
        context.validation_results_store.set(key, expectationSuiteValidationResultSchema.load(stated))
    draft = folder.resolve().with_name(f".{folder.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    # Great Expectations would print a traceback for every page, and go on.
    draft.mkdir(mode=0o700)
    view = {"module_name": __name__, "class_name": OfflinePageView.__name__, "is_synthetic": is_synthetic}
    context.add_data_docs_site(
        "data_docs",
        {
            "class_name": "SiteBuilder",
            "show_how_to_buttons": False,
            "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(draft)},
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder", "view": view},
            "site_section_builders": {"expectations": {"view": view}, "validations": {"view": view}},
        },
    )
    # A user who can write to them could show the operator other results, or a script.
    with private_files():
        context.build_data_docs()
    # Remove 4 MB of fonts and pictures that no page uses.
    shutil.rmtree(draft / "static")
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)
    return folder / "index.html"


def _expectation(result: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration of an expectation without its identifier, which would tie it to another suite."""
    return {name: value for name, value in result["expectation_config"].items() if name != "id"}
