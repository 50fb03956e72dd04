"""Sizes of videos and latents, and the arithmetic between them."""

from dataclasses import dataclass
from typing import NamedTuple


class VideoShape(NamedTuple):
    """Pixels of a clip: frames, rows, columns."""

    frames: int
    height: int
    width: int


class LatentShape(NamedTuple):
    """Latent positions of a clip: latent frames, rows, columns."""

    frames: int
    height: int
    width: int


@dataclass(frozen=True)
class Compression:
    """Number of frames and pixels that a latent position stands for.

    The first latent frame stands for one video frame, each further one for ``time`` frames; in a
    loop, where the first latent frame is like any other, each stands for ``time`` frames. Each side
    of a latent is ``space`` times shorter.
    """

    time: int
    space: int

    def __str__(self) -> str:
        return f"{self.time}x{self.space}x{self.space}"

    def latent_shape(self, video: VideoShape) -> LatentShape:
        """Latent shape of a video; frames and pixels that do not fill a position are left out."""
        return LatentShape(
            max(0, (video.frames - 1) // self.time + 1),
            video.height // self.space,
            video.width // self.space,
        )

    def video_shape(self, latent: LatentShape, *, loop: bool = False) -> VideoShape:
        """Frames and pixels that a latent decodes to."""
        frames = latent.frames * self.time if loop else (latent.frames - 1) * self.time + 1
        return VideoShape(max(0, frames), latent.height * self.space, latent.width * self.space)

    def fitting_frames(self, frames: int) -> int:
        """Largest frame count up to ``frames`` that a causal VAE accepts; at least 1."""
        return max(0, frames - 1) // self.time * self.time + 1

    def check(self, video: VideoShape, *, patch: int = 1, loop: bool = False) -> None:
        """Raise ValueError that lists all sizes that do not fit, with the nearest that do."""
        problems = []
        below, rule = self.fitting_frames(video.frames), f"1 + a multiple of {self.time}"
        if loop:
            below = max(self.time, video.frames // self.time * self.time)
            rule = f"a multiple of {self.time} in a loop"
        if below != video.frames:
            problems.append(
                f"{video.frames} frames do not fit: use {rule} "
                f"(nearest: {below} or {below + self.time})"
            )
        step = self.space * patch
        for name, size in (("height", video.height), ("width", video.width)):
            if size < step or size % step:
                below = max(step, size // step * step)
                problems.append(
                    f"{name} {size} does not fit: use a multiple of {step} "
                    f"(nearest: {below} or {below + step})"
                )
        if problems:
            raise ValueError("; ".join(problems))

    def left_out(self, frames: int) -> str:
        """Message for a stock VAE node that leaves the last frames out, as ComfyUI does."""
        kept = self.fitting_frames(frames)
        return (
            f"the last {frames - kept} of {frames} frames are left out: the VAE takes 1 + a "
            f"multiple of {self.time}, such as {kept} or {kept + self.time}"
        )


WAN_COMPRESSION = Compression(time=4, space=8)
"""Compression of Wan 2.1 and of the shipped weights."""
