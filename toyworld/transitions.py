"""Transitions between settings: with the time of day, or as the camera turns."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from typing import Any

import torch
from torch import Tensor

from .background import Background, render_view
from .camera import View
from .easing import eased
from .scene import Scene
from .settings import SETTINGS, Setting

HOURS = ("at day", "at sunset", "at night")
"""The settings that are times of day in the same place."""

_BELOW, _ABOVE = -0.35, 0.6
_BORDER = (0.38, 0.62)
"""The fractions of a pan between which the two settings blend; outside, only one is seen."""


def between(first: str, second: str, share: float) -> Setting:
    """Return the setting at fraction `share` of the way from one to another.

    The first setting's sun or moon sinks behind the ridge and the second one's rises. Between day
    and sunset, the sun only moves down from above the image, or back up.
    """
    if not 0 < share < 1:
        return SETTINGS[second if share else first]
    return replace(_blend(SETTINGS[first], SETTINGS[second], share), **_disc(first, second, share))


def settings_of(scene: Scene, seconds: Tensor, path: View) -> list[Setting]:
    """Return the setting whose light falls on the scene at each of `seconds` (F,).

    Args:
        path: the camera's views at these times.
    """
    change = scene.change
    if change is None or change.setting is None:
        return [SETTINGS[scene.setting]] * len(seconds)
    if scene.turns_elsewhere:
        here, there = SETTINGS[scene.setting], _turned(SETTINGS[change.setting], _turn(scene)[1])
        return [_blend(here, there, share) for share in _beyond(scene, path.yaw).tolist()]
    shares = eased(seconds, change.begin, change.end)
    return [between(scene.setting, change.setting, share) for share in shares.tolist()]


def varies(scene: Scene) -> bool:
    """Return whether the background changes with time even for a still camera."""
    return scene.change is not None and scene.change.setting is not None


def render_backdrop(
    scene: Scene,
    setting: Setting,
    view: View,
    *,
    height: int,
    width: int,
    device: torch.device | str,
) -> Background:
    """Render the background at one moment (), at which `setting` gives the light.

    A setting that the camera turns to looks there as it does to a still camera.
    """
    size = {"height": height, "width": width, "style": scene.style, "device": device}
    if not scene.turns_elsewhere:
        return render_view(setting, view, **size)
    assert scene.change is not None
    assert scene.change.setting is not None
    here = render_view(SETTINGS[scene.setting], view, **size)
    back = View(view.eye, view.yaw - _turn(scene)[1], view.pitch, view.field_of_view)
    there = render_view(SETTINGS[scene.change.setting], back, **size)
    share = _beyond(scene, _bearing(view.to(device), height, width))
    return here._replace(colour=torch.lerp(here.colour, there.colour, share[..., None]))


def _beyond(scene: Scene, bearing: Tensor) -> Tensor:
    """Return the share of the second setting in a direction (...), given right of +z."""
    start, stop = _turn(scene)
    near, far = (start + share * (stop - start) for share in _BORDER)
    return eased(bearing, near, far)


def _turn(scene: Scene) -> tuple[float, float]:
    """Return the camera's yaw, right of +z, at the beginning and at the end of the change."""
    assert scene.change is not None
    ends = torch.tensor((scene.change.begin, scene.change.end), dtype=torch.float64)
    start, stop = scene.camera.view(ends).yaw.tolist()
    return start, stop


def _bearing(view: View, height: int, width: int) -> Tensor:
    """Return the direction of each pixel (H, W), in radians to the right of +z."""
    y, x = torch.meshgrid(
        torch.arange(height, device=view.eye.device) + 0.5,
        torch.arange(width, device=view.eye.device) + 0.5,
        indexing="ij",
    )
    right, _, ahead = view.ray_directions(x, y, height, width)
    return torch.atan2(right, ahead)


def _turned(setting: Setting, angle: float) -> Setting:
    """Return the setting with its light turned to the right around the camera."""
    (x, y, z), cos, sin = setting.light, math.cos(angle), math.sin(angle)
    return replace(setting, light=(x * cos + z * sin, y, z * cos - x * sin))


def _blend(old: Setting, new: Setting, share: float) -> Setting:
    pairs = {
        field.name: (getattr(old, field.name), getattr(new, field.name)) for field in fields(old)
    }
    return Setting(**{name: _mixed(*pair, share) for name, pair in pairs.items()})


def _mixed(old: Any, new: Any, share: float) -> Any:
    if isinstance(old, tuple):
        return tuple(a + share * (b - a) for a, b in zip(old, new, strict=True))
    return old + share * (new - old)


def _disc(first: str, second: str, share: float) -> dict[str, Any]:
    """Return the visible sun or moon, shifted from its place."""
    low = {first, second} == {"at day", "at sunset"}
    if low:
        shown, away = "at sunset", _ABOVE * (1 - share if second == "at sunset" else share)
    else:
        shown, away = (first, share) if share < 0.5 else (second, 1 - share)
        away *= 2 * _BELOW
    seen = SETTINGS[shown]
    x, y, z = seen.disc
    return {
        "disc": (x, y + away, z),
        "disc_colour": seen.disc_colour,
        "disc_size": seen.disc_size,
        "disc_glow": seen.disc_glow,
    }
