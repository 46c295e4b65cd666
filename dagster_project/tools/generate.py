"""Generate files of the dbt project: bank holidays and column descriptions of the contracts.

Lists that are maintained by hand (forces, offences, measures) do not belong here. Run `python -m
dagster_project.tools.generate` after a change of the `holidays` library, a contract or the catalogue of measures; a
test fails until then.
"""

import csv
import io
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from dagster_project.contracts import Contract, load_contracts
from dagster_project.settings import CONTRACTS, DBT_PROJECT

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


def bank_holidays_csv(holidays_by_date: Mapping[date, str]) -> str:
    """Return the text of the seed `bank_holidays`: columns `holiday_date` (ISO) and `holiday_name`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["holiday_date", "holiday_name"])
    writer.writerows((day.isoformat(), name) for day, name in holidays_by_date.items())
    return text.getvalue()


def column_texts(contracts: Mapping[str, Contract]) -> str:
    """Return the dbt doc blocks `SOURCE__COLUMN` of all contracts, so that models can reuse their descriptions."""
    command = "python -m dagster_project.tools.generate"
    blocks = [f"{{#- Written from expectations/*.odcs.yaml by `{command}`; edit the contracts. -#}}\n"]
    for source in sorted(contracts):
        for column in contracts[source].columns:
            blocks.append(f"{{% docs {source}__{column.name} %}}{column.description}{{% enddocs %}}\n")
    return "".join(blocks)


def generated_files() -> dict[Path, str]:
    """Return the expected text of every generated file of the project."""
    return {
        DBT_PROJECT / "seeds/bank_holidays.csv": bank_holidays_csv(bank_holidays()),
        DBT_PROJECT / "models/_contract_columns.md": column_texts(load_contracts(CONTRACTS)),
    }


def main() -> None:
    """Write all generated files in place."""
    for path, text in generated_files().items():
        path.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
