"""How long and how large the videos of a graph have to be, by what its nodes say of themselves."""

from collections.abc import Callable
from typing import Any, NamedTuple


class Shape(NamedTuple):
    """Frames, and height and width; None where only the run can tell.

    Args:
        on_timeline: whether a LATENT covers a part of the result only, which Decode Timeline makes
            whole.
    """

    frames: int | None = None
    height: int | None = None
    width: int | None = None
    on_timeline: bool = False


UNKNOWN = [Shape()]
Shapes = list[Shape]
"""One for each item of a list."""

SAME = {
    **dict.fromkeys(("SpacetimeSample", "SpacetimeSampleLongVideo"), "latent"),
    "SpacetimeSampleSteps": "latent",
    **dict.fromkeys(("KSampler", "KSamplerAdvanced"), "latent_image"),
    **dict.fromkeys(("SamplerCustom", "SamplerCustomAdvanced"), "latent_image"),
    **dict.fromkeys(("SpacetimeCannyEdges", "SpacetimeSoftEdges", "SpacetimeLineArt"), "images"),
    **dict.fromkeys(("SpacetimeLuminance", "SpacetimeLowDetail"), "images"),
    "SpacetimePatchify": "latent",
    "SpacetimeSamplePatches": "tokens",
    "SpacetimeUnpatchify": "tokens",
    "SetLatentNoiseMask": "samples",
    "SpacetimePlaceOnTimeline": "latent",
    "SpacetimeResumeSampling": "state",
    "CreateVideo": "images",
    "SaveVideo": "video",
    "SaveImage": "images",
    "GetVideoComponents": "video",
    "SpacetimeEncodeVideo": "images",
}
"""Nodes whose result has the shape of an input."""


class Expected:
    """The shapes that a graph's outputs must have.

    Args:
        nodes: of a prompt in API format, all of its values constants or links.
        files: shapes of the files that it may load, by their names.
    """

    def __init__(self, nodes: dict[str, Any], files: dict[str, Shape]) -> None:
        self._nodes, self._files = nodes, files

    def of(self, link: Any) -> Shapes:
        """Of an output, one for each item of a list that it gives."""
        node = self._nodes[link[0]]
        kind, inputs = node["class_type"], node["inputs"]
        if kind in SAME:
            return self.of(inputs[SAME[kind]])
        rule = RULES.get(kind)
        return rule(self, inputs, link[1]) if rule else UNKNOWN

    def items(self, inputs: dict[str, Any], *names: str) -> list[list[Shape]]:
        """Shapes of several inputs, item by item, the last one repeated."""
        each = [self.of(inputs[name]) for name in names]
        count = max(map(len, each))
        return [[one[min(item, len(one) - 1)] for one in each] for item in range(count)]


def number(value: Any) -> int | None:
    """A constant; None of what comes by a link."""
    return None if isinstance(value, list) else int(value)


def added(*numbers: int | None) -> int | None:
    """The sum, where all are known."""
    known = [each for each in numbers if each is not None]
    return sum(known) if len(known) == len(numbers) else None


def _made(frames: str, on_timeline: bool = False) -> Callable[..., Shapes]:
    """A clip of the size that the node's inputs say."""

    def rule(whole: Expected, inputs: dict[str, Any], slot: int) -> Shapes:
        sides = number(inputs["height"]), number(inputs["width"])
        return [Shape(number(inputs[frames]), *sides, on_timeline)]

    return rule


def _longer(*clips: str) -> Callable[..., Shapes]:
    """Clips and what is made of frames beside or between them."""

    def rule(whole: Expected, inputs: dict[str, Any], slot: int) -> Shapes:
        more = number(inputs["frames"])
        return [
            Shape(added(more, *(each.frames for each in item)), *item[0][1:3], True)
            for item in whole.items(inputs, *clips)
        ]

    return rule


def _changed(whole: Expected, inputs: dict[str, Any], slot: int) -> Shapes:
    """A clip of which a part is made anew."""
    return [shape._replace(on_timeline=True) for shape in whole.of(inputs["images"])]


def _outpainted(whole: Expected, inputs: dict[str, Any], slot: int) -> Shapes:
    top, bottom, left, right = (number(inputs[name]) for name in ("top", "bottom", "left", "right"))
    return [
        Shape(frames, added(height, top, bottom), added(width, left, right), True)
        for frames, height, width, _ in whole.of(inputs["images"])
    ]


def _animated(whole: Expected, inputs: dict[str, Any], slot: int) -> Shapes:
    return [Shape(number(inputs["frames"]), on_timeline=True) for _ in whole.of(inputs["image"])]


def _branches(whole: Expected, inputs: dict[str, Any], slot: int) -> Shapes:
    (clip, *more), count = whole.of(inputs["beginning"]), number(inputs["branches"])
    frames = added(clip.frames, number(inputs["frames"]))
    return UNKNOWN if count is None or more else [Shape(frames, *clip[1:3], True)] * count


def _decoded(latent: str, on_timeline: bool) -> Callable[..., Shapes]:
    def rule(whole: Expected, inputs: dict[str, Any], slot: int) -> Shapes:
        return [
            shape if on_timeline or not shape.on_timeline else shape._replace(frames=None)
            for shape in whole.of(inputs[latent])
        ]

    return rule


def _part(whole: Expected, inputs: dict[str, Any], slot: int) -> Shapes:
    index, length = number(inputs["batch_index"]), number(inputs["length"])
    return [
        shape._replace(
            frames=None
            if shape.frames is None or index is None or length is None
            else min(length, shape.frames - min(index, shape.frames - 1))
        )
        for shape in whole.of(inputs["image"])
    ]


def _file(name: str) -> Callable[..., Shapes]:
    def rule(whole: Expected, inputs: dict[str, Any], slot: int) -> Shapes:
        return [whole._files[inputs[name]]]

    return rule


RULES: dict[str, Callable[[Expected, dict[str, Any], int], Shapes]] = {
    "SpacetimeEmptyVideo": _made("frames"),
    "SpacetimeSeamlessLoop": _made("frames"),
    "SpacetimeExampleClip": _made("frames"),
    "SpacetimeToyWorldHints": _made("frames"),
    "SpacetimeAnimateImage": _animated,
    "SpacetimeExtendForward": _longer("images"),
    "SpacetimeExtendBackward": _longer("images"),
    "SpacetimeCloseLoop": _longer("images"),
    "SpacetimeConnectClips": _longer("first", "second"),
    "SpacetimeBranch": _branches,
    "SpacetimeEditVideo": _changed,
    "SpacetimeInpaintVideo": _changed,
    "SpacetimeOutpaintVideo": _outpainted,
    "SpacetimeDecodeVideo": _decoded("latent", on_timeline=False),
    "SpacetimeDecodeTimeline": _decoded("latent", on_timeline=True),
    "SpacetimeDecodeToFile": _decoded("latent", on_timeline=True),
    "ImageFromBatch": _part,
    "LoadImage": _file("image"),
    "LoadVideo": _file("file"),
}
