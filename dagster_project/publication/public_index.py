"""The first page of a public edition: its papers, its tables, and how small counts are protected."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import duckdb
from markdown_it import MarkdownIt
from markupsafe import Markup

from dagster_project.clock import LONDON
from dagster_project.publication.draft import Draft
from dagster_project.publication.files import write
from dagster_project.publication.forms import FORMS
from dagster_project.publication.html import render_template
from dagster_project.publication.papers import Paper, first_shown
from dagster_project.publication.report.commentary import PUBLIC_FIELDS, contact_lines

INDEX = "index.html"


def write_public_index(
    connection: duckdb.DuckDBPyConnection,
    draft: Draft,
    papers: Sequence[Paper],
    *,
    notes: str,
    front: Mapping[str, str],
    force_code: str,
    published_at: datetime,
    is_synthetic: bool,
) -> None:
    """Write `index.html`, which links to every paper and table of the edition.

    Args:
        connection: the database of the edition; the comments on its tables describe them.
        draft: the edition; it has the papers and tables.
        papers: the papers, by force, newest month first.
        notes: the notes for readers, in Markdown.
        front: front matter for public editions (`read_public_front`).
        force_code: the force whose newest paper is linked first.
        published_at: time of publication, with time zone.
        is_synthetic: whether any row behind the edition is synthetic.
    """
    tables = connection.execute(
        "select table_name, comment, estimated_size from duckdb_tables() where schema_name = 'marts' order by all"
    ).fetchall()
    content = {
        "papers": sorted(papers, key=lambda paper: paper.force_code != force_code),
        "latest": first_shown(papers, force_code),
        "forms": FORMS,
        "tables": [
            (name, comment, rows, [(form, f"{form}/{name}.{form}") for form in ("csv", "parquet")])
            for name, comment, rows in tables
        ],
        "contacts": contact_lines(front, PUBLIC_FIELDS),
        "published_at": published_at.astimezone(LONDON),
        "is_synthetic": is_synthetic,
    }
    page = draft.renderer.render(INDEX, public_index, content, notes)
    if page:
        write(draft.folder, INDEX, page.content)


def public_index(content: Mapping[str, Any], notes: str) -> str:
    """Render the page; HTML in the notes is shown as text."""
    method = MarkdownIt("js-default", {"html": False}).render(_sections(notes))
    return render_template("public_index.html.j2", {**content, "notes": Markup(method)})  # noqa: S704


def _sections(notes: str) -> str:
    """Return the notes from their first section on; the page says otherwise what comes before it."""
    return notes[notes.index("\n## ") :]
