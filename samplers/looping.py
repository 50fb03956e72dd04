"""Loops for networks without circular time: the clip is rolled while it is denoised.

F latent frames of the loop.
"""

from torch import Tensor

from .runs import Evaluation, RunDenoiser, SamplingRun, Wrapper
from .window_plans import Window
from .windows import fuse

MANY_STEPS = 8
"""Number of steps from which a short context suffices."""

CONTEXT = 4
"""Maximum number of latent frames that are repeated on either side of the loop."""


def close_loops() -> Wrapper:
    """Roll a loop to a different start in each step and pad it with copies of its own ends.

    The copies serve as context and their results are discarded, so no frame of the loop is ever at
    an end. The first copy sits where networks expect the special first latent frame of a causal
    VAE. Per-position levels and extra channels roll with the state. A window of a loop has two ends
    and is left unchanged.
    Source: after Bi et al., "Mobius: Text to Seamless Looping Video Generation via Latent Shift",
    2025, which rolls without context and leaves a bump where the seam is at each step.

    Raises:
        ValueError: at the start of a run that packs loops with non-looping clips or clips of other
            lengths.
    """

    def wrapper(denoiser: RunDenoiser, run: SamplingRun) -> RunDenoiser:
        _check(run)

        def denoise(x: Tensor, at: Evaluation) -> Tensor:
            if at.clips is None or not at.clips.each[0].closed:
                return denoiser(x, at)
            frames = at.clips.each[0].frames
            start = run.step_in_progress(at.level) * (len(frames) // 2) % len(frames)
            context = context_of(len(frames), len(run.sigmas) - 1)
            return fuse(denoiser, x, at, [_around(frames, start, context)])

        return denoise

    return wrapper


def context_of(frames: int, steps: int) -> int:
    """Context frames per side of a loop: F // 2 for few steps, else F // 3 up to ``CONTEXT``."""
    if steps < MANY_STEPS:
        return max(1, frames // 2)
    return max(1, min(CONTEXT, frames // 3))


def _around(frames: tuple[int, ...], start: int, context: int) -> Window:
    """The loop starting at ``start``, between copies of its ends with weight 0."""
    rolled = frames[start:] + frames[:start]
    seen = (*rolled[-context:], *rolled, *rolled[:context])
    copies = (0.0,) * context
    return Window(seen, (*copies, *(1.0,) * len(frames), *copies))


def _check(run: SamplingRun) -> None:
    if run.clips is None or not any(clip.closed for clip in run.clips.each):
        return
    first = run.clips.each[0]
    if any(not clip.closed or clip.frames != first.frames for clip in run.clips.each):
        raise ValueError(
            "loops packed with other clips: this model has no circular time, so only loops of the "
            "same length can be packed; sample them one by one with Sample"
        )
