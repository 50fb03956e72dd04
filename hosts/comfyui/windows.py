"""Context windows in ComfyUI's terms: the frames of a run that one network call sees.

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
"""Key of the window in the host's transformer options."""

FRAMES_AXIS = 2
"""Axis of the frames of a latent (B, C, F, H, W)."""


class Window(NamedTuple):
    """The frames of a window, by their numbers in the state from which it was cut.

    Args:
        frames: in order of time; an anchor frame, which is dropped afterwards, comes first.
        held: the frames whose contents the window holds; the host puts retained frames in the
            places of others.
    """

    frames: list[int]
    held: list[int]

    def clips(self, clips: Clips) -> Clips:
        """Return the window of the clips; for the network, their frames count from 0."""
        numbers = clips.each[0].frames
        return clips.window([numbers[frame] for frame in self.frames])

    def levels(self, levels: Tensor, frames: int) -> Tensor:
        """Cut noise levels (B, F, H, W) to the window, if not cut yet; a run's (B,) stay."""
        return levels if levels.ndim == 1 or levels.shape[1] == frames else levels[:, self.held]

    def contents(self, whole: Tensor) -> Tensor:
        """Cut values (B, C, F, H, W) or (B, F, H, W) of the whole state to the window."""
        index = torch.tensor(self.held, device=whole.device)
        return whole.index_select(whole.ndim - 3, index)

    def evaluation(self, at: Evaluation) -> Evaluation:
        """Cut an evaluation to this window."""
        places = None if at.places is None else self.levels(at.places, len(self.frames))
        clips = None if at.clips is None else self.clips(at.clips)
        return replace(at, clips=clips, places=places)


def window_of(options: Mapping[str, Any], x: Tensor, retained: Sequence[int]) -> Window | None:
    """Return the host's window to which a latent was cut; None for a whole one.

    Args:
        options: the host's transformer options.
        x: (B, C, F, H, W).
        retained: frames that keep their own places in every window.

    Raises:
        ValueError: the window is not along the frames.
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
    """Return the latent frames that all windows of a model retain, if its host supports this."""
    handler = model_options.get("context_handler")
    return tuple(getattr(handler, "latent_retain_index_list", ()))


class HostWindow(NamedTuple):
    """A window of the pack's on one of the host's own networks, passed in the host's own way.

    Args:
        window: the host's window object.
        state: of the whole run.
        axis: the state's axis of frames.
        controls: cut ControlNets by the id of the original, as prompts that share a ControlNet
            are evaluated together.
    """

    window: Any
    state: Tensor
    axis: int
    controls: dict[int, Any]

    @classmethod
    def of(cls, at: Evaluation) -> "HostWindow":
        """Return the window of an evaluation."""
        assert at.clips is not None
        assert at.clips.index is not None
        assert at.run.given is not None
        state, axis = at.run.given, at.clips.axis(at.run.given)
        window = index_window(at.clips.index.tolist(), axis, state.shape[axis])
        return cls(window, state, axis, {})

    def cut(self, model: Any, conditioning: Sequence[dict[str, Any]] | None) -> Any:
        """Cut the entries of a conditioning that belong to frames to the window.

        The host cuts those that it and its models know. Older hosts leave hints and the channels
        of a start image whole.
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
        """Cut what the host left whole."""
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
        """Return a ControlNet with the hints of the window's frames."""
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
