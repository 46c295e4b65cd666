"""Names of published files: the only place where a name from the data becomes a path or an address.

Forces are those of a list, and measures those of the catalogue, to which a force may add its own. Here the code of each
is accepted as a file name, or refused, which stops the publication. An accepted one needs no quoting in a URL.
"""

import re
from pathlib import Path

from dagster_project.errors import OperatorError

# Readers may use Windows, where a name does not end with a dot and a whole path has at most 260 characters.
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._=-]{0,98}[A-Za-z0-9])?")


class UnsafeName(OperatorError, ValueError):
    """A name that a published file must not have; the message states the rule, but never the name."""


def check_name(name: str) -> str:
    """Return a name if a published file or folder can have it.

    Raises:
        UnsafeName: it has characters other than letters, digits, `.`, `_`, `-` and `=`, begins or ends with none of the
            first two, or is longer than 100 characters.
    """
    if not _NAME.fullmatch(name):
        raise UnsafeName(
            "the code of a force or measure cannot be the name of a published file; expected at most 100 letters "
            "without accents, digits, and . _ - = between them. Nothing was published. Correct the code in the "
            "catalogue of measures, then run: fcir run"
        )
    return name


def published_path(folder: Path, *parts: str) -> Path:
    """Return the path of a file in the folder of its publication; create the folders in between.

    Raises:
        UnsafeName: a name is refused (`check_name`).
    """
    target = folder / address_of(*parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def address_of(*parts: str) -> str:
    """Return the address of a file within its publication, as in the manifest: `measures/kent/ocr.received.csv`.

    Raises:
        UnsafeName: a name is refused (`check_name`).
    """
    return "/".join(map(check_name, parts))
