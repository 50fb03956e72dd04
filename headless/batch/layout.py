"""Where a batch keeps its files."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """Folders and files of a batch.

    Args:
        output: folder of results.
        batch: folder of the batch, inside ``output``.
    """

    output: Path
    batch: Path

    @property
    def jobs(self) -> Path:
        """Parent of the folders of unfinished jobs."""
        return self.batch / "jobs"

    def job(self, id: str) -> Path:
        """Return the folder that a job saves to until it is done."""
        return self.jobs / id

    def log(self, id: str) -> Path:
        """Return the path of a job's log."""
        return self.batch / "logs" / f"{id}.log"

    @property
    def aside(self) -> Path:
        """Folder for other files that had the names of results."""
        return self.batch / "aside"
