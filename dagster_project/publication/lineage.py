"""The documentation of the dbt project as a page of the publication: every model, its SQL, and where it comes from."""

from __future__ import annotations

import re
from functools import cache
from hashlib import sha256
from pathlib import Path

from dagster_project.publication.files import take_over, write
from dagster_project.publication.html import csp_hash
from dagster_project.settings import PROJECT_ROOT, Settings
from dagster_project.transformation.project import fingerprint, write_docs

# What dbt's page asks a browser for although it is not there, for which the browser complains: icons by the expression
# that Angular is to fill in, and an icon of the page that its own build left out. And Angular is told beforehand that
# it may not compile expressions, or it tries, for which the browser complains too.
_REPAIRS = {
    ' xlink:href="{{': ' ng-attr-xlink:href="{{',
    "href=\"${require('./assets/favicons/favicon.ico')}\"": 'href="data:,"',
    ' ng-app="dbt"': ' ng-app="dbt" ng-csp="no-unsafe-eval"',
}

# Its own script and no other, styles that this script makes, pictures and fonts within the page, and no network.
_POLICY = (
    "default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data:; font-src data:; "
    "base-uri 'none'; form-action 'none'"
)

PAGE = "dictionary/lineage.html"


def write_lineage(settings: Settings, folder: Path, before: Path | None) -> None:
    """Write the page, or take it over from the publication before, when that was made from the same project.

    Args:
        settings: where the warehouse is; the caller holds the writer lock and no connection.
        folder: folder of the publication that is being written.
        before: folder of the publication before.

    Raises:
        DbtError: dbt could not write it.
    """
    made_of = f'<meta name="fcir-made-of" content="{_made_of()}">'
    if before and (before / PAGE).is_file() and made_of in _beginning(before / PAGE):
        take_over(before, folder, PAGE)
        return
    page = write_docs(settings).read_text(encoding="utf-8")
    # Readers have no use for where on a server the project lies, and others none of their business.
    for path in (settings.home, PROJECT_ROOT):
        page = page.replace(str(path), "")
    for fault, repaired in _REPAIRS.items():
        page = page.replace(fault, repaired)
    scripts = " ".join(csp_hash(script) for script in re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL))
    policy = f'<meta http-equiv="Content-Security-Policy" content="{_POLICY.format(scripts=scripts)}">'
    write(folder, PAGE, page.replace("<head>", f"<head>{policy}{made_of}", 1).encode())


@cache
def _made_of() -> str:
    """What decides how the page looks: the dbt project and this module."""
    return sha256(fingerprint().encode() + Path(__file__).read_bytes()).hexdigest()[:32]


def _beginning(file: Path) -> str:
    with file.open(encoding="utf-8") as page:
        return page.read(2_000)
