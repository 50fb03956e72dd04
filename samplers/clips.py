"""The clips of a sampling run, and the window of them that one evaluation sees.

B batch, C channels, F frames, H rows, W columns, L tokens, D features.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from ..models.dit.conditioning import clip_conditions
from ..models.patchify import TokenLayout, Tokens, unpatchify
from ..models.shapes import WAN_COMPRESSION, Compression, LatentShape
from .masks import free_frames
from .regions import LatentRegions, Regions, TokenRegions

COVERAGE_KEY = "spacetime_coverage"
"""Key of a LATENT: the ``Coverage`` of its samples if they are not the whole video."""

REFERENCES_KEY = "spacetime_references"
"""Key of a LATENT: the number of reference frames (VACE's reference images) that precede the latent
frames of the video."""


class Coverage(NamedTuple):
    """Which part of the video a clip covers, to look up values given per video frame.

    Args:
        start: video frame at which the clip's source latent starts; negative if that latent
            generates frames that are dropped.
        frames: number of frames of the video.
        latent_frames: number of latent frames of the source latent.
        shown: indices into the source latent of the clip's latent frames, in clip order.
        closes: whether the video is a circle that the source latent closes: what lies after its
            last frame is its beginning.
    """

    start: int
    frames: int
    latent_frames: int
    shown: tuple[int, ...]
    closes: bool = False

    @property
    def whole(self) -> bool:
        """Whether the clip covers all of its source latent."""
        return len(self.shown) == self.latent_frames

    def video_frame(self, number: int) -> int:
        """Nearest frame of the video to one that the source latent covers, on a circle its own."""
        last = self.frames - 1
        return number % self.frames if self.closes else min(max(number, 0), last)

    def part(self, numbers: Sequence[int]) -> "Coverage":
        """Coverage of a subset of the clip's latent frames."""
        return self._replace(shown=tuple(self.shown[number] for number in numbers))


@dataclass(frozen=True, kw_only=True)
class Clip:
    """Properties of a clip other than its contents.

    Args:
        size: latent frames, rows and columns of the whole clip.
        fps: frame rate of the video, None if unknown.
        loop: whether the whole clip loops in time.
        compression: frames and pixels per latent position.
        first_frame: absolute number of its first latent frame.
        held: absolute numbers of the latent frames that are present, in order and possibly with
            repeats; None for all.
        made: absolute numbers of the latent frames that are generated at least in part, whether
            present or not; None for all.
        covers: the part of a longer video that its latent frames cover; None derives it from the
            first frame and the size.
        references: number of leading latent frames that are reference images, not video.
    """

    size: LatentShape
    fps: float | None = None
    loop: bool = False
    compression: Compression = WAN_COMPRESSION
    first_frame: int = 0
    held: tuple[int, ...] | None = None
    made: tuple[int, ...] | None = None
    covers: Coverage | None = None
    references: int = 0

    @property
    def coverage(self) -> Coverage:
        """Coverage of the whole clip, that is, of its latent frames after the references."""
        if self.covers is not None:
            return self.covers
        start, count = self._before(self.first_video_frame), self.size.frames - self.references
        frames = self._before(count)
        return Coverage(start, start + frames, count, tuple(range(count)))

    @property
    def first_video_frame(self) -> int:
        """Absolute number of the first latent frame that belongs to the video."""
        return self.first_frame + self.references

    @property
    def frames(self) -> tuple[int, ...]:
        """Absolute numbers of the latent frames that are present."""
        if self.held is not None:
            return self.held
        return tuple(range(self.first_frame, self.first_frame + self.size.frames))

    @property
    def shape(self) -> LatentShape:
        """Size of the part that is present."""
        return self.size._replace(frames=len(self.frames))

    @property
    def places(self) -> Tensor:
        """Position of each present frame in the longest known clip, from 0 to 1."""
        covers = self.coverage
        places = torch.linspace(0, 1, covers.latent_frames)[list(covers.shown)]
        places = torch.cat([places.new_zeros(self.references), places])
        return places[[frame - self.first_frame for frame in self.frames]]

    @property
    def whole(self) -> bool:
        """Whether all of the clip is present, in any order."""
        return self.held is None or len(set(self.held)) == self.size.frames

    @property
    def made_from(self) -> int:
        """Absolute video frame at which the present, generated part starts."""
        return self._before(min(self._made()))

    @property
    def made_until(self) -> int:
        """Absolute video frame at which the present, generated part ends (exclusive)."""
        return self._before(max(self._made()) + 1)

    @property
    def middle(self) -> float:
        """Midpoint of the present, generated part, in absolute video frames."""
        spans = [(self._before(frame), self._before(frame + 1)) for frame in self._made()]
        left = sum(end - start for start, end in spans) / 2
        for start, end in spans:
            if left <= end - start:
                return start + left
            left -= end - start
        raise AssertionError("half of a clip lies within it")

    def _made(self) -> Sequence[int]:
        """Latent frames that are present and generated, or all present ones if none is generated.

        A whole clip is taken in its own order, wherever a loop is cut open.
        """
        start = self.first_frame
        there = range(start, start + self.size.frames) if self.whole else self.frames
        there = [frame for frame in there if frame >= self.first_video_frame] or there
        return [frame for frame in there if self.made is None or frame in self.made] or there

    def _before(self, frame: int) -> int:
        """Number of video frames before a latent frame."""
        shape = self.size._replace(frames=frame)
        return self.compression.video_shape(shape, loop=self.loop).frames

    @property
    def closed(self) -> bool:
        """Whether time is circular; a window of a loop is not, it has two ends."""
        return self.loop and self.held is None

    def window(self, frames: Sequence[int]) -> "Clip":
        """Restrict the clip to those of the absolute ``frames`` that it has, in that order."""
        held = tuple(frame for frame in frames if frame in self.frames)
        return self if held == self.frames else replace(self, held=held)

    def conditions(self, names: Collection[str]) -> dict[str, float]:
        """Values for a network's inputs ``names``; a window counts as a clip of its own."""
        return clip_conditions(
            names, self.shape, fps=self.fps, loop=self.closed, compression=self.compression
        )


def clip_of(latent: Mapping[str, Any], samples: Tensor, compression: Compression) -> Clip:
    """Describe samples (B, C, F, H, W) as a clip, from their shape and the LATENT's other keys."""
    first = int(latent.get("first_frame", 0))
    mask = latent.get("noise_mask")
    free = None if mask is None else free_frames(mask, samples.shape[2], compression.time)
    return Clip(
        size=LatentShape(*samples.shape[2:]),
        fps=latent.get("fps"),
        loop=bool(latent.get("loop", False)),
        compression=compression,
        first_frame=first,
        made=None if free is None else tuple(first + frame for frame in free),
        covers=latent.get(COVERAGE_KEY),
        references=int(latent.get(REFERENCES_KEY, 0)),
    )


def coverage_of(latent: Mapping[str, Any], samples: Tensor, time: int) -> Coverage:
    """Coverage of a LATENT's samples (B, C, F, H, W), at ``time`` video frames per latent frame."""
    return clip_of(latent, samples, Compression(time, 1)).coverage


Each = TypeVar("Each")


@dataclass(frozen=True, eq=False)
class Clips:
    """The clips of a state: a batch of equal clips as a latent, or different ones as tokens.

    Args:
        each: one clip for a latent (B, C, F, H, W) or (F, C, H, W); one per clip of packed tokens
            (B, L, D).
        layout: positions of packed tokens, None for a latent.
        numbers: indices into the run's clips; None for all.
        index: indices of a window's frames or tokens in the run's state, None for a whole run.
        along_batch: whether a latent's frames lie along its batch axis, as in image networks.
    """

    each: tuple[Clip, ...]
    layout: TokenLayout | None = None
    numbers: tuple[int, ...] | None = None
    index: Tensor | None = None
    along_batch: bool = False
    _windows: dict[tuple[int, ...], "Clips"] = field(default_factory=dict, init=False, repr=False)

    def pick(self, each: Sequence[Each]) -> Sequence[Each]:
        """Select the items of these clips from one item for the whole run or one per clip."""
        if self.numbers is None or len(each) == 1:
            return each
        return [each[number] for number in self.numbers]

    def take(self, values: Tensor, index: Tensor) -> Tensor:
        """Select frames or tokens of a state, or of per-position values without channels."""
        return values.index_select(self.axis(values), index.to(values.device))

    def axis(self, values: Tensor) -> int:
        """Axis of the frames or tokens in a state or in per-position values."""
        if self.layout is not None:
            return 1
        return 0 if self.along_batch else values.ndim - 3

    @cached_property
    def frame_numbers(self) -> Tensor:
        """Frame number of each frame or token, counted within its clip in this state."""
        if self.layout is None:
            return torch.arange(len(self.each[0].frames))
        return self.layout.coordinates[:, 0].long()

    @cached_property
    def regions(self) -> Regions:
        """Which values belong together. A frame of a window, or of a part of a longer clip, keeps
        its position in the whole."""
        whole = self.index is None and all(clip.coverage.whole for clip in self.each)
        places = None if whole else self._places()
        return LatentRegions(places) if self.layout is None else TokenRegions(self.layout, places)

    def _places(self) -> Tensor:
        if self.layout is None:
            return self.each[0].places
        numbers = self.layout.coordinates[:, 0].long()
        spans = zip(self.each, self.layout.spans, strict=True)
        return torch.cat([clip.places[numbers[span]] for clip, span in spans])

    def conditions(self, names: Collection[str], sigma: Tensor) -> dict[str, Tensor]:
        """Network inputs for the rows of ``sigma``: (B,) for a latent, (B, clips) for tokens.

        They are in the order in which the network sums their embeddings.
        """
        told = [clip.conditions(names) for clip in self.each]
        if self.layout is None:
            return {name: sigma.new_full((len(sigma),), value) for name, value in told[0].items()}
        shared = sorted(set.intersection(*map(set, told)))
        rows = {name: sigma.new_tensor([[each[name] for each in told]]) for name in shared}
        return {name: row.expand(len(sigma), -1) for name, row in rows.items()}

    def find(self, frames: Sequence[int]) -> Tensor:
        """Indices of these absolute frames or their tokens, clip by clip."""
        if self.layout is None:
            held = self.each[0].frames
            return torch.tensor([held.index(frame) for frame in frames if frame in held])
        numbers, found = self.layout.coordinates[:, 0], []
        for clip, span in zip(self.each, self.layout.spans, strict=True):
            for frame in frames:
                if frame in clip.frames:
                    here = numbers[span] == clip.frames.index(frame)
                    found.append(here.nonzero()[:, 0] + span.start)
        return torch.cat(found) if found else torch.tensor([])

    def window(self, frames: Sequence[int]) -> "Clips":
        """Restrict every clip to these absolute frames; clips with none of them are left out.

        Raises:
            ValueError: no clip has any of the frames.
        """
        key = tuple(frames)
        if key not in self._windows:
            self._windows[key] = self._window(key)
        return self._windows[key]

    def _window(self, frames: tuple[int, ...]) -> "Clips":
        each = tuple(clip.window(frames) for clip in self.each)
        if all(new is old for new, old in zip(each, self.each, strict=True)):
            return self
        index = self.find(frames)
        if len(index) == 0:
            raise ValueError(
                f"no clip has any of the window's frames {list(frames)}: this run has "
                f"{' and '.join(str(list(clip.frames)) for clip in self.each)}"
            )
        layout = None if self.layout is None else self._layout(self.layout, each, index)
        left = [number for number, clip in enumerate(each) if clip.frames]
        whole = range(len(self.each)) if self.numbers is None else self.numbers
        return Clips(
            tuple(each[number] for number in left),
            layout,
            tuple(whole[number] for number in left),
            index if self.index is None else self.index[index],
            self.along_batch,
        )

    def _layout(self, layout: TokenLayout, each: tuple[Clip, ...], index: Tensor) -> TokenLayout:
        """Layout of a window's tokens: each clip's frames are renumbered from 0."""
        spans = zip(self.each, each, layout.spans, strict=True)
        numbers = [_numbers(old, new, span) for old, new, span in spans]
        places = layout.coordinates[index, 1:]
        coordinates = torch.cat([torch.cat(numbers)[:, None].to(places), places], dim=1)
        lengths = tuple(len(part) for part in numbers if len(part))
        circles = zip(each, layout.loop_frames, strict=True)
        loops = tuple(frames if clip.closed else 0 for clip, frames in circles if clip.frames)
        return TokenLayout(coordinates, lengths, loops)


def _numbers(old: Clip, new: Clip, span: slice) -> Tensor:
    """Frame numbers in the window for its tokens; ``span`` covers the whole clip's tokens."""
    each = (span.stop - span.start) // len(old.frames)
    return torch.arange(len(new.frames)).repeat_interleave(each)


def clips_of_latent(latent: Mapping[str, Any], samples: Tensor, compression: Compression) -> Clips:
    """Clips of a LATENT, all alike; samples (F, C, H, W) are one clip along the batch axis."""
    along_batch = samples.ndim == 4
    clip = samples.transpose(0, 1)[None] if along_batch else samples
    return Clips((clip_of(latent, clip, compression),), along_batch=along_batch)


def clips_of_tokens(
    tokens: Tokens, extras: Sequence[Mapping[str, Any]], compression: Compression
) -> Clips:
    """Packed clips, described by their shapes and the other entries of their LATENTs."""
    each = zip(extras, unpatchify(tokens), strict=True)
    return Clips(tuple(clip_of(*told, compression) for told in each), tokens.layout)


def pictures_of_tokens(tokens: Tokens, values: Tensor) -> list[Tensor]:
    """Unpack the clips (C, F, H, W) from a state of packed tokens."""
    return [clip for each in unpatchify(tokens.with_values(values)) for clip in each]
