"""Sizes of videos and latents as named tuples, the vocabulary of all shape arithmetic."""

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
    """How many frames and pixels a latent position stands for.

    The first latent frame is one frame of video, each further one ``time`` of them; in a loop,
    whose first frame is like every other, all are. A side of a latent is ``space`` times shorter.
    """

    time: int
    space: int

    def __str__(self) -> str:
        return f"{self.time}x{self.space}x{self.space}"

    def latent_shape(self, video: VideoShape) -> LatentShape:
        """Latent positions of a video; what does not fill one is left out."""
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
        """The most frames, of so many, that a causal VAE takes; 1 at least."""
        return max(0, frames - 1) // self.time * self.time + 1

    def check(self, video: VideoShape, *, patch: int = 1, loop: bool = False) -> None:
        """Raise ValueError with the nearest fitting sizes of all that does not fit in a video."""
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
        """What is said where a VAE's stock node leaves the last frames out, as ComfyUI does."""
        kept = self.fitting_frames(frames)
        return (
            f"the last {frames - kept} of {frames} frames are left out: the VAE takes 1 + a "
            f"multiple of {self.time}, such as {kept} or {kept + self.time}"
        )


WAN_COMPRESSION = Compression(time=4, space=8)
"""Of Wan 2.1, and of the shipped weights."""
