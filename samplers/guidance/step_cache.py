"""EasyCache: skip evaluations while the network's output can be extrapolated from its input."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..denoiser import broadcast_sigma, output_of, x0_of
from ..process import NoiseProcess
from ..runs import Evaluation
from .cfg import Predict
from .memory import WindowMemory


@dataclass(frozen=True, kw_only=True)
class StepCache:
    """Error budget for skipped evaluations.

    Args:
        threshold: accumulated relative change of the output at which the network is evaluated
            again; 0 skips nothing, 0.05 is conservative, 0.2 is visible.
        start, end: range of the steps, as shares, in which evaluations may be skipped.
    """

    threshold: float = 0.05
    start: float = 0.1
    end: float = 0.95

    def __post_init__(self) -> None:
        if not (self.threshold >= 0 and 0 <= self.start <= self.end <= 1):
            raise ValueError(
                f"step cache {self}: use a threshold of at least 0 and 0 <= start <= end <= 1"
            )


@dataclass
class _Memory:
    """Cached values of one condition in one window."""

    condition: Any
    sigma: float
    seen: Tensor
    output: Tensor
    residual: Tensor
    rate: float | None = None
    computed: tuple[Tensor, Tensor] | None = None
    error: float = 0.0


def easy_cache(predict: Predict, cache: StepCache) -> Predict:
    """Skip evaluations whose result can be extrapolated from the previous ones.

    With k = |dv| / |dx| between the last two evaluated steps, the output changes by about
    k |x - x_before| relative to |v_before|. These changes accumulate; while their sum is below the
    threshold, the network is not evaluated and v = x + (v - x)_last. The first two evaluations,
    those outside [start, end] and the last step always run. Every condition and window has its own
    cache, and a batch or packed sequence is skipped as a whole. Meant for undistilled models with
    many steps: few steps leave nothing to skip, and fresh noise makes the estimate useless.
    Source: Zhou et al., "Less is Enough: Training-Free Video Diffusion Acceleration via
    Runtime-Adaptive Caching", 2025.

    Args:
        predict: evaluates conditions.
        cache: the error budget.
    """
    windows: WindowMemory[_Memory] = WindowMemory()

    def predict_or_tell(
        x: Tensor, at: Evaluation, conditions: Sequence[Any], /
    ) -> Sequence[Tensor]:
        sigma, process = at.levels, at.run.process
        seen, memories = _seen(x, sigma, process), windows.of(at)
        keys = [(id(each), x.shape) for each in conditions]
        told: dict[Hashable, Tensor] = {}
        if cache.start <= at.progress <= cache.end:
            for key in keys:
                output = _tell(memories.get(key), seen, at.level, cache.threshold)
                if output is not None:
                    told[key] = x0_of(x, output, sigma, process)
        missing = [
            (key, each) for key, each in zip(keys, conditions, strict=True) if key not in told
        ]
        if missing:
            made = predict(x, at, [each for _, each in missing])
            for (key, each), x0 in zip(missing, made, strict=True):
                output = output_of(x, x0, sigma, process)
                memories[key] = _remember(memories.get(key), each, seen, output, at.level)
                told[key] = x0
        return [told[key] for key in keys]

    return predict_or_tell


def _seen(x: Tensor, sigma: Tensor, process: NoiseProcess) -> Tensor:
    """Return the state as the network sees it."""
    return x if process is NoiseProcess.FLOW else x * broadcast_sigma((1 + sigma**2).rsqrt(), x)


def _tell(memory: _Memory | None, seen: Tensor, sigma: float, threshold: float) -> Tensor | None:
    """Return the extrapolated output if the error allows it, and add to the error; else None."""
    if memory is None or memory.rate is None or sigma > memory.sigma:
        return None
    change = memory.rate * _size(seen - memory.seen) / max(_size(memory.output), 1e-12)
    if not memory.error + change < threshold:
        return None
    memory.error += change
    memory.seen, memory.output, memory.sigma = seen, seen + memory.residual, sigma
    return memory.output


def _remember(
    memory: _Memory | None, condition: Any, seen: Tensor, output: Tensor, sigma: float
) -> _Memory:
    """Return the memory after an evaluation; a rise of the noise level starts a new run."""
    made = _Memory(condition, sigma, seen, output, output - seen, computed=(seen, output))
    if memory is not None and memory.computed is not None and sigma <= memory.sigma:
        seen_before, output_before = memory.computed
        moved = _size(seen - seen_before)
        made.rate = _size(output - output_before) / moved if moved > 0 else memory.rate
    return made


def _size(values: Tensor) -> float:
    return torch.linalg.vector_norm(values.float()).item()
