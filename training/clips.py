"""Training clips of the toy world, rendered once to shards and read back by number.

B batch, F frames, H rows, W columns.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from einops import rearrange
from safetensors import safe_open
from torch import Tensor

from ..model_loaders.files import write_file
from ..models.shapes import VideoShape
from ..toyworld import caption, render
from .scenes import FRAME_RATES, scene_seed, training_scene

SHARD = 64


@dataclass(frozen=True, eq=False)
class ClipShard:
    """Clips of one size and frame rate, with their captions."""

    video: Tensor  # (B, F, H, W, 3) uint8
    captions: tuple[str, ...]
    fps: float

    def pixels(self, rows: Tensor) -> Tensor:
        """Select clips in the VAE's input format: (B, 3, F, H, W) in [-1, 1]."""
        video = rearrange(self.video[rows], "B F H W C -> B C F H W")
        return video.float() / 127.5 - 1


def render_shard(seed: int, number: int, shape: VideoShape) -> ClipShard:
    """Render shard ``number`` of a data set; frame rates cycle from shard to shard."""
    fps = FRAME_RATES[number % len(FRAME_RATES)]
    seeds = [scene_seed(seed, number * SHARD + row) for row in range(SHARD)]
    scenes = [training_scene(each, shape.frames, fps) for each in seeds]
    clip = render(scenes, frames=shape.frames, height=shape.height, width=shape.width, fps=fps)
    video = (clip.video * 255).round().to(torch.uint8)
    return ClipShard(video, tuple(caption(scene) for scene in scenes), fps)


def write_shards(
    folder: Path, seed: int, count: int, shape: VideoShape, tick: Callable[[int], None]
) -> None:
    """Render the missing shards of a folder, each written atomically."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        path = shard_path(folder, number, shape)
        if not path.exists():
            shard = render_shard(seed, number, shape)
            metadata = {"captions": json.dumps(shard.captions), "fps": str(shard.fps)}
            write_file(path, {"video": shard.video}, metadata)
        tick(number + 1)


def shard_path(folder: Path, number: int, shape: VideoShape) -> Path:
    """Path of a shard, named by size and number."""
    return folder / f"{shape.frames}x{shape.height}x{shape.width}_{number:05d}.safetensors"


def read_shard(path: Path) -> ClipShard:
    """Read one shard."""
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        return ClipShard(
            file.get_tensor("video"),
            tuple(json.loads(metadata["captions"])),
            float(metadata["fps"]),
        )


def read_shards(folder: Path, shape: VideoShape) -> list[ClipShard]:
    """Read all shards of one size.

    Raises:
        FileNotFoundError: there are none.
    """
    paths = sorted(folder.glob(f"{shape.frames}x{shape.height}x{shape.width}_*.safetensors"))
    if not paths:
        raise FileNotFoundError(f"no clips of size {tuple(shape)} in {folder}: render them first")
    return [read_shard(path) for path in paths]
