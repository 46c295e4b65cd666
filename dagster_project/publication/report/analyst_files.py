"""Read the files that analysts write below `commentary/`: bounded text of regular files, and dates."""

import os
import stat
from datetime import date, datetime
from errno import ELOOP
from pathlib import Path

from dagster_project.errors import OperatorError

# An A4 page holds about 3,000 letters; a file above this size is not what an analyst wrote.
_GREATEST_BYTES = 65_536


class CommentaryError(OperatorError, ValueError):
    """A file of an analyst cannot be shown; the message names the file, its state and what to do."""


def read_text(path: Path) -> str:
    """Return the text of a file; empty if there is none.

    Args:
        path: a file in UTF-8, with or without a byte order mark, of at most 65,536 bytes.

    Raises:
        CommentaryError: the path is not a regular file (a link is not one either), or the file cannot be read, is too
            large or is not UTF-8.
    """
    try:
        content = _content(path)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        fault = "is a link" if error.errno == ELOOP else f"cannot be read ({error.strerror})"
        raise CommentaryError(f"{path}: {fault}. Put a text file there, then run: fcir publish") from None
    if len(content) > _GREATEST_BYTES:
        raise CommentaryError(f"{path}: larger than {_GREATEST_BYTES:,} bytes. Shorten it, then run: fcir publish")
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise CommentaryError(
            f"{path}: byte {error.start} is not UTF-8. Save the file as UTF-8, then run: fcir publish"
        ) from None


def _content(path: Path) -> bytes:
    """Return the bytes of a file, up to one more than the limit.

    A link could lead to any file of the server, and a device or pipe may yield nothing or never end.
    """
    if path.parent.is_symlink():
        raise CommentaryError(f"{path.parent}: is a link. Put a folder there, then run: fcir publish")

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK)

    with open(path, "rb", opener=opener) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise CommentaryError(f"{path} is not a file. Put a text file there, then run: fcir publish")
        return file.read(_GREATEST_BYTES + 1)


def day_of(text: str) -> date | None:
    """Return the date that a text is: `2023-03-15`, `15 March 2023`, `15 Mar 2023` or `15/03/2023`, else None.

    Spreadsheets with British settings write the last form, which has the day first.
    """
    for form in ("%Y-%m-%d", "%d %B %Y", "%d %b %Y", "%d/%m/%Y"):
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 - a date has no time zone
        except ValueError:
            continue
    return None
