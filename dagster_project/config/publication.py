"""Read what a public edition says of itself: `publication.yaml` in the configuration folder."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from dagster_project.config.files import ConfigError, described, read_options, shown
from dagster_project.contracts.options import parsed_day
from dagster_project.settings import Settings

FILE = "publication.yaml"
_EXAMPLE = """
  licence: Open Government Licence v3.0
  owner: Head of Performance
  contact: statistics@force.example
  nextRelease: 2023-05-18"""

_Words = Annotated[str, Field(min_length=1, max_length=120)]


class PublicationSettings(BaseModel):
    """What the first page of a public edition says; all of it must be stated."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)

    licence: _Words
    owner: _Words
    contact: _Words
    next_release: Annotated[date, BeforeValidator(parsed_day)]


def read_publication(settings: Settings) -> PublicationSettings:
    """Return what a public edition says of itself.

    Raises:
        ConfigError: the file is missing, or an option of it is missing or cannot be used.
    """
    path = settings.config_folder / FILE
    if not path.is_file():
        raise ConfigError(f"{path}: not there; a public edition needs it. Write, for example:{_EXAMPLE}")
    place = shown(settings, path)
    stated, lines = read_options(path, place)
    try:
        return PublicationSettings.model_validate(stated)
    except ValidationError as error:
        raise ConfigError(described(error, PublicationSettings, lines, place)) from None
