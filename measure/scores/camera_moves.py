"""Read a camera's motion from pixels, by comparison with the known empty images of each motion."""

from __future__ import annotations

import functools
from dataclasses import replace

import torch
from torch import Tensor

from ...toyworld.background import render_view
from ...toyworld.camera import CAMERA_MOTIONS, STILL_CAMERA
from ...toyworld.draw import SWEEPS
from ...toyworld.settings import SETTINGS
from .scenery import read_scenery, soften

PACES = (0.4, 0.6, 0.8, 1.0, 1.3)
"""Speeds of the moves to try, as shares of the fastest moves in scenes."""

_REACH = 0.15
"""Larger differences all count the same: they come from objects, not from the background."""

_EVERY = 4
"""Use one frame of every this many."""


def read_camera(video: Tensor, fps: float = 16.0) -> str:
    """Return the motion of the camera of a clip (F, H, W, 3) in [0, 1], one of `CAMERA_MOTIONS`.

    Raises:
        ValueError: there are fewer than two frames, which cannot show motion.
    """
    if len(video) < 2:
        raise ValueError(f"a clip of {len(video)} frames shows no motion: give two or more")
    seen = soften(video.detach().float().cpu().clamp(0, 1))
    scenery = read_scenery(seen[:1])
    chosen = seen[::_EVERY]
    moments = (len(video), *video.shape[1:3], fps)

    def distance(view: tuple[str, float]) -> float:
        empty = _empty(scenery.setting, scenery.style, *view, *moments)
        return float((chosen - empty).abs().clamp(max=_REACH).mean())

    views = [(CAMERA_MOTIONS[0], 0.0)]
    views += [(motion, pace) for motion in CAMERA_MOTIONS[1:] for pace in PACES]
    return min(views, key=distance)[0]


@functools.lru_cache(maxsize=400)
def _empty(
    setting: str, style: str, motion: str, pace: float, frames: int, height: int, width: int,
    fps: float,
) -> Tensor:  # fmt: skip
    """Softened images (F, H, W, 3) of a setting without objects, for every `_EVERY`-th frame."""
    seconds = torch.arange(0, frames, _EVERY, dtype=torch.float64) / fps
    camera = STILL_CAMERA
    if pace:
        speed = pace * SWEEPS[motion.split()[0]] / max(frames / fps, 1.0)
        camera = replace(STILL_CAMERA, motion=motion, speed=speed)
    view = camera.view(seconds)
    size = {"height": height, "width": width, "style": style, "device": "cpu"}
    pictures = [render_view(SETTINGS[setting], view.at(k), **size) for k in range(len(seconds))]
    return soften(torch.stack([picture.colour for picture in pictures]))
