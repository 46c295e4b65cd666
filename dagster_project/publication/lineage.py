"""The documentation of the dbt project as a page of the publication: every model, its SQL, and where it comes from."""

from __future__ import annotations

from pathlib import Path

from dagster_project.publication.files import link, manifest_of
from dagster_project.settings import PROJECT_ROOT, Settings
from dagster_project.transformation.project import fingerprint, write_docs

# What dbt's page asks a browser for although it is not there, for which the browser complains: icons by the expression
# that Angular is to fill in, and an icon of the page that its own build left out.
_REPAIRS = {
    ' xlink:href="{{': ' ng-attr-xlink:href="{{',
    "href=\"${require('./assets/favicons/favicon.ico')}\"": 'href="data:,"',
}

PAGE = Path("dictionary") / "lineage.html"


def write_lineage(settings: Settings, folder: Path, before: Path | None) -> None:
    """Write the page, or take it over from the publication before, when that was made from the same project.

    Args:
        settings: where the warehouse is; the caller holds the writer lock and no connection.
        folder: folder of the publication that is being written.
        before: folder of the publication before.

    Raises:
        DbtError: dbt could not write it.
    """
    target = folder / PAGE
    target.parent.mkdir(parents=True, exist_ok=True)
    if before and (before / PAGE).is_file() and manifest_of(before)["dbt_project_sha256"] == fingerprint():
        link(before / PAGE, target)
        return
    page = write_docs(settings).read_text(encoding="utf-8")
    # Readers have no use for where on a server the project lies, and others none of their business.
    for path in (settings.home, PROJECT_ROOT):
        page = page.replace(str(path), "")
    for fault, repaired in _REPAIRS.items():
        page = page.replace(fault, repaired)
    target.write_text(page, encoding="utf-8")
