"""Lists that the Dagster UI shows with an event, such as reasons of rejections; their texts come from extracts."""

from collections.abc import Sequence

import dagster as dg


def list_of(name: str, lines: Sequence[object], shown: int | None = None) -> dg.TableMetadataValue:
    """Return lines as a table of one column, whose cells the UI shows as they are.

    In Markdown, the name of a file or column could be a link, or a picture that the browser fetches from its sender.

    Args:
        name: heading of the column.
        lines: one text for each row.
        shown: maximum number of rows; None: all.
    """
    return dg.MetadataValue.table(
        [dg.TableRecord({name: str(line)}) for line in lines[:shown]], schema=dg.TableSchema([dg.TableColumn(name)])
    )
