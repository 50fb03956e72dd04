"""Sets of measuring jobs; each job has cases of one size and rate that are judged in one way."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..models.shapes import VideoShape
from ..toyworld import Scene, parse_caption
from ..toyworld.prompt_spec import PromptSpec
from .cases import (
    FPS,
    HELD_OUT,
    IMAGE_SHAPES,
    PICTURE,
    SQUARE,
    VIDEO_SHAPES,
    Case,
    cases,
    fitting_cases,
    mixed_cases,
)
from .controls import ANOTHER_NUMBER, SHUFFLED, Control, controls_of
from .given import GIVEN
from .views import CLIP, COUNT, FALL, NUMBERS, RETURN, SIDEWAYS, UNASKED, Reading

_TOLD = ("colour", "setting", "motion", "shape")
"""What a prompt says about a clip of one object."""

_PICTURES = "images of several objects"
_COUNTED = ("single", "pair", "three")
_SET_STEP, _GROUP_STEP = 10_000_000, 1_000_000


@dataclass(frozen=True)
class Job:
    """Cases of one size and frame rate that are judged in one way.

    Args:
        group, title: name of its group of tables, and of its own table.
        view: how clips are read and judged.
        names: tests that a clip should all pass, in the order of the table.
        beside: further tests to report.
        given: which part of the true clip is given, one of `GIVEN`, or None.
        prompted: whether the model gets the prompt.
        controls: other prompts to judge the clips by.
    """

    group: str
    title: str
    cases: tuple[Case, ...]
    view: Reading
    names: tuple[str, ...]
    beside: tuple[str, ...] = ()
    given: str | None = None
    prompted: bool = True
    controls: tuple[Control, ...] = (SHUFFLED,)

    def wanted(self) -> list[PromptSpec]:
        """The contents that the prompts describe."""
        return [parse_caption(case.prompt) for case in self.cases]


def text_jobs(count: int) -> list[Job]:
    """Clips of one object, in three sizes."""
    return [
        _clip_job(
            "text to video", _size(shape), cases(_first(0, group), count, "single", shape), _TOLD
        )
        for group, shape in enumerate(VIDEO_SHAPES)
    ]


def size_jobs(count: int) -> list[Job]:
    """Clips of one object in further sizes, lengths and frame rates."""
    clips = {
        "128x128": (VideoShape(17, 128, 128), FPS),
        "160x96": (VideoShape(17, 96, 160), FPS),
        "33 frames": (SQUARE._replace(frames=33), FPS),
        "49 frames": (SQUARE._replace(frames=49), FPS),
        "8 per second": (SQUARE, 8.0),
        "24 per second": (SQUARE._replace(frames=33), 24.0),
    }
    return [
        _clip_job("further sizes", title, cases(_first(6, n), count, "single", shape, fps), _TOLD)
        for n, (title, (shape, fps)) in enumerate(clips.items())
    ]


def image_jobs(count: int) -> list[Job]:
    """Single frames of one object, in five sizes."""
    names = ("colour", "setting", "shape")
    return [
        _clip_job(
            "text to image", _size(shape), cases(_first(1, group), count, "single", shape), names
        )
        for group, shape in enumerate(IMAGE_SHAPES)
    ]


def scene_jobs(count: int) -> list[Job]:
    """Clips of several objects, of consecutive motions, and of several numbers of objects."""
    kinds = {
        "pair": ("two objects", ("binding", "count", "setting", "motion")),
        "relation": ("a relation", ("binding", "count", "setting", "relation")),
        "three": ("three objects", ("binding", "count", "setting")),
        "sequence": ("two motions", ("colour", "setting", "motion", "then")),
    }
    jobs = [
        _clip_job("scenes", title, cases(_first(2, group), count, kind, SQUARE), names)
        for group, (kind, (title, names)) in enumerate(kinds.items())
    ]
    return [*jobs, _count_job("scenes", mixed_cases(_first(2, 4), count, _COUNTED, SQUARE))]


def composition_jobs(count: int) -> list[Job]:
    """Single frames of several objects: their colours, their relation, and their number.

    Two objects differ in shape, so that swapping colours changes the image. None bounces: a
    single image does not show how far away an object in the air is.
    """
    kinds = {
        "pair": ("two objects", ("binding", "setting")),
        "relation": ("a relation", ("binding", "setting", "relation")),
    }
    jobs = [
        _clip_job(_PICTURES, title, _pictures(_first(5, group), count, kind), names)
        for group, (kind, (title, names)) in enumerate(kinds.items())
    ]
    return [*jobs, _count_job(_PICTURES, mixed_cases(_first(5, 2), count, _COUNTED, PICTURE))]


def physics_jobs(count: int) -> list[Job]:
    """Clips of falls, and of objects that reappear after being hidden."""
    falls = cases(_first(3, 0), count, "falls", SQUARE)
    hidden = cases(_first(3, 1), count, "occlusion", SQUARE)
    return [
        Job("physics", "a fall", falls, FALL, ("falls", "acceleration")),
        Job("physics", "behind another", hidden, RETURN, ("hidden", "colour", "shape")),
    ]


_FOLLOWED = ("first frame", "beginning")
"""Given parts after which all frames are new, so that their motion can be judged."""


def given_jobs(count: int) -> list[Job]:
    """Clips with a given part. Only new frames are judged, and of some their motion."""
    names = ("colour", "shape", "setting")
    told = {what: (what, True) for what in GIVEN}
    told["first frame, no prompt"] = ("first frame", False)
    return [
        Job(
            "given frames",
            title,
            cases(_first(4, group), count, "single", SQUARE),
            CLIP,
            (*names, "motion") if title in _FOLLOWED else names,
            given=given,
            prompted=prompted,
        )
        for group, (title, (given, prompted)) in enumerate(told.items())
    ]


def _clip_job(group: str, title: str, chosen: tuple[Case, ...], names: tuple[str, ...]) -> Job:
    beside = (SIDEWAYS, UNASKED) if "relation" in names else (UNASKED,)
    return Job(group, title, chosen, CLIP, names, beside, controls=controls_of(names))


def _count_job(group: str, chosen: tuple[Case, ...]) -> Job:
    return Job(group, "how many", chosen, COUNT, ("count",), NUMBERS, controls=(ANOTHER_NUMBER,))


def _pictures(first: int, count: int, kind: str) -> tuple[Case, ...]:
    return fitting_cases(first, count, kind, PICTURE, _can_be_judged)


def _can_be_judged(scene: Scene) -> bool:
    shapes_differ = len({thing.shape for thing in scene.objects}) == len(scene.objects)
    return shapes_differ and all(thing.motion != "bounces" for thing in scene.objects)


def _first(set_number: int, group: int) -> int:
    return HELD_OUT + set_number * _SET_STEP + group * _GROUP_STEP


def _size(shape: VideoShape) -> str:
    return f"{shape.width}x{shape.height}"


JOBS: Mapping[str, Callable[[int], Sequence[Job]]] = {
    "text": text_jobs,
    "image": image_jobs,
    "scenes": scene_jobs,
    "physics": physics_jobs,
    "given": given_jobs,
    "composition": composition_jobs,
    "sizes": size_jobs,
}
"""Sets of jobs by name; each function takes the number of cases."""
