"""The progress of a batch: a live table in a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ...media import counted, shown
from ..failure import cut
from ..lines import LONGEST_TITLE, PAUSE
from ..pace import Pace, duration
from .backend import JobFailed, JobNote, JobStarted, StepDone
from .runner import JobSaved, Told

BAR = 32
"""Width of a bar in characters."""

MINUTE = 60


@dataclass
class _Running:
    """A running job and its current node."""

    name: str
    pace: Pace
    began: float
    node: str = ""


@dataclass
class Tally:
    """Progress of a batch, and the time left.

    Args:
        names: names of the jobs to run, by id.
        clock: returns seconds.
    """

    names: Mapping[str, str]
    clock: Callable[[], float] = time.monotonic
    ended: int = 0
    failed: int = 0
    _pace: Pace = field(init=False)

    def __post_init__(self) -> None:
        self._pace = Pace(self.clock)
        self._pace.step(0, len(self.names))

    def end(self, *, failed: bool) -> None:
        """Count one more finished job."""
        self.ended += 1
        self.failed += failed
        self._pace.step(self.ended, len(self.names))

    @property
    def text(self) -> str:
        """Finished jobs, jobs per minute, and the time left."""
        parts = [f"{self.ended} of {counted(len(self.names), 'job')}"]
        if self.failed:
            parts.append(f"{self.failed} failed")
        if self.ended and self._pace.elapsed > 0:
            parts.append(f"{self.ended * MINUTE / self._pace.elapsed:.3g} per minute")
        if self._pace.left is not None:
            parts.append(f"about {duration(self._pace.left)} left")
        return ", ".join(parts)


class BatchDisplay:
    """Shows the progress of a batch on a console.

    Args:
        names: names of the jobs to run, by id.
        console: where to draw.
        clock: returns seconds.
    """

    def __init__(
        self,
        names: Mapping[str, str],
        console: Console,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._names, self._console, self._clock = names, console, clock
        self._tally, self._running = Tally(names, clock), dict[str, _Running]()
        self._warned, self._told = set[str](), clock()
        self._live = Live(
            get_renderable=self.table, console=console, transient=True, refresh_per_second=4
        )

    def __enter__(self) -> "BatchDisplay":
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def told(self, told: Told) -> None:
        """Show an event of a job."""
        if told.job not in self._names:  # done earlier, and rerun with its group
            return
        name = shown(self._names[told.job], LONGEST_TITLE)
        if isinstance(told, JobStarted):
            self._running[told.job] = _Running(name, Pace(self._clock), self._clock())
        elif isinstance(told, StepDone):
            self._step(told)
        elif isinstance(told, JobNote):
            self._warn(told, name)
        else:
            self._end(told, name)

    def _step(self, step: StepDone) -> None:
        running = self._running.get(step.job)
        if running is None:
            return
        if running.node != step.node:
            running.node, running.pace = step.node, Pace(self._clock)
        running.pace.step(step.done, step.total)
        if not self._console.is_terminal and self._clock() - self._told >= PAUSE and step.total:
            self._told = self._clock()
            self._line(f"{running.name}: {running.node} {step.done} of {step.total}")

    def _warn(self, note: JobNote, name: str) -> None:
        """Show a warning the first time it occurs; the logs have all of them."""
        if note.warning and note.text not in self._warned:
            self._warned.add(note.text)
            self._line(f"{name}: {cut(note.text)}")

    def _end(self, told: JobSaved | JobFailed, name: str) -> None:
        running = self._running.pop(told.job, None)
        self._tally.end(failed=isinstance(told, JobFailed))
        taken = self._clock() - running.began if running else 0
        word = "failed" if isinstance(told, JobFailed) else "done"
        self._told = self._clock()
        if word == "failed" or not self._console.is_terminal:
            self._line(f"{name} {word} in {duration(taken)}; {self._tally.text}")

    def _line(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, emoji=False, soft_wrap=True)

    def table(self) -> Group:
        """Return the running jobs, and a bar for the whole batch."""
        jobs = Table.grid(padding=(0, 2))
        for each in list(self._running.values()):
            pace, left = each.pace, each.pace.left
            jobs.add_row(
                Text(each.name),
                Text(each.node),
                ProgressBar(total=pace.total or 1, completed=pace.done, width=BAR),
                Text(f"{pace.done}/{pace.total}" if pace.total else ""),
                Text(duration(self._clock() - each.began)),
                Text("" if left is None else f"{duration(left)} left"),
            )
        whole = Table.grid(padding=(0, 2))
        total = max(1, len(self._names))
        bar = ProgressBar(total=total, completed=self._tally.ended, width=BAR)
        whole.add_row(bar, Text(self._tally.text))
        return Group(jobs, whole)
