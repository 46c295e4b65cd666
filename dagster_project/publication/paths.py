"""Names of published files: the one place where a name from the data becomes a path or an address.

A force code or the code of a measure is whatever a cell held. Here it is a file name or it is refused.
"""

from __future__ import annotations

import re
import unicodedata
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from dagster_project.errors import OperatorError

# A name of more is no code of anything, and a path on a Windows share has 260 characters for all its parts.
_LONGEST_NAME = 100
# What ext4, APFS and NTFS hold in a name.
_LONGEST_NAME_BYTES = 255

# Separators, the drive and stream mark of Windows, and what Windows has in no name: people open a publication there.
_FORBIDDEN = re.compile(r'[/\\:*?"<>|]')

# Control, format (bidi marks among them), surrogate, private and unassigned characters; separators of lines.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

# Names of devices on Windows, with any extension.
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE | re.DOTALL)


class UnsafeName(OperatorError, ValueError):
    """A name that no published file may have; the message says which rule it breaks, and never the name."""


def check_name(name: str) -> str:
    """See that a name can be that of one published file or folder.

    Args:
        name: one part of a path.

    Returns:
        The name.

    Raises:
        UnsafeName: it is empty or longer than 100 characters, begins with a dot or a space, ends with one, is that of a
            device on Windows, or has a separator, a control or a format character.
    """
    if not name:
        raise UnsafeName("a name in its path is empty")
    if len(name) > _LONGEST_NAME or len(name.encode("utf-8", "replace")) > _LONGEST_NAME_BYTES:
        raise UnsafeName(f"a name in its path is longer than {_LONGEST_NAME} characters")
    if name[0] in ". " or name[-1] in ". ":
        raise UnsafeName("a name in its path begins or ends with a dot or a space")
    if _FORBIDDEN.search(name):
        raise UnsafeName('a name in its path has one of / \\ : * ? " < > |')
    if any(unicodedata.category(character) in _UNSEEN for character in name):
        raise UnsafeName("a name in its path has a control, format or unassigned character")
    if _DEVICE.fullmatch(name):
        raise UnsafeName("a name in its path is that of a device on Windows")
    return name


def published_path(folder: Path, *parts: str) -> Path:
    """Path of a file of a publication, below its folder and nowhere else; folders on the way are made.

    Args:
        folder: of the publication, an existing one.
        parts: names of the folders on the way and of the file.

    Returns:
        The path; nothing need exist there.

    Raises:
        UnsafeName: a name is refused (`check_name`), or a link leads out of the folder.
    """
    target = folder.joinpath(*map(check_name, parts))
    if target.is_symlink() or not target.parent.resolve().is_relative_to(folder.resolve()):
        raise UnsafeName("a link in its path leads out of the publication")
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def address_of(*parts: str) -> str:
    """Address of a published file below its publication, as the manifest lists it: `measures/kent/ocr.received.csv`.

    Raises:
        UnsafeName: a name is refused (`check_name`).
    """
    return "/".join(map(check_name, parts))


def url_of(*parts: str) -> str:
    """Relative URL of a published file: each name checked and percent-encoded.

    Raises:
        UnsafeName: a name is refused (`check_name`).
    """
    return "/".join(quote(check_name(part), safe="") for part in parts)


def refused_address(*parts: str) -> str:
    """An address that was refused, as a message and the manifest show it: percent-encoded and cut to one short line."""
    address = "/".join(quote(part, safe="", errors="replace") for part in parts)
    if len(address) <= _LONGEST_NAME:
        return address
    # The hash tells names apart that begin alike.
    return f"{address[:_LONGEST_NAME]}...{sha256(address.encode()).hexdigest()[:8]}"
