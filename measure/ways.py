"""Ways of sampling side by side, on the same held-out prompts and noise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .cases import Case, batches
from .figures import Figure, Mean, Number, Share, shares
from .jobs import Job
from .readers import Readers, Verdicts
from .studio import ClipMaker, Settings


@dataclass(frozen=True)
class Way:
    """A way to sample.

    Args:
        kind: common name of ways that differ only in their number of steps.
    """

    kind: str
    settings: Settings

    @property
    def name(self) -> str:
        """Kind and number of steps."""
        steps = self.settings.steps
        return f"{self.kind}, {steps} step{'s' if steps > 1 else ''}"


def judged(job: Job, studio: ClipMaker, readers: Readers) -> dict[str, Share]:
    """Shares of a job's clips that pass each test, and all tests together."""
    verdicts: Verdicts = []
    wanted = job.wanted()
    for batch in batches(job.cases):
        asked, wanted = wanted[: len(batch)], wanted[len(batch) :]
        clips = studio.make(batch)
        verdicts += [
            own for (own,) in readers.judge(job.view, list(clips), [(each,) for each in asked])
        ]
    return shares(verdicts, job.names, job.beside)


def evaluations(studio: ClipMaker, chosen: Sequence[Case]) -> int:
    """Count network evaluations for one clip; a joint evaluation of two prompts counts as two."""
    rows: list[int] = []
    hook = studio.model.dit.register_forward_hook(lambda _, __, made: rows.append(len(made)))
    try:
        studio.sample(chosen)
    finally:
        hook.remove()
    return sum(rows)


def against(rows: Mapping[str, Mapping[str, Figure]], first: str) -> dict[str, dict[str, Figure]]:
    """Figures in percent of those in the row ``first``; evaluations and time as factors saved."""
    told: dict[str, dict[str, Figure]] = {}
    for name, figures in rows.items():
        told[name] = {}
        for column, figure in figures.items():
            value, whole = value_of(figure), value_of(rows[first][column])
            if isinstance(figure, Number):
                told[name][column] = Number(round(whole / value, 1), "times less")
            elif whole:
                told[name][column] = Number(round(100 * value / whole, 1), "%")
    return told


def value_of(figure: Any) -> float:
    """Value of a figure; a share is between 0 and 1."""
    if isinstance(figure, Share):
        return figure.right / figure.trials
    return figure.mean if isinstance(figure, Mean) else figure.value
