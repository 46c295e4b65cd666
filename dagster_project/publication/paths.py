"""Names of published files: the only place where a name from the data becomes a path or a URL.

Forces are those of a list, and measures those of the catalogue, to which a force may add its own. Here the code of each
is accepted as a file name, or refused, which stops the publication.
"""

import re
import unicodedata
from pathlib import Path
from urllib.parse import quote

from dagster_project.errors import OperatorError

# No code is longer than this, and a whole path on a Windows share is limited to 260 characters.
_LONGEST_NAME = 100
# The longest name on ext4, APFS and NTFS.
_LONGEST_NAME_BYTES = 255

# Separators, the Windows drive and stream mark, and characters forbidden in Windows names: readers may use Windows.
_FORBIDDEN = re.compile(r'[/\\:*?"<>|]')

# Control, format (including bidi), surrogate, private and unassigned characters; line separators.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

# Device names on Windows, with any extension.
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE | re.DOTALL)


class UnsafeName(OperatorError, ValueError):
    """A name that a published file must not have; the message states the broken rule, but never the name."""


def check_name(name: str) -> str:
    """Return a name if a published file or folder can have it.

    Raises:
        UnsafeName: it is empty or longer than 100 characters, begins with a dot or a space, ends with one, is the name
            of a Windows device, or contains a separator, a control character or a format character.
    """
    if rule := _broken_rule(name):
        raise UnsafeName(
            f"the code of a force or measure cannot be the name of a published file: it {rule}. Nothing was published. "
            "Correct the code in the catalogue of measures, then run: fcir run"
        )
    return name


def _broken_rule(name: str) -> str:
    """Return what is wrong with a name, without the name; empty if nothing is."""
    if not name:
        return "is empty"
    if len(name) > _LONGEST_NAME or len(name.encode("utf-8", "replace")) > _LONGEST_NAME_BYTES:
        return f"is longer than {_LONGEST_NAME} characters"
    if name[0] in ". " or name[-1] in ". ":
        return "begins or ends with a dot or a space"
    if _FORBIDDEN.search(name):
        return 'has one of / \\ : * ? " < > |'
    if any(unicodedata.category(character) in _UNSEEN for character in name):
        return "has a control, format or unassigned character"
    return "is that of a device on Windows" if _DEVICE.fullmatch(name) else ""


def published_path(folder: Path, *parts: str) -> Path:
    """Return the path of a file, always inside the folder of its publication; create the folders in between.

    Raises:
        UnsafeName: a name is refused (`check_name`), or a link leads out of the folder.
    """
    target = folder.joinpath(*map(check_name, parts))
    if target.is_symlink() or not target.parent.resolve().is_relative_to(folder.resolve()):
        raise UnsafeName("a link in its path leads out of the publication")
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def address_of(*parts: str) -> str:
    """Return the address of a file within its publication, as in the manifest: `measures/kent/ocr.received.csv`.

    Raises:
        UnsafeName: a name is refused (`check_name`).
    """
    return "/".join(map(check_name, parts))


def url_of(*parts: str) -> str:
    """Return the relative URL of a published file: each name checked and percent-encoded.

    Raises:
        UnsafeName: a name is refused (`check_name`).
    """
    return "/".join(quote(check_name(part), safe="") for part in parts)
