"""Write the generated files of the dbt project: bank holidays and column descriptions of the contracts.

`make env` and the first command of fcir write them; git ignores them, and a wheel has them. Lists that are maintained
by hand (forces, offences, measures) do not belong here.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from tempfile import NamedTemporaryFile

from dagster_project.contracts import Contract, load_contracts
from dagster_project.settings import CONTRACTS, DBT_PROJECT, PROJECT_ROOT
from dagster_project.writing import put_in_place

BANK_HOLIDAYS = DBT_PROJECT / "seeds" / "bank_holidays.csv"
COLUMN_TEXTS = DBT_PROJECT / "models" / "_contract_columns.md"
# This century, and far enough ahead for the lifetime of a release.
FIRST_YEAR = 2000
LAST_YEAR = 2045


def bank_holidays(first_year: int = FIRST_YEAR, last_year: int = LAST_YEAR) -> dict[date, str]:
    """Return the bank holidays of England by date, from the `holidays` library.

    Returns:
        Name by date, in date order; substitute days have the library's suffix `(observed)`.
    """
    # Imported here: it takes 0.2 s, and only this command needs it.
    import holidays

    years = range(first_year, last_year + 1)
    names = holidays.country_holidays("GB", subdiv="ENG", years=years)
    return {day: names[day] for day in sorted(names) if day.year in years}


def column_texts(contracts: Mapping[str, Contract]) -> str:
    """Return the dbt doc blocks `SOURCE__COLUMN` of all contracts, so that models can reuse their descriptions."""
    blocks = [
        f"{{% docs {source}__{column.name} %}}{column.description}{{% enddocs %}}\n"
        for source in sorted(contracts)
        for column in contracts[source].columns
    ]
    return "".join(["{#- Written from expectations/*.odcs.yaml; edit the contracts. -#}\n", *blocks])


def write_generated_files(*, only_outdated: bool = False) -> None:
    """Write the files that dbt needs and that git does not have.

    Args:
        only_outdated: leave those that are as new as what they are made from; in a wheel, those that exist.
    """
    if not (only_outdated and _is_newer(BANK_HOLIDAYS, [PROJECT_ROOT / "uv.lock"])):
        rows = ["holiday_date,holiday_name", *(f"{day},{name}" for day, name in bank_holidays().items()), ""]
        _write(BANK_HOLIDAYS, "\n".join(rows))
    if not (only_outdated and _is_newer(COLUMN_TEXTS, CONTRACTS.glob("*.odcs.yaml"))):
        _write(COLUMN_TEXTS, column_texts(load_contracts(CONTRACTS)))


def _write(file: Path, text: str) -> None:
    """Write a file as a whole, also while another process writes it, as with `make -j2` in a changed checkout."""
    with NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}.", delete=False) as draft:
        draft.write(text.encode())
    put_in_place(Path(draft.name), file, mode=0o644)


def _is_newer(file: Path, sources: Iterable[Path]) -> bool:
    if not file.is_file():
        return False
    is_checkout = (PROJECT_ROOT / "pyproject.toml").is_file()
    return not is_checkout or all(source.stat().st_mtime <= file.stat().st_mtime for source in sources)


if __name__ == "__main__":
    write_generated_files()
