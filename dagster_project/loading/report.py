"""What a run did with the deliveries of a source."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from dagster_project.loading.acceptance import DeliveryOutcome
from dagster_project.loading.landing import SourceWarning
from dagster_project.validation import Outcome


@dataclass(frozen=True)
class FileWarning:
    """A warning about the content of one or several files of a source, or days of a file of history."""

    source: str
    file: str
    """Name of the first file with the warning, of history with the day."""
    files: int
    """Number of files or days with the warning."""
    reason: str

    def __str__(self) -> str:
        """Return the first file, the number of further files, and the warning."""
        more = f" and {self.files - 1:,} more" if self.files > 1 else ""
        return f"{self.source}/{self.file}{more}: {self.reason}"


@dataclass(frozen=True)
class SourceReport:
    """The result of a run for one source."""

    source: str
    deliveries: tuple[DeliveryOutcome, ...]
    outcomes: tuple[Outcome, ...]
    missing: tuple[date, ...]
    warnings: tuple[SourceWarning | FileWarning, ...]
    held: tuple[date, ...] = ()
    """Days left for the next run: one of their files is incomplete, or was removed or written to."""

    @property
    def rows_read(self) -> int:
        """Data rows of all files."""
        return sum(file.rows_read for delivery in self.deliveries for file in delivery.files)

    @property
    def rows_loaded(self) -> int:
        """Rows that are in the raw table."""
        return sum(file.rows_loaded for delivery in self.deliveries for file in delivery.files)

    @property
    def rows_quarantined(self) -> int:
        """Rows quarantined with a reason."""
        return sum(file.rows_quarantined for delivery in self.deliveries for file in delivery.files)

    @property
    def rejected(self) -> tuple[DeliveryOutcome, ...]:
        """Rejected deliveries, which have no loaded rows."""
        return tuple(delivery for delivery in self.deliveries if not delivery.is_accepted)

    def not_accepted(self, days: Iterable[date]) -> tuple[date, ...]:
        """Return the given days whose delivery is missing, rejected or held back, oldest first."""
        found = {delivery.extract_date for delivery in self.rejected} | set(self.missing) | set(self.held)
        return tuple(sorted(found & set(days)))
