"""The example workflows with ControlNets follow their hints, and do not without them."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from spacetime_video.graph.workflow import to_api
from spacetime_video.measure.scores.alignment import judge, read_clip
from spacetime_video.measure.scores.edge_match import edge_match
from spacetime_video.measure.scores.placing import Placed, off_track
from spacetime_video.measure.scores.reading import ObjectReading
from spacetime_video.media import read_video
from spacetime_video.media.fit import Size
from spacetime_video.motion import read_tracks
from spacetime_video.toyworld import parse_caption
from spacetime_video.training.hints import canny_pictures

EXAMPLES = Path(__file__).parents[2] / "example_workflows"
FPS, WIDTH, STEPS = 16.0, 64, 30

CLOSE = 0.06
"""Share of the width that an object may be off its way on average."""

GAINED = 0.1
"""How much better edges match with control than without, at least."""


class Example:
    """An example workflow, run with and without its control."""

    def __init__(self, name, registry, run):
        workflow = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
        self.registry, self._run = registry, run
        self.prompt = to_api(workflow, registry)
        self.nodes = {node["_meta"]["title"]: node for node in self.prompt.values()}

    def inputs(self, title):
        return self.nodes[title]["inputs"]

    def node(self, title):
        return self.registry[self.nodes[title]["class_type"]]

    def source(self, title):
        """The outputs of a node that nothing comes before, by name."""
        names = [output.display_name for output in self.node(title).GET_SCHEMA().outputs]
        made = self.node(title).execute(**self.inputs(title)).result
        return dict(zip(names, made, strict=True))

    def made(self, *, strength=None):
        """The clip that Save gets, with the workflow's own strength or another one."""
        if strength is not None:
            self.inputs("Control")["strength"] = strength
        start = Path(self.inputs("Save")["filename_prefix"]).name
        files = self._run(self.prompt, steps=STEPS)
        (file,) = [path for path in files if path.stem.rsplit("_", 2)[0] == start][-1:]
        return next(read_video(file, chunk=200))

    def both(self):
        """The clip with control, and the one without."""
        return self.made(), self.made(strength=0.0)

    def as_prompted(self, clip):
        wanted = parse_caption(self.inputs("Prompt")["text"])
        return judge(read_clip(clip, FPS), wanted)


@pytest.fixture
def example(registry, run):
    return lambda name: Example(name, registry, run)


def as_placed(thing: ObjectReading) -> Placed:
    """Where an object of a clip is, as a place for another one."""
    return Placed(thing.x, thing.y, thing.place[:, 2], thing.seen)


def away(clip: Tensor, wanted: Placed, colour: str | None = None) -> float:
    """How far an object, the largest or that of a colour, is from its way on average, as a share of
    the width.
    """
    return float(off_track(read_clip(clip, FPS), colour, wanted, WIDTH).mean())


EDGES = ["control_with_edges", "control_a_long_video", "restyle_with_control"]


@pytest.mark.parametrize("name", EDGES)
def test_a_clip_follows_edges_in_the_colours_of_its_prompt(name, example):
    shown = example(name)
    clips = shown.both()
    source = shown.source("Clip")["IMAGE"][: len(clips[0])]
    wanted, *edges = (canny_pictures(each)[..., 0] for each in (source, *clips))
    led, free = (edge_match(made, wanted) for made in edges)
    assert led > free + GAINED
    near, far = (farthest(clip, source) for clip in clips)
    assert near < min(CLOSE, far)
    right = shown.as_prompted(clips[0])
    assert right["colour"]
    assert right["setting"]


def farthest(clip: Tensor, source: Tensor) -> float:
    """How far the object is from where the source has it, in the part where it is farthest.

    A long clip has a part for every 17 frames, so that no window may go astray.
    """
    found = []
    for first in range(0, len(clip) - 1, 16):
        (thing,) = read_clip(source[first : first + 17], FPS).objects
        found.append(away(clip[first : first + 17], as_placed(thing)))
    return max(found)


def test_two_objects_are_where_depth_shows_them(example):
    shown = example("control_with_depth")
    places = read_clip(shown.source("World")["IMAGE"], FPS).objects
    wanted = parse_caption(shown.inputs("Prompt")["text"])
    colours = {each.shape: each.colour for each in wanted.objects}
    assert {thing.shape for thing in places} == set(colours)
    near, far = (
        max(away(clip, as_placed(thing), colours[thing.shape]) for thing in places)
        for clip in shown.both()
    )
    assert near < min(CLOSE, far)


def test_an_object_keeps_to_the_path_that_is_drawn(example):
    shown = example("draw_the_motion")
    picture = shown.source("Picture")
    drawn = shown.node("Path").execute(
        **{**shown.inputs("Path"), "image": picture["IMAGE"], "mask": picture["MASK"]}
    )
    x, y = read_tracks(drawn[0], Size(WIDTH, WIDTH)).places.mean(0).unbind(1)
    way = Placed(x, y, torch.zeros(len(x)), torch.ones(len(x), dtype=torch.bool))
    near, far = (away(clip, way) for clip in shown.both())
    assert near < min(CLOSE, far)
