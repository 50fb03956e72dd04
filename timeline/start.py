"""What is given, as models take it that were trained to animate an image.

They see it in further channels: a clip of which all is grey that is not given, encoded as a whole,
and a mask for every frame behind a latent frame.

C channels, F frames, H rows, W columns; f, h, w the same of the latent.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from .record import Timeline

Encode = Callable[[Tensor], Tensor]
"""Frames (F, H, W, 3) in [0, 1] -> raw latent (1, C, f, h, w)."""

GREY = 0.5


class StartClip(NamedTuple):
    """A clip to start from, as ComfyUI's nodes put it into a conditioning.

    Attributes:
        latent: (1, C, f, h, w), raw.
        made: (1, time factor, f, h, w) with 0 where something is given, 1 where it is made; the
            first frame's counts for all that stand for the first latent frame.
    """

    latent: Tensor
    made: Tensor

    def part(self, numbers: Sequence[int]) -> "StartClip":
        """Some of its latent frames."""
        return StartClip(*(each[:, :, list(numbers)] for each in self))


@dataclass(eq=False)
class StartOnDemand:
    """The start clip of a LATENT, made when a model first asks for it.

    Args:
        make: the part of it that some latent frames are, or all of it.
        known: all of it, once it is made.
    """

    make: Callable[[Sequence[int] | None], StartClip]
    known: StartClip | None = None

    @classmethod
    def of(cls, made: StartClip) -> "StartOnDemand":
        """One that is made already."""
        return cls(lambda shown: made if shown is None else made.part(shown), made)

    def __call__(self, shown: Sequence[int] | None = None) -> StartClip:
        """All of it, or the part that ``shown`` latent frames are."""
        if shown is not None:
            return self.make(shown)
        if self.known is None:
            self.known = self.make(None)
        return self.known


def start_clip(timeline: Timeline, encode: Encode, shown: Sequence[int] | None = None) -> StartClip:
    """The clip of a timeline's stretch, of which what changes at all is grey.

    Args:
        timeline: what is given.
        encode: the VAE's encoder.
        shown: latent frames of the stretch that the clip consists of; None for all of them. Of
            those behind the first the last frame is seen, as a clip begins with a frame alone.

    Raises:
        ValueError: the timeline is a loop, which those models cannot make.
    """
    if timeline.loop:
        raise ValueError(
            "a loop cannot be made by a model that animates an image: use an open clip"
        )
    numbers = range(timeline.latent_frames) if shown is None else shown
    first, *later = (timeline.behind(number) for number in numbers)
    seen = [first[-1], *(frame for frames in later for frame in frames)]
    given = [_given(timeline, frame) for frame in seen]
    frames = torch.stack([_shown(timeline, *each) for each in zip(seen, given, strict=True)])
    made = torch.stack([~each for each in given]).float()[:, None]  # (F, 1, H, W)
    places = F.max_pool2d(made, timeline.compression.space)[:, 0]  # (F, h, w)
    time = timeline.compression.time
    whole = torch.cat([places[:1].expand(time, -1, -1), places[1:]])
    return StartClip(encode(frames), whole.unflatten(0, (-1, time)).transpose(0, 1)[None])


@dataclass(frozen=True, eq=False)
class ClipPart:
    """What a run sees of a clip that is made in several.

    Args:
        shown: numbers of its latent frames in the whole clip, in their order.
        whole: latent frames of the whole clip.
        there: (F,) bool, which of the run's frames were made by runs before it.
        tell: told, once for all runs of the clip, what is missing.
    """

    shown: tuple[int, ...]
    whole: int
    there: Tensor
    tell: Callable[[str], None]

    def cut(self, start: StartClip) -> StartClip:
        """The part of a start clip of the whole clip; one that is not of its length begins here.

        Raises:
            ValueError: it is shorter than the run.
        """
        frames = start.latent.shape[2]
        if start.made.shape[2] != frames:
            raise ValueError(
                f"a start image of {frames} latent frames with a mask of {start.made.shape[2]}: "
                "give it a mask for each of its latent frames"
            )
        if frames == self.whole:
            return start.part(self.shown)
        if frames < len(self.shown):
            raise ValueError(
                f"a start image of {frames} latent frames, and a clip of {self.whole}, of which "
                f"{len(self.shown)} are sampled at a time: give the node that made it (such as "
                "WanImageToVideo) the whole clip's length"
            )
        return start.part(range(len(self.shown)))

    def filled(self, start: StartClip, samples: Tensor) -> StartClip:
        """The same start clip with all that runs before this one have made.

        Args:
            start: of the run.
            samples: of the run (B, C, F, h, w), raw.

        Raises:
            ValueError: they have other rows or columns.
        """
        if start.latent.shape[3:] != samples.shape[3:]:
            raise ValueError(
                f"a start image of shape {tuple(start.latent.shape)} for a latent of "
                f"{tuple(samples.shape)}: encode it in the size of the clip"
            )
        there = self.there[:, None, None]
        latent = torch.where(there.to(samples.device), samples, start.latent.to(samples))
        return StartClip(latent, torch.where(there.to(start.made.device), 0.0, start.made))


def _given(timeline: Timeline, frame: int) -> Tensor:
    given = timeline.given(frame)
    return given if isinstance(given, Tensor) else torch.full(timeline.shape[1:], given)


def _shown(timeline: Timeline, frame: int, given: Tensor) -> Tensor:
    pixels = timeline.pixels(frame)
    grey = torch.full((*timeline.shape[1:], 3), GREY)
    return grey if pixels is None else torch.where(given[..., None], pixels, grey)
