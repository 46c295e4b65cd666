"""The documentation of the dbt project as a page of the publication: every model, its SQL and its lineage."""

import re
from hashlib import sha256
from pathlib import Path

from dagster_project.publication.files import beginning_of, take_over, write
from dagster_project.publication.html import csp_hash
from dagster_project.settings import PROJECT_ROOT, Settings
from dagster_project.transformation.project import fingerprint, write_docs

# Fixes for requests of dbt's page that fail and cause errors in the browser console: icons addressed by unevaluated
# Angular expressions, and a page icon missing from the build. The third tells Angular that it may not compile
# expressions; otherwise it tries to, which also causes an error.
_REPAIRS = {
    ' xlink:href="{{': ' ng-attr-xlink:href="{{',
    "href=\"${require('./assets/favicons/favicon.ico')}\"": 'href="data:,"',
    ' ng-app="dbt"': ' ng-app="dbt" ng-csp="no-unsafe-eval"',
}

# Allows only the page's own scripts, styles made by them, embedded images and fonts, and no network access.
_POLICY = (
    "default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data:; font-src data:; "
    "base-uri 'none'; form-action 'none'"
)

PAGE = "dictionary/lineage.html"


def write_lineage(settings: Settings, folder: Path, before: Path | None) -> None:
    """Write the page, or take it over if the previous publication has it from the same project.

    The caller holds the writer lock and no connection.

    Raises:
        DbtError: dbt could not write the page.
    """
    made_of = f'<meta name="fcir-made-of" content="{_made_of(settings)}">'
    if before and made_of in beginning_of(before / PAGE):
        take_over(before, folder, PAGE)
        return
    page = write_docs(settings).read_text(encoding="utf-8")
    # Readers do not need the project's location on the server, and others should not know it.
    for path in (settings.home, PROJECT_ROOT):
        page = page.replace(str(path), "")
    for fault, repaired in _REPAIRS.items():
        page = page.replace(fault, repaired)
    scripts = " ".join(csp_hash(script) for script in re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL))
    policy = f'<meta http-equiv="Content-Security-Policy" content="{_POLICY.format(scripts=scripts)}">'
    write(folder, PAGE, page.replace("<head>", f"<head>{policy}{made_of}", 1).encode())


def _made_of(settings: Settings) -> str:
    """Return a fingerprint of what determines the page: the dbt project and this module."""
    return sha256(fingerprint(settings).encode() + Path(__file__).read_bytes()).hexdigest()[:32]
