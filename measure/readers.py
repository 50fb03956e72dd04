"""Reading and judging clips in several processes at once."""

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from types import TracebackType
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from ..toyworld.prompt_spec import PromptSpec
from .cases import FPS
from .views import Reading

Verdicts = list[Mapping[str, bool]]
Result = TypeVar("Result")


class Readers:
    """Reads clips in `jobs` processes of one thread each; their number changes no verdict.

    With one job, clips are read in this process.

    Raises:
        ValueError: `jobs` is below 1.
    """

    def __init__(self, jobs: int | None = None) -> None:
        self.jobs = (os.cpu_count() or 1) if jobs is None else jobs
        if self.jobs < 1:
            raise ValueError(f"{self.jobs} jobs: use at least 1 to read clips")
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> "Readers":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def judge(
        self,
        view: Reading,
        clips: Sequence[Tensor],
        asked: Sequence[Sequence[PromptSpec]],
        fps: float = FPS,
    ) -> list[Verdicts]:
        """Read each clip (F, H, W, 3) once and judge it by each of its specs in ``asked``."""
        return self.map(partial(_judged, view, fps), clips, asked)

    def map(
        self, look: Callable[[Tensor, Any], Result], clips: Sequence[Tensor], asked: Sequence[Any]
    ) -> list[Result]:
        """Apply `look`, a module-level function, to each tensor and its entry in ``asked``."""
        if self.jobs == 1:
            with one_thread():
                return [look(*each) for each in zip(clips, asked, strict=True)]
        arrays = [clip.numpy() for clip in clips]
        return list(self._started().map(partial(_with_tensor, look), arrays, asked))

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(self.jobs, get_context("spawn"), _be_a_worker)
        return self._pool


def _judged(view: Reading, fps: float, clip: Tensor, asked: Sequence[PromptSpec]) -> Verdicts:
    seen = view.read(clip, fps)
    return [view.judge(seen, wanted) for wanted in asked]


def _with_tensor(look: Callable[[Tensor, Any], Result], clip: np.ndarray, asked: Any) -> Result:
    return look(torch.from_numpy(clip), asked)


def _be_a_worker() -> None:
    """Leave Ctrl-C to the process that waits for this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute in one thread: sums and timings depend on the number of threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
