"""Windows in ComfyUI's terms: which frames of a run one call of a network sees.

B batch, C channels, F frames, H rows, W columns.
"""
# pyright: reportMissingImports=false

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from comfy.context_windows import IndexListContextHandler
from torch import Tensor

from ...samplers.clips import Clips
from ...samplers.runs import Evaluation
from .versions import index_window

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

    def contents(self, whole: Tensor) -> Tensor:
        """The window of values (B, C, F, H, W) or (B, F, H, W) of the whole state."""
        index = torch.tensor(self.held, device=whole.device)
        return whole.index_select(whole.ndim - 3, index)

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


class HostWindow(NamedTuple):
    """A window of the pack over a network of the host's own, which is told of it as the host does.

    Args:
        window: the host's.
        state: of the whole run.
        axis: along which its frames lie.
        controls: ControlNets that were cut, by what they were cut from: prompts that share one are
            evaluated together.
    """

    window: Any
    state: Tensor
    axis: int
    controls: dict[int, Any]

    @classmethod
    def of(cls, at: Evaluation) -> "HostWindow":
        """The window that an evaluation looks at."""
        assert at.clips is not None
        assert at.clips.index is not None
        assert at.run.given is not None
        state, axis = at.run.given, at.clips.axis(at.run.given)
        window = index_window(at.clips.index.tolist(), axis, state.shape[axis])
        return cls(window, state, axis, {})

    def cut(self, model: Any, conditioning: Sequence[dict[str, Any]] | None) -> Any:
        """A conditioning with what belongs to frames cut to the window.

        The host cuts what it and its models know of; older ones leave the channels of a start
        image and hints whole.
        """
        if conditioning is None:
            return None
        handler = IndexListContextHandler(None, None, len(self.window.index_list), dim=self.axis)
        handler._model = model
        cut = handler.get_resized_cond(conditioning, self.state, self.window)
        return [
            {name: self._rest(value, whole.get(name)) for name, value in each.items()}
            for each, whole in zip(cut, conditioning, strict=True)
        ]

    def _rest(self, value: Any, whole: Any) -> Any:
        """What the host has left whole, cut."""
        if hasattr(value, "cond_hint_original"):
            return self._control(value)
        if not isinstance(value, dict):
            return value
        return {
            name: self._values(each) if each is whole.get(name) else each
            for name, each in value.items()
        }

    def _values(self, value: Any) -> Any:
        held = getattr(value, "cond", None)
        least = self.state.ndim if self.axis else 2
        if not isinstance(held, Tensor) or held.ndim < least:
            return value
        axis = 0 if self.axis == 0 else held.ndim - self.state.ndim + self.axis
        if held.shape[axis] != self.state.shape[self.axis]:
            return value
        return value._copy_with(self._taken(held, axis))

    def _control(self, control: Any) -> Any:
        """A ControlNet with the hints of the window's frames."""
        if id(control) in self.controls:
            return self.controls[id(control)]
        made, hint = copy.copy(control), control.cond_hint_original
        if isinstance(hint, Tensor) and len(hint) == self.state.shape[self.axis]:
            made.cond_hint_original, made.cond_hint = self._taken(hint, 0), None
        if control.previous_controlnet is not None:
            made.previous_controlnet = self._control(control.previous_controlnet)
        self.controls[id(control)] = made
        return made

    def _taken(self, values: Tensor, axis: int) -> Tensor:
        index = torch.tensor(self.window.index_list, device=values.device)
        return values.index_select(axis, index)
