"""What is measured: held-out scenes with their prompt, size and sample seed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..models.shapes import VideoShape
from ..toyworld import Clip, Scene, caption, draw_scene, parse_caption, render
from ..toyworld.wanted import Wanted
from .measure_given import GIVEN
from .measure_verdicts import CLIP, FALL, RETURN, UNASKED, View

HELD_OUT = 900_000_000
"""First scene seed of the measurement; training scenes have smaller ones."""
FPS = 16.0
BATCH = 16
SQUARE, WIDE, TALL = VideoShape(17, 64, 64), VideoShape(17, 48, 80), VideoShape(17, 80, 48)
VIDEO_SHAPES = (SQUARE, WIDE, TALL)
IMAGE_SHAPES = tuple(
    VideoShape(1, height, width)
    for height, width in ((64, 64), (48, 80), (80, 48), (48, 96), (96, 48))
)

_SET_STEP, _GROUP_STEP = 10_000_000, 1_000_000


@dataclass(frozen=True)
class Case:
    """One scene, asked for once: no seed is tried twice and nothing is picked."""

    scene: Scene
    shape: VideoShape
    seed: int

    @property
    def prompt(self) -> str:
        """What the model is asked for."""
        return caption(self.scene)


@dataclass(frozen=True)
class Job:
    """Cases of one size that are looked at in one way.

    Args:
        view: how clips are read and judged.
        names: the tests that a clip should pass, all of them, in the order of the table.
        beside: tests that are reported beside those.
        given: which part of the true clip is given, one of `GIVEN`; None for none.
        prompted: whether the model is told the prompt.
    """

    title: str
    cases: tuple[Case, ...]
    view: View
    names: tuple[str, ...]
    beside: tuple[str, ...] = ()
    given: str | None = None
    prompted: bool = True

    def wanted(self) -> list[Wanted]:
        """What the prompts ask for."""
        return [parse_caption(case.prompt) for case in self.cases]


def cases(first: int, count: int, kind: str, shape: VideoShape) -> tuple[Case, ...]:
    """Draw held-out scenes of a kind that fit into a clip of a size."""
    duration = max(shape.frames, SQUARE.frames) / FPS
    return tuple(
        Case(draw_scene(first + number, kind=kind, duration=duration), shape, number)
        for number in range(count)
    )


def batches(chosen: Sequence[Case]) -> Iterator[Sequence[Case]]:
    """Split cases into what is made at once."""
    for start in range(0, len(chosen), BATCH):
        yield chosen[start : start + BATCH]


def true_clips(chosen: Sequence[Case]) -> Clip:
    """The world's own renders, (B, F, H, W, 3), of cases of one size."""
    frames, height, width = chosen[0].shape
    scenes = [case.scene for case in chosen]
    return render(scenes, frames=frames, height=height, width=width, fps=FPS)


def text_jobs(count: int) -> list[Job]:
    """Clips of one object, in three sizes."""
    names = ("colour", "setting", "motion", "shape")
    return [
        _clip_job(f"text to video {_told(shape)}", _first(0, group), count, shape, names)
        for group, shape in enumerate(VIDEO_SHAPES)
    ]


def image_jobs(count: int) -> list[Job]:
    """Single frames of one object, in five sizes."""
    names = ("colour", "setting", "shape")
    return [
        _clip_job(f"text to image {_told(shape)}", _first(1, group), count, shape, names)
        for group, shape in enumerate(IMAGE_SHAPES)
    ]


def scene_jobs(count: int) -> list[Job]:
    """Several objects, and several motions one after the other."""
    kinds = {
        "pair": ("two objects", ("binding", "count", "setting", "motion")),
        "relation": ("a relation", ("binding", "count", "setting", "relation")),
        "three": ("three objects", ("binding", "count", "setting")),
        "sequence": ("two motions", ("colour", "setting", "motion", "then")),
    }
    return [
        _clip_job(title, _first(2, group), count, SQUARE, names, kind)
        for group, (kind, (title, names)) in enumerate(kinds.items())
    ]


def physics_jobs(count: int) -> list[Job]:
    """Falls like the world's, and objects that come back as they went."""
    falls = cases(_first(3, 0), count, "falls", SQUARE)
    hidden = cases(_first(3, 1), count, "occlusion", SQUARE)
    return [
        Job("a fall", falls, FALL, ("falls", "acceleration")),
        Job("behind another", hidden, RETURN, ("hidden", "colour", "shape")),
    ]


def given_jobs(count: int) -> list[Job]:
    """Clips of which a part is given; only frames that are new are looked at."""
    names = ("colour", "shape", "setting")
    told = {f"given: {what}": (what, True) for what in GIVEN}
    told["given: first frame, no prompt"] = ("first frame", False)
    return [
        Job(
            title,
            cases(_first(4, group), count, "single", SQUARE),
            CLIP,
            names,
            given=given,
            prompted=prompted,
        )
        for group, (title, (given, prompted)) in enumerate(told.items())
    ]


def _clip_job(
    title: str,
    first: int,
    count: int,
    shape: VideoShape,
    names: tuple[str, ...],
    kind: str = "single",
) -> Job:
    return Job(title, cases(first, count, kind, shape), CLIP, names, (UNASKED,))


def _first(set_number: int, group: int) -> int:
    return HELD_OUT + set_number * _SET_STEP + group * _GROUP_STEP


def _told(shape: VideoShape) -> str:
    return f"{shape.width}x{shape.height}"
