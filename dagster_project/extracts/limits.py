"""What holds for extract files of every format, and what code that reads none of them needs too."""

import re

# A day of all forces has less than 1 GiB. A file full of holes can have any size, and reading it would take hours.
LARGEST_EXTRACT = 64 << 30

EXTENSION = r"\.(csv|csv\.gz|xlsx|parquet|jsonl)"
"""Regular expression for the extension of an extract, in any case."""


def stem_of(name: str) -> str:
    """Return the name of an extract without its extension."""
    return re.sub(rf"{EXTENSION}\Z", "", name, flags=re.IGNORECASE)
