"""Write the files of one toy-world clip: video, masks, depth and the state of every frame."""

import json
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from ..media import film_strip, grid, write_video
from ..toyworld import COLOURS, Clip, Scene, caption, detailed_caption
from ..toyworld.views import views

DEPTH_STEP = 0.001
DEEPEST = 65535
"""Largest value in a depth file, in steps of `DEPTH_STEP` units; also stands for the sky."""
STRIP_HEIGHT, TEXT_HEIGHT, LETTER_WIDTH = 128, 30, 5

_NOTES = {
    "video": "video.mp4: display colours, H.264",
    "masks": "masks/: one PNG per frame; a pixel holds the id of the object it shows, 0 for none",
    "depth": "depth/: one 16-bit PNG per frame; a pixel's value times depth_step is the distance "
    f"from the camera along its ray, in units; {DEEPEST} means that far or farther",
    "frames": "x right, y up, z away from the camera; units, seconds and radians; rotation from "
    "the object's frame to the world; x and y of an object are in pixels, with the first pixel's "
    "centre at 0.5",
}


def write_clip(folder: Path, scene: Scene, clip: Clip, fps: float) -> None:
    """Write the first clip of a render into a folder: its video, masks, depth and description."""
    write_video(folder / "video.mp4", [clip.video[0]], fps=fps)
    _write_masks(folder / "masks", scene, clip.masks[0])
    _write_depth(folder / "depth", clip.depth[0])
    text = json.dumps(described(scene, clip, fps), indent=1)
    (folder / "scene.json").write_text(text + "\n", encoding="utf-8")


def described(scene: Scene, clip: Clip, fps: float) -> dict[str, Any]:
    """Return the description of a clip, ready for JSON."""
    frames, height, width = clip.video.shape[1:4]
    return {
        "caption": caption(scene),
        "detailed_caption": detailed_caption(scene),
        "size": {"frames": frames, "height": height, "width": width, "fps": fps},
        "notes": _NOTES,
        "depth_step": DEPTH_STEP,
        "scene": asdict(scene),
        "frames": _frames(scene, clip, fps),
    }


def strip_of(video: Tensor, text: str) -> Tensor:
    """Return the first, middle and last frame (F, H, W, 3) side by side, above a text."""
    strip = film_strip(video, 3, height=STRIP_HEIGHT)
    line = Image.new("RGB", (strip.shape[1], TEXT_HEIGHT), "white")
    lines = textwrap.fill(text, line.width // LETTER_WIDTH)
    ImageDraw.Draw(line).text((2, 2), lines, fill="black")
    return torch.cat([strip, torch.from_numpy(np.array(line)).float() / 255])


def strip_sheet(strips: Sequence[Tensor]) -> Tensor:
    """Arrange strips of one size in one image (H, W, 3), in two columns from five strips on."""
    return grid(torch.stack(tuple(strips)), 1 if len(strips) < 5 else 2, gap=6)


def _frames(scene: Scene, clip: Clip, fps: float) -> list[dict[str, Any]]:
    """Return the state of every frame: the camera and each object."""
    seconds = torch.arange(clip.video.shape[1], dtype=torch.float64) / fps
    view = views(scene, seconds)
    cameras = zip(*(part.tolist() for part in (view.eye, view.yaw, view.pitch)), strict=True)
    return [
        {
            "seconds": seconds[frame].item(),
            "camera": dict(zip(("eye", "yaw", "pitch"), camera, strict=True)),
            "objects": [_object(clip, frame, index) for index in range(len(scene.objects))],
        }
        for frame, camera in enumerate(cameras)
    ]


def _object(clip: Clip, frame: int, index: int) -> dict[str, Any]:
    states, (x, y, visible) = clip.states, clip.tracks[0, frame, index].tolist()
    *others, floor = states.contacts[0, frame, index].tolist()
    return {
        "id": index + 1,
        "centre": states.centre[0, frame, index].tolist(),
        "rotation": states.rotation[0, frame, index].tolist(),
        "velocity": states.velocity[0, frame, index].tolist(),
        "touches": [other + 1 for other, touched in enumerate(others) if touched],
        "on_floor": floor,
        "x": x,
        "y": y,
        "visible": bool(visible),
    }


def _write_masks(folder: Path, scene: Scene, masks: Tensor) -> None:
    """Write masks (F, O, H, W), displayed in the objects' colours on grey."""
    folder.mkdir()
    ids = torch.arange(1, masks.shape[1] + 1)[:, None, None]
    numbers = (masks * ids).amax(dim=1).to(torch.uint8).numpy()  # (F, H, W)
    rgb = [(0.5, 0.5, 0.5), *(COLOURS[thing.colour] for thing in scene.objects)]
    palette = [round(255 * part) for colour in rgb for part in colour]
    for frame, picture in enumerate(numbers):
        image = Image.fromarray(picture)
        image.putpalette(palette)
        image.save(folder / f"{frame:04}.png")


def _write_depth(folder: Path, depth: Tensor) -> None:
    """Write distances (F, H, W) in units."""
    folder.mkdir()
    steps = (depth.double() / DEPTH_STEP).round().clamp(max=DEEPEST).numpy().astype(np.uint16)
    for frame, picture in enumerate(steps):
        Image.fromarray(picture).save(folder / f"{frame:04}.png")
