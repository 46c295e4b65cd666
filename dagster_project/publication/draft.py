"""A publication while it is being written."""

from dataclasses import dataclass
from pathlib import Path

from dagster_project.publication.files import final_name
from dagster_project.publication.rendering import Renderer


@dataclass(frozen=True)
class Draft:
    """The folder of a publication that no reader has been pointed to."""

    folder: Path
    before: Path | None
    """Folder of the current publication, whose unchanged files are taken over; None to write every file."""
    renderer: Renderer
    """Renders the files, and records which failed and are left out."""

    @property
    def name(self) -> str:
        """Name of the publication, which its folder will have."""
        return final_name(self.folder)
