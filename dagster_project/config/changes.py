"""What the configuration of a force changes, file by file."""

from dataclasses import dataclass

from dagster_project.config import contracts, parts, seeds
from dagster_project.config.files import entries, read_options, shown
from dagster_project.config.publication import FILE as PUBLICATION
from dagster_project.config.publication import read_publication
from dagster_project.contracts import Contract, load_contracts
from dagster_project.contracts.odcs import SUFFIX
from dagster_project.contracts.options import Options
from dagster_project.settings import CONTRACTS, Settings
from dagster_project.words import counted, printable


@dataclass(frozen=True)
class Changes:
    """What one file of the configuration changes."""

    file: str
    summary: str
    details: tuple[str, ...] = ()
    """Each change: what is in force, and what is shipped where it replaces something."""


def changes_of(settings: Settings) -> list[Changes]:
    """Return what each file of the configuration changes.

    Raises:
        ConfigError: a file cannot be used.
    """
    in_force = contracts.contracts_of(settings)
    found = list(_of_contracts(settings, in_force))
    found += _of_seeds(settings)
    for model, events in parts.parts_of(settings, in_force).items():
        details = [f"{name}: {amount}" for name, amount in {**events.parts, **events.amounts}.items()]
        sums = f"{counted(len(events.parts), 'part')}, {counted(len(events.amounts), 'amount')}"
        summary = f"{model} of {events.source}: {sums}"
        found.append(Changes(shown(settings, settings.config_folder / parts.FILE), summary, tuple(details)))
    models = settings.config_folder / "models"
    if names := sorted(str(path.relative_to(models)) for path in models.rglob("*") if path.is_file()):
        found.append(Changes(shown(settings, models), counted(len(names), "file"), tuple(map(printable, names))))
    if (settings.config_folder / PUBLICATION).is_file():
        stated = read_publication(settings).model_dump(mode="json", by_alias=True)
        details = [printable(f"{name}: {value}") for name, value in stated.items()]
        found.append(
            Changes(shown(settings, settings.config_folder / PUBLICATION), "of the public edition", tuple(details))
        )
    return found


def _of_contracts(settings: Settings, in_force: dict[str, Contract]) -> list[Changes]:
    shipped = load_contracts(CONTRACTS)
    found = []
    for path in entries(settings.config_folder / contracts.FOLDER):
        source, place = path.name.split(".")[0], shown(settings, path)
        if path.name.endswith(SUFFIX):
            found.append(Changes(place, f"a source of your own, {counted(len(in_force[source].columns), 'column')}"))
            continue
        stated, _ = read_options(path, place)
        base, details = shipped.get(source), []
        for name, field in Options.model_fields.items():
            value = stated.get(str(field.alias))
            if isinstance(value, dict):
                details += [f"{field.alias}.{column}: {_text(of_column)}" for column, of_column in value.items()]
            elif value is not None:
                before = f" (shipped: {_text(getattr(base, name))})" if base else ""
                details.append(f"{field.alias}: {_text(value)}{before}")
        found.append(Changes(place, counted(len(details), "option"), tuple(details)))
    return found


def _of_seeds(settings: Settings) -> list[Changes]:
    found = []
    for name, rows in seeds.stated_rows(settings).items():
        before, key = seeds.shipped_rows(name), seeds.KEYS[name]
        details, replaced = [], 0
        for row in rows:
            old = before.get(seeds.key_of(name, row))
            replaced += old is not None
            texts = [
                f"{column} {value or 'empty'}" + (f" (shipped: {old[column] or 'empty'})" if old else "")
                for column, value in row.items()
                if column not in key and (old is None or value != old[column])
            ]
            what = "; ".join(texts) or ("as shipped" if old else "added")
            details.append(printable(f"{', '.join(row[column] for column in key)}: {what}"))
        place = shown(settings, settings.config_folder / seeds.FOLDER / f"{name}.csv")
        summary = f"{counted(len(rows) - replaced, 'row')} added, {replaced} replaced"
        found.append(Changes(place, summary, tuple(details)))
    return found


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{_text(text)} = {_text(stands_for) or 'no value'}" for text, stands_for in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value)) or "none"
    return printable("not stated" if value is None else str(value))
