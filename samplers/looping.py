"""Loops with networks that know no circle of time: the clip goes round while it is denoised.

F latent frames of the loop.
"""

from torch import Tensor

from .runs import Evaluation, RunDenoiser, SamplingRun, Wrapper
from .window_plans import Window
from .windows import fuse

MANY_STEPS = 8
"""Steps from which a short context suffices."""

CONTEXT = 4
"""Latent frames of the loop on either side that the network sees again, at most."""


def close_loops() -> Wrapper:
    """Show a network a loop that begins elsewhere in each step, between copies of its own ends.

    The copies are seen and thrown away, so that no frame of the loop ever is an end; the first of
    them stands where networks expect the odd first latent frame of a causal VAE. Levels of places
    and further channels go round with the state. A window of a loop has two ends and is left as
    it is.
    Source: after Bi et al., "Mobius: Text to Seamless Looping Video Generation via Latent Shift",
    2025, which rolls without context and leaves a bump where the seam is at each step.

    Raises:
        ValueError: when a run begins that packs loops with clips of other lengths or with two ends.
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
    """Latent frames on either side of a loop of F: at most a third, half of it for few steps."""
    if steps < MANY_STEPS:
        return max(1, frames // 2)
    return max(1, min(CONTEXT, frames // 3))


def _around(frames: tuple[int, ...], start: int, context: int) -> Window:
    """The loop from ``start`` on, between copies of its ends, whose results count nothing."""
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
            "loops packed with other clips: this model knows no circular time, so that only loops "
            "of one length can be packed; sample them one by one, with Sample"
        )
