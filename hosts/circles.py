"""Loops in a run whose network does not close them by itself, in either host."""

from collections.abc import Callable, Collection

from ..samplers.clips import Clips
from ..samplers.looping import MANY_STEPS, close_loops, context_of
from ..samplers.runs import Wrapper

CIRCULAR = "loop"
"""The input of networks that were trained with a circle of time."""


def closing(
    clips: Clips, inputs: Collection[str], steps: int, tell: Callable[[str], None]
) -> tuple[Wrapper, ...]:
    """What goes around guidance, inside of all other wrappers, to close the loops of a run.

    Args:
        clips: of the run.
        inputs: optional inputs of its network, by name.
        steps: of the run.
        tell: told what it costs, where something is needed.
    """
    loops = [clip for clip in clips.each if clip.closed]
    if not loops or CIRCULAR in inputs:
        return ()
    frames = loops[0].size.frames
    context = context_of(frames, steps)
    more = f"; from {MANY_STEPS} steps on fewer are enough" if steps < MANY_STEPS else ""
    tell(
        f"this model was not trained on loops: to close one of {frames} latent frames it also sees "
        f"the last and the first {context} of them again, {frames + 2 * context} in each step{more}"
    )
    return (close_loops(),)
