"""The README of a public edition: what it contains and how its counts are protected, for those who download it."""

from collections.abc import Sequence

from dagster_project.disclosure.releases import Controlled, Release
from dagster_project.disclosure.rules import DisclosureRules

_TEXT = """# Police contact and crime figures, public edition {name}
{synthetic}
`board_paper.html`, `.pdf` and `.xlsx` are the paper for the newest complete month; `papers/` has those for other
months. Each table is in `csv/`, in `parquet/` and in `fcir_public.duckdb`, where tables and columns have descriptions.
`manifest.json` has the hash of every file. `index.html` says whom to ask, when the next edition comes, and under which
licence the figures may be used.

## Figures of the whole force

{whole}

These are exact, and each edition shows their values as of its date. A figure marked as provisional will change.

## Counts below force level

{controlled}

- **Small counts are not shown.** A count below {threshold} is left empty, or its row is left out; so is a count of 0.
  An empty count says "{range}", not "none".
- **Shown counts are rounded** to the nearest {base}, each independently, so they do not add up to the force's total.
  The exact total is next to them (`..._of_force`).
- **A month is withheld** from a table where the rounded counts and the total together would reveal a small count. All
  its counts are empty or its rows are left out, which says nothing about any of them.
- **No rates and means** are shown below force level: they would reveal the exact counts.
- **A month is shown once.** It is shown when every day of it is loaded{settle}.
  Every later edition repeats it unchanged, with its total, even if records were corrected since; the figures for the
  whole force are corrected. `shown_months` has the edition that first showed each month, its threshold and its base.
- Each table has a single breakdown (district, offence, code, ...). Two breakdowns at once, single events, and anything
  about a person who works for the force or contacts it are not published.

The method is secondary suppression of whole months on top of a threshold and conventional rounding; see Hundepool et
al., Statistical Disclosure Control (Wiley 2012), chapter 5, and the GSS/GSR Disclosure Control Guidance for Tables
Produced from Administrative Sources.
"""


def notes(releases: Sequence[Release], rules: DisclosureRules, name: str, *, is_synthetic: bool) -> str:
    """Return the README of a public edition, in Markdown; it says if any row behind the edition is synthetic."""
    whole = ", ".join(f"`{release.table}`" for release in releases if not isinstance(release, Controlled))
    controlled = "\n".join(
        f"- `{release.table}`: {release.about}" for release in releases if isinstance(release, Controlled)
    )
    months = rules.months_to_settle
    settle = "" if not months else f" and so is the {'month' if months == 1 else f'{months} months'} after it"
    return _TEXT.format(
        name=name,
        synthetic="\n**Synthetic sample: nothing in it took place.**\n" if is_synthetic else "",
        whole=whole or "None.",
        controlled=controlled or "None.",
        threshold=rules.threshold,
        base=rules.rounding_base,
        range=f"0 to {rules.most_hidden}",
        settle=settle,
    )
