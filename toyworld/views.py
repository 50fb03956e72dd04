"""The views of a scene's camera: its own path plus a player's commands."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .camera import View
from .scene import Actions, Scene

TURN_RATE = 0.5
"""Speed at which a player turns the camera, in radians per second."""

_TURNS = {"left": -1.0, "right": 1.0}
_STEPS = {"forward": 1.0, "back": -1.0}


def views(scene: Scene, seconds: Tensor) -> View:
    """Return the view of the scene's camera at each of `seconds` (F,).

    A player's turns and steps are added to the camera's own path; "forward" follows the player's
    turns.
    """
    view = scene.camera.view(seconds)
    if scene.actions is None or scene.actions.target != "camera":
        return view
    x, z, yaw = _played(scene.actions, seconds)
    step = torch.stack((x, torch.zeros_like(x), z), dim=-1)
    return View(view.eye + step, view.yaw + yaw, view.pitch, view.field_of_view)


def moves(scene: Scene) -> bool:
    """Return whether the scene's camera moves, on its own or by a player."""
    return scene.camera.moves or (scene.actions is not None and scene.actions.target == "camera")


def _played(actions: Actions, seconds: Tensor) -> Tensor:
    """Return the player's x, z and yaw (3, F); each is linear in time during a command."""
    hold, path = 1 / actions.rate, [(0.0, 0.0, 0.0)]
    for command in actions.commands:
        x, z, yaw = path[-1]
        step = _STEPS.get(command, 0.0) * actions.speed * hold
        turn = _TURNS.get(command, 0.0) * TURN_RATE * hold
        path.append((x + step * math.sin(yaw), z + step * math.cos(yaw), yaw + turn))
    knots = torch.tensor(path, dtype=seconds.dtype, device=seconds.device).T
    place = (seconds * actions.rate).clamp(0, len(actions.commands))
    last = place.floor().long()
    following = (last + 1).clamp(max=len(actions.commands))
    return torch.lerp(knots[:, last], knots[:, following], place - last)
