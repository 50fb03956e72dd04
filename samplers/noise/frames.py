"""Initial noise tied to absolute latent frames rather than to a run.

A longer, windowed or packed run sees the same noise for the same frame of the same clip.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..checks import check_one_stream

_MASK = 2**64 - 1

DRAWN_TOGETHER = "use RandomNoise, which draws for all of them"
"""Remedy where noise is needed for several streams, whose frames do not correspond."""


def frame_noise(
    shape: Sequence[int], *, seed: int, first_frame: int = 0, clip: int = 0, draw: int = 0
) -> Tensor:
    """Draw standard normal noise with a separate generator for each latent frame.

    Args:
        shape: (C, F, H, W); for a ``LatentShape``, pass ``(channels, *latent_shape)``.
        seed: any integer; all of its 64 bits count.
        first_frame: absolute index of the first frame; negative before the start of the clip.
        clip: index of the clip (or batch element), so that clips with the same seed differ.
        draw: 0 for the initial noise of a run, k for the noise after its k-th step.

    Returns:
        (C, F, H, W) float32 on the CPU. Frame i depends only on seed, clip, ``first_frame + i``,
        ``draw`` and (C, H, W).

    Raises:
        ValueError: ``shape`` does not have four positive sizes.
    """
    if len(shape) != 4 or min(shape) < 1:
        raise ValueError(
            f"noise of shape {tuple(shape)}: expected (channels, frames, height, width)"
        )
    channels, frames, height, width = shape
    drawn = [
        torch.randn(
            (channels, height, width),
            generator=_generator(seed, clip, first_frame + index, draw),
            dtype=torch.float32,
        )
        for index in range(frames)
    ]
    return torch.stack(drawn, dim=1)  # (C, F, H, W)


def row_noise(shape: Sequence[int], *, seed: int, clip: int, draw: int) -> Tensor:
    """Draw noise for a state without frames, such as an image, as a whole; float32 on the CPU."""
    return torch.randn(tuple(shape), generator=_generator(seed, clip, 0, draw), dtype=torch.float32)


def _generator(seed: int, clip: int, frame: int, draw: int) -> torch.Generator:
    state = _splitmix64(seed)
    for number in (clip, frame, draw) if draw else (clip, frame):
        state = _splitmix64(state ^ (number & _MASK))
    return torch.Generator("cpu").manual_seed(state)


def _splitmix64(value: int) -> int:
    """Mix 64 bits (Steele, Lea and Flood, "Fast splittable pseudorandom generators", 2014).

    Neighbouring frames become unrelated, and seeds that differ only in their high half do not share
    noise, although torch's CPU generator uses only the low 32 bits of its seed.
    """
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


@dataclass(frozen=True)
class FrameNoise:
    """A NOISE object of one seed, as taken by the hosts' samplers."""

    seed: int

    def generate_noise(self, latent: Mapping[str, Any]) -> Tensor:
        """Generate noise shaped like ``latent["samples"]`` (B, C, F, H, W), per absolute frame.

        Row b of the batch is clip ``latent["batch_index"][b]``, or clip b without that key; frame 0
        is the absolute frame ``latent["first_frame"]``, 0 by default. Samples of shape
        (F, C, H, W), the form in which image networks take the frames of a clip, are clip 0.

        Raises:
            ValueError: the latent is not a video latent, or holds several streams.
        """
        return self.draw(latent, 0)

    def draw(self, latent: Mapping[str, Any], draw: int) -> Tensor:
        """Draw the initial noise of a run (draw 0) or the noise after its k-th step (draw k)."""
        check_one_stream(latent["samples"], DRAWN_TOGETHER)
        shape = latent["samples"].shape
        if len(shape) == 4:
            return frames_of(self.draw(as_clip(latent), draw))
        if len(shape) != 5:
            raise ValueError(
                f"noise for a latent of shape {tuple(shape)}: expected a video latent (batch, "
                "channels, frames, rows, columns) or (frames, channels, rows, columns)"
            )
        clips = latent.get("batch_index") or range(shape[0])
        first = int(latent.get("first_frame", 0))
        rows = [
            frame_noise(shape[1:], seed=self.seed, first_frame=first, clip=clip, draw=draw)
            for clip in clips
        ]
        return torch.stack(rows)


def as_clip(latent: Mapping[str, Any]) -> dict[str, Any]:
    """Convert a latent with frames along the batch, (F, C, H, W), to one clip (1, C, F, H, W).

    Its ``batch_index`` is dropped because it numbers frames, not clips.
    """
    kept = {key: value for key, value in latent.items() if key != "batch_index"}
    return {**kept, "samples": latent["samples"].transpose(0, 1)[None]}


def frames_of(clip: Tensor) -> Tensor:
    """Invert ``as_clip``: (1, C, F, H, W) -> (F, C, H, W)."""
    return clip[0].transpose(0, 1)
