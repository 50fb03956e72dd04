"""Held-out scenes with their prompt, size and sample seed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count as numbers_from
from itertools import islice

from ..models.shapes import VideoShape
from ..toyworld import Clip, Scene, caption, draw_scene, render

HELD_OUT = 900_000_000
"""First scene seed of the measurement; training scenes have smaller seeds."""
FPS = 16.0
BATCH = 16
SQUARE, WIDE, TALL = VideoShape(17, 64, 64), VideoShape(17, 48, 80), VideoShape(17, 80, 48)
VIDEO_SHAPES = (SQUARE, WIDE, TALL)
IMAGE_SHAPES = tuple(
    VideoShape(1, height, width)
    for height, width in ((64, 64), (48, 80), (80, 48), (48, 96), (96, 48))
)
PICTURE = IMAGE_SHAPES[0]


@dataclass(frozen=True)
class Case:
    """One scene, requested once: no seed is tried twice and no results are selected."""

    scene: Scene
    shape: VideoShape
    seed: int
    fps: float = FPS

    @property
    def prompt(self) -> str:
        """The prompt for the model."""
        return caption(self.scene)


def cases(
    first: int, count: int, kind: str, shape: VideoShape, fps: float = FPS
) -> tuple[Case, ...]:
    """Draw held-out scenes of one kind that fit into a clip of the given size."""
    return mixed_cases(first, count, (kind,), shape, fps)


def mixed_cases(
    first: int, count: int, kinds: Sequence[str], shape: VideoShape, fps: float = FPS
) -> tuple[Case, ...]:
    """Draw held-out scenes of several kinds in rotation."""
    return tuple(
        Case(_drawn(first + number, kinds[number % len(kinds)], shape, fps), shape, number, fps)
        for number in range(count)
    )


def fitting_cases(
    first: int, count: int, kind: str, shape: VideoShape, fits: Callable[[Scene], bool]
) -> tuple[Case, ...]:
    """Draw held-out scenes of one kind; those that do not fit are skipped before clips are made."""
    scenes = filter(fits, (_drawn(seed, kind, shape) for seed in numbers_from(first)))
    return tuple(Case(scene, shape, number) for number, scene in enumerate(islice(scenes, count)))


def _drawn(seed: int, kind: str, shape: VideoShape, fps: float = FPS) -> Scene:
    return draw_scene(seed, kind=kind, duration=max(shape.frames, SQUARE.frames) / fps)


def batches(chosen: Sequence[Case]) -> Iterator[Sequence[Case]]:
    """Split cases into batches that are generated together."""
    for start in range(0, len(chosen), BATCH):
        yield chosen[start : start + BATCH]


def true_clips(chosen: Sequence[Case]) -> Clip:
    """Render the true clips (B, F, H, W, 3) of cases of one size and frame rate."""
    frames, height, width = chosen[0].shape
    scenes = [case.scene for case in chosen]
    return render(scenes, frames=frames, height=height, width=width, fps=chosen[0].fps)
