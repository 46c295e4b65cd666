"""Find and read the files of a force's configuration."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from dagster_project.contracts.options import problems
from dagster_project.errors import OperatorError
from dagster_project.settings import Settings
from dagster_project.words import printable

# Parts of the configuration; another name is a mistyped one, whose content would be ignored.
_KNOWN = ("contracts", "models", "seeds", "parts.yaml", "publication.yaml")


class ConfigError(OperatorError, ValueError):
    """A file of the configuration that cannot be used; the message names file, line, and what was expected."""


def require_known(settings: Settings) -> None:
    """Raise `ConfigError` for a folder of configuration that is not there, or that has something unknown in it."""
    folder = settings.config_folder
    if settings.config is not None and not folder.is_dir():
        raise ConfigError(f"FCIR_CONFIG: {printable(str(folder))} is not a folder")
    for path in entries(folder):
        if path.name not in _KNOWN:
            known = ", ".join(name if "." in name else f"{name}/" for name in _KNOWN)
            raise ConfigError(f"{shown(settings, path)}: not part of the configuration; known: {known}")


def entries(folder: Path) -> Iterator[Path]:
    """Yield the entries of a folder by name, without the temporary files of editors; none without the folder."""
    if folder.is_dir():
        names = sorted(folder.iterdir())
        yield from (path for path in names if not path.name.startswith(".") and path.name[-1:] != "~")


def shown(settings: Settings, path: Path) -> str:
    """Return the path of a file of the configuration as messages have it."""
    return printable(str(Path(settings.config_folder.name) / path.relative_to(settings.config_folder)))


Lines = dict[tuple[str, ...], int]


def read_options(path: Path, place: str) -> tuple[dict[str, Any], Lines]:
    """Return the options of a YAML file, and the line of each, also of those within another.

    Every value is text as it is written, so that No is a word and 0101 no number.

    Raises:
        ConfigError: it cannot be read, or is not a list of options.
    """
    # Imported here, because it takes a while and many commands read no contract.
    import yaml

    try:
        node = yaml.compose(path.read_text(encoding="utf-8-sig"), yaml.BaseLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{place}: cannot be read: {error}") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{place}, line {line}: not YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{place}: not YAML: {error}") from None
    if node is None:
        return {}, {}
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError(f"{place}, line 1: expected options, as in volumeFloor: 0.5")
    lines: Lines = {}

    def text_of(node: yaml.Node, path: tuple[str, ...]) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return node.value
        if isinstance(node, yaml.SequenceNode):
            lines.update({(*path, str(i)): item.start_mark.line + 1 for i, item in enumerate(node.value)})
            return [text_of(item, (*path, str(i))) for i, item in enumerate(node.value)]
        found: dict[str, Any] = {}
        for key, value in node.value:
            here, line = (*path, str(key.value)), key.start_mark.line + 1
            option = ".".join(here)
            if here in lines:
                raise ConfigError(f"{place}, line {line}: {option} is stated twice, first in line {lines[here]}")
            lines[here] = line
            if isinstance(value, yaml.ScalarNode) and not (value.value or value.style):
                raise ConfigError(f"{place}, line {line}: {option} has no value; leave the option out")
            found[here[-1]] = text_of(value, here)
        return found

    return text_of(node, ()), lines


def line_of(path: tuple[str, ...], lines: Lines) -> int:
    """Return the line of an option or an item, or of the option that it stands within."""
    return next((lines[path[:length]] for length in range(len(path), -1, -1) if path[:length] in lines), 1)


def described(error: ValidationError, model: type[BaseModel], lines: Lines, place: str) -> str:
    """Return what is wrong with the options of a file: where, the option, and what was expected."""
    return "; ".join(
        f"{place}, line {line_of(path, lines)}: {text}" if path or () in lines else f"{place}: {text}"
        for path, text in problems(error, model)
    )
