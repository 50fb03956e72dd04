"""Closing loops, in either host, for networks that do not close them themselves."""

from collections.abc import Callable, Collection

from ..samplers.clips import Clips
from ..samplers.looping import MANY_STEPS, close_loops, context_of
from ..samplers.runs import Wrapper

CIRCULAR = "loop"
"""Input of networks that were trained on loops."""


def closing(
    clips: Clips, inputs: Collection[str], steps: int, tell: Callable[[str], None]
) -> tuple[Wrapper, ...]:
    """Return the wrappers that close a run's loops; they go around guidance, inside all others.

    Args:
        clips: of the run.
        inputs: names of the network's optional inputs.
        steps: number of steps of the run.
        tell: called with the cost, if a wrapper is needed.
    """
    loops = [clip for clip in clips.each if clip.closed]
    if not loops or CIRCULAR in inputs:
        return ()
    frames = loops[0].size.frames
    context = context_of(frames, steps)
    more = f"; from {MANY_STEPS} steps on, fewer are enough" if steps < MANY_STEPS else ""
    tell(
        f"this model was not trained on loops: to close a loop of {frames} latent frames, it also "
        f"sees the last and the first {context} again, {frames + 2 * context} in each step{more}"
    )
    return (close_loops(),)
