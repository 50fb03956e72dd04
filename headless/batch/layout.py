"""Where a batch keeps what."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """Folders and files of a batch.

    Args:
        output: folder of results.
        batch: folder of the batch in it.
    """

    output: Path
    batch: Path

    @property
    def jobs(self) -> Path:
        """The folders of jobs that are not done."""
        return self.batch / "jobs"

    def job(self, id: str) -> Path:
        """What a job saves, until it is done."""
        return self.jobs / id

    def log(self, id: str) -> Path:
        """What was told of a job while it ran."""
        return self.batch / "logs" / f"{id}.log"

    @property
    def aside(self) -> Path:
        """Files that had the names of results."""
        return self.batch / "aside"
