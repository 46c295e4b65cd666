"""Read what the events of a force's own facts count for in measures: `parts.yaml` in its configuration folder."""

import re
from collections.abc import Collection
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from dagster_project.config.files import ConfigError, described, line_of, read_options, shown
from dagster_project.settings import Settings

FILE = "parts.yaml"


def _identifier(stated: str) -> str:
    if not re.fullmatch(r"[a-z_][a-z0-9_]*", stated):
        raise ValueError("expected a name in lower case, as in arrived_date")
    return stated


def _dotted(stated: str) -> str:
    if not re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+)+", stated):
        raise ValueError("expected a name of the form subject.events, as in front_counter.visits")
    return stated


_Name = Annotated[str, AfterValidator(_identifier)]
_Expressions = dict[Annotated[str, AfterValidator(_dotted)], Annotated[str, Field(min_length=1)]]


class Events(BaseModel):
    """What the rows of a fact count for.

    Expressions are SQL over a row of the fact, which has the columns force_code, load_id and source_row.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: _Name
    """Source whose deliveries bring the events."""
    day: _Name
    """Column of the local day that an event counts on."""
    only: Annotated[str, Field(min_length=1)] | None = None
    """Condition on an event to count at all."""
    parts: _Expressions
    """Amount that an event adds to each part of measure_parts, by its name."""
    amounts: _Expressions = {}
    """Amount of an event of which measures are a percentile or the maximum, by its name in measure_catalogue."""


def parts_of(settings: Settings, sources: Collection[str]) -> dict[str, Events]:
    """Return what events of the force count for, by the fact that has them; empty without the file.

    Raises:
        ConfigError: the file cannot be used, or names a source that has no contract.
    """
    path = settings.config_folder / FILE
    if not path.is_file():
        return {}
    place = shown(settings, path)
    stated, lines = read_options(path, place)
    found = {}
    for model, options in stated.items():
        below = {keys[1:]: line for keys, line in lines.items() if keys[0] == model}
        try:
            found[model] = Events.model_validate(options)
        except ValidationError as error:
            raise ConfigError(described(error, Events, below, place)) from None
        if found[model].source not in sources:
            line = line_of(("source",), below)
            known = f"known: {', '.join(sources)}"
            raise ConfigError(f"{place}, line {line}: source {found[model].source} has no contract; {known}")
    return found


def as_variables(parts: dict[str, Events]) -> list[dict[str, Any]]:
    """Return the parts as the macro `event_parts` has them (dbt/macros/event_parts.sql)."""
    return [
        {
            "events": f"own_{number}",
            "model": model,
            "source": events.source,
            "day": events.day,
            "only": events.only,
            "keys": [],
            "parts": {f"'{name}'": amount for name, amount in events.parts.items()},
            "amounts": events.amounts,
        }
        for number, (model, events) in enumerate(parts.items(), 1)
    ]
