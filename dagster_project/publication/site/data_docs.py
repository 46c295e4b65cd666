"""Great Expectations' Data Docs as pages of the site. What they show is made in `validation/data_docs.py`.

A page is made once. While its result and its rendering stay the same, later publications take the file over, so that a
night without new results imports no Great Expectations.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb
from markupsafe import Markup

from dagster_project.clock import LONDON
from dagster_project.publication.files import take_over
from dagster_project.publication.paths import address_of
from dagster_project.publication.site.data import Rows, rows_of
from dagster_project.validation.engine import DELIVERIES_SUFFIX
from dagster_project.validation.results import engine_version

FOLDER = "quality/data_docs"

# What decides how a page looks, beside its result and Great Expectations itself.
_RENDERING = (
    "validation/data_docs.py",
    "publication/site/data_docs.py",
    "publication/site/pages.py",
    "publication/templates/site/base.html.j2",
    "publication/templates/site/data_docs_page.html.j2",
)

_LINK_TO_SUITE = re.compile(r'<a\b[^>]*href="[^"]*expectations/[^"]*"[^>]*>(.*?)</a>', re.DOTALL)


def write_data_docs(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    before: Path | None,
    *,
    write: Callable[..., None],
    missing: Collection[str] = (),
) -> dict[str, Rows]:
    """Write a page for each result that is kept, and for each suite as of its newest result.

    Results that another release of Great Expectations wrote are left out: this one may not be able to show them.

    Args:
        connection: the warehouse.
        folder: folder of the publication that is being written.
        before: folder of the publication before.
        write: writes a page of the site, by address, template and content.
        missing: addresses below the publication that are not there and may not be linked.

    Returns:
        The results of each suite, the newest first, with `at` in London time, the `address` of its page and that of
        its suite (`suite_address`), and what it is `named`.
    """
    results = [
        row
        | {
            "at": row["validated_at"].replace(tzinfo=UTC).astimezone(LONDON),
            "address": _address(row),
            "suite_address": address_of(*FOLDER.split("/"), "expectations", f"{row['suite']}.html"),
            "named": f"{'deliveries' if row['suite'].endswith(DELIVERIES_SUFFIX) else 'rows'} of {row['source']}",
        }
        for row in rows_of(
            connection,
            """
            select *
            from audit.validation_result
            where engine_version = $engine_version
            order by suite, validated_at desc, run_id desc
            """,
            {"engine_version": engine_version()},
        )
    ]
    suites = {suite: list(found) for suite, found in groupby(results, key=lambda row: row["suite"])}
    for found in suites.values():
        page = _Page(folder, before, write, missing)
        named = found[0]["named"]
        page.settle(found[0]["suite_address"], f"What is expected of {named}", found[0], of_suite=True)
        for result in found:
            title = f"{named.capitalize()}, validated {result['at']:%-d %B %Y %H:%M:%S}"
            page.settle(result["address"], title, result, of_suite=False)
    return suites


class _Page:
    """Writes pages into a publication, or takes them over from the one before."""

    def __init__(self, folder: Path, before: Path | None, write: Callable[..., None], missing: Collection[str]) -> None:
        self.folder, self.before, self.write = folder, before, write
        self.missing = missing

    def settle(self, address: str, title: str, result: dict[str, Any], *, of_suite: bool) -> None:
        """See that a page of a result, or of its suite, is there."""
        document = result["document"]
        made_of = sha256(f"{_rendering()}{title}{document}{''.join(sorted(self.missing))}".encode()).hexdigest()[:32]
        there = self.before and self.before / address
        if self.before and there and there.is_file() and f'content="{made_of}"' in there.read_text(encoding="utf-8"):
            take_over(self.before, self.folder, address)
            return
        from dagster_project.validation.data_docs import result_body, suite_body

        body = suite_body(document) if of_suite else result_body(document)
        if result["suite_address"] in self.missing:
            body = _LINK_TO_SUITE.sub(r"\1", body)
        self.write(
            address,
            "data_docs_page.html.j2",
            here="quality/index.html",
            title=title,
            made_of=made_of,
            of_synthetic=json.loads(document)["meta"]["is_synthetic"],
            engine=result["engine_version"],
            # Made of a contract's text, which Great Expectations and `validation/data_docs.py` escape.
            body=Markup(body),  # noqa: S704
        )


@cache
def _rendering() -> str:
    package = files("dagster_project")
    digest = sha256(engine_version().encode())
    for path in _RENDERING:
        digest.update((package / path).read_bytes())
    return digest.hexdigest()


def _address(row: dict[str, Any]) -> str:
    """Where the page of a result is: below `FOLDER` where Great Expectations puts it below its site."""
    validated_at: datetime = row["validated_at"]
    run = re.sub(r"[^A-Za-z0-9-]", "-", row["run_id"])
    at = f"{validated_at:%Y%m%dT%H%M%S.%fZ}"
    return address_of(*FOLDER.split("/"), "validations", row["suite"], run, at, f"incoming-{row['suite']}.html")
