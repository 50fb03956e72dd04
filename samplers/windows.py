"""Context windows: denoise a clip that is too long for a network in overlapping parts.

B batch, C channels, F frames, H rows, W columns, L tokens, D features.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .clips import Clips
from .runs import Evaluation, RunDenoiser, SamplingRun, Wrapper
from .window_plans import Window, WindowPlan, plan_windows


@dataclass(frozen=True, eq=False)
class ContextWindows:
    """Denoise a clip window by window and average x0, weighted, where windows overlap.

    The windows of a loop wrap around its end. Guidance keeps its memory per window. A clip that
    fits into one window is denoised as a whole.
    Sources: Bar-Tal et al., "MultiDiffusion", 2023; moving window borders from step to step was
    popularised by AnimateDiff.

    Args:
        plan: how to cut the clip.
        from_nothing: called at the start of a run that needs windows but has nothing given; the
            windows then agree less than if one network saw the whole clip.
    """

    plan: WindowPlan
    from_nothing: Callable[[], None]

    def __call__(self, denoiser: RunDenoiser, run: SamplingRun) -> RunDenoiser:
        """Wrap a denoiser in the windows.

        Raises:
            ValueError: the run's frames are unknown, or packed clips have different frames.
        """
        plan, frames = self.plan, _frames(run.clips)
        if len(frames) > plan.length and (run.given is None or not run.given.any()):
            self.from_nothing()

        def denoise(x: Tensor, at: Evaluation) -> Tensor:
            clips = at.clips
            if clips is None or len(clips.each[0].frames) <= plan.length:
                return denoiser(x, at)
            here, closed = clips.each[0].frames, plan.closed or clips.each[0].closed
            step = run.step_in_progress(at.level)
            planned = plan_windows(len(here), plan, step=step, closed=closed)
            return fuse(
                denoiser,
                x,
                at,
                [Window(tuple(here[i] for i in each.frames), each.weights) for each in planned],
            )

        return denoise


def context_windows(
    plan: WindowPlan, *, from_nothing: Callable[[], None] = lambda: None
) -> Wrapper:
    """Make a wrapper for the windows of a plan; see ``ContextWindows``."""
    return ContextWindows(plan, from_nothing)


def frames_at_once(wrappers: Iterable[Wrapper]) -> int | None:
    """Length in latent frames of the shortest windows among wrappers; None without windows."""
    windows = (each.plan.length for each in wrappers if isinstance(each, ContextWindows))
    return min(windows, default=None)


def fuse(denoiser: RunDenoiser, x: Tensor, at: Evaluation, windows: Sequence[Window]) -> Tensor:
    """Average a denoiser's predictions over windows of a state, by their weights.

    Args:
        denoiser: called for one window after another.
        x: the state, (B, C, F, H, W), (F, C, H, W) or (B, L, D).
        at: its evaluation.
        windows: windows of absolute frames; every frame needs a weight above 0 in at least one.
    """
    clips = at.clips
    if clips is None:
        raise ValueError("windows of a state whose frames are unknown: use a video latent")
    axis, made = clips.axis(x), torch.zeros_like(x)
    total = x.new_zeros([size if each == axis else 1 for each, size in enumerate(x.shape)])
    for window in windows:
        part, inside = at.window(x, window.frames)
        index = clips.find(window.frames).to(x.device)
        numbers = clips.window(window.frames).frame_numbers.to(x.device)
        weights = x.new_tensor(window.weights)[numbers]
        weights = weights.reshape([-1 if each == axis else 1 for each in range(x.ndim)])
        made.index_add_(axis, index, denoiser(part, inside) * weights)
        total.index_add_(axis, index, weights)
    return made / total


def _frames(clips: Clips | None) -> tuple[int, ...]:
    """Absolute frames of a run's clips."""
    if clips is None:
        raise ValueError(
            "context windows need a clip's frames, which are unknown in this run: use a video "
            "latent, or remove the Context Windows node"
        )
    first, *others = (clip.frames for clip in clips.each)
    if any(frames != first for frames in others):
        lengths = " and ".join(str(len(clip.frames)) for clip in clips.each)
        raise ValueError(
            f"context windows over packed clips of {lengths} latent frames: sample clips of "
            "different lengths one by one with Sample"
        )
    return first
