"""ComfyUI's own context windows: which frames of a run one call of the network sees.

B batch, C channels, F frames, H rows, W columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from torch import Tensor

from ...samplers.clips import Clips
from ...samplers.runs import Evaluation

WINDOW_KEY = "context_window"
"""Under which the host names the window in its transformer options."""

FRAMES_AXIS = 2
"""Of a latent (B, C, F, H, W)."""


class Window(NamedTuple):
    """The frames of a window, by their numbers in the state that it was cut from.

    Args:
        frames: in the order in which they stand in time, one that is thrown away first.
        held: the same where the contents stand; the host puts retained frames in the place of
            others.
    """

    frames: list[int]
    held: list[int]

    def clips(self, clips: Clips) -> Clips:
        """The window of the clips, whose frames count from 0 to the network."""
        numbers = clips.each[0].frames
        return clips.window([numbers[frame] for frame in self.frames])

    def levels(self, levels: Tensor, frames: int) -> Tensor:
        """Noise levels (B, F, H, W) of the window; those (B,) of the run, and cut ones, stay."""
        return levels if levels.ndim == 1 or levels.shape[1] == frames else levels[:, self.held]

    def evaluation(self, at: Evaluation) -> Evaluation:
        """What is evaluated, in this window alone."""
        places = None if at.places is None else self.levels(at.places, len(self.frames))
        clips = None if at.clips is None else self.clips(at.clips)
        return replace(at, clips=clips, places=places)


def window_of(options: Mapping[str, Any], x: Tensor, retained: Sequence[int]) -> Window | None:
    """The host's window that a latent was cut to; None for a whole one.

    Args:
        options: the host's transformer options.
        x: (B, C, F, H, W).
        retained: frames that stand at their own places in every window.

    Raises:
        ValueError: the window is not one of frames.
    """
    window = options.get(WINDOW_KEY)
    if window is None:
        return None
    if window.dim != FRAMES_AXIS:
        raise ValueError(
            f"context windows over axis {window.dim} of a video latent (batch, channels, frames, "
            f"rows, columns): set dim to {FRAMES_AXIS}, its frames"
        )
    anchor = getattr(window, "causal_anchor_index", None)
    frames = [*([] if anchor is None or anchor < 0 else [anchor]), *window.index_list]
    held = [place if place in retained else frame for place, frame in enumerate(frames)]
    return Window(frames, held)


def retained_frames(model_options: Mapping[str, Any]) -> tuple[int, ...]:
    """Latent frames that the windows of a model keep, where its host and its node know of such."""
    handler = model_options.get("context_handler")
    return tuple(getattr(handler, "latent_retain_index_list", ()))
