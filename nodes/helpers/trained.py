"""Warn if a model is sampled in a way that it was not trained for."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...hosts import host
from ...hosts.solver_options import KnownWeights
from ...models.latent_format import LatentFormat
from ...models.shapes import LatentShape, VideoShape
from ...samplers.guidance.plan import GuidancePlan
from ...samplers.solvers.consistency import sample_lcm

TRAINED_KEY = "trained"
"""Key in the metadata of weights that describes the clips they were trained on."""

NOT_DISTILLED = (
    "LCM needs a few-step LoRA: this model was not distilled for few steps, so the video will be "
    "blurred and too uniform; put Load Video LoRA with such a LoRA between Load Models and "
    "Denoiser, or choose another solver, such as unipc with 20 steps"
)
GUIDED_TWICE = (
    "set guidance to 1: guidance is already distilled into this model, and {guidance:g} on top of "
    "it burns the video"
)


@dataclass(frozen=True, kw_only=True)
class TrainedRange:
    """Sizes of clips and loops in pixels, and frame rates, that a model was trained on."""

    shapes: tuple[VideoShape, ...]
    loops: tuple[VideoShape, ...]
    fps: tuple[float, ...]

    def problem(
        self, shape: VideoShape, *, loop: bool, fps: float | None, who: str = "the model"
    ) -> str:
        """What ``who`` was not trained on in a clip, and the nearest alternative; "" if nothing."""
        known = self.loops if loop else self.shapes
        told = []
        if not known:
            told.append(f"make an open clip: {who} was not trained on loops")
        elif not _within(shape, known):
            nearest = min(known, key=lambda each: _distance(each, shape))
            told.append(f"try {_size(nearest)}: {who} was not trained on {_size(shape)}")
        if fps is not None and self.fps and not min(self.fps) <= fps <= max(self.fps):
            told.append(
                f"set fps to between {min(self.fps):g} and {max(self.fps):g}: {who} was not "
                f"trained on {fps:g}"
            )
        return "; ".join(told)


def warn_of_distillation(guider: Any, sampler: Any) -> None:
    """Warn if LCM runs a model known not to be distilled, or if guidance is applied twice."""
    distilled = host().sampling.about(guider).distilled
    if distilled is False and _is_lcm(sampler):
        host().session.warn(NOT_DISTILLED)
    plan = host().sampling.about(guider).plan
    if distilled and plan is not None and _highest(plan) > 1:
        host().session.warn(GUIDED_TWICE.format(guidance=_highest(plan)))


def warn_if_untrained(guider: Any, latents: Iterable[Mapping[str, Any]]) -> None:
    """Warn once if the model or its prompts' ControlNets were not trained on the clips' form.

    Only weights whose files describe their training are checked.
    """
    about, clips = host().sampling.about(guider), list(latents)
    known = [("the model", about.weights), *(("the ControlNet", each) for each in about.controls)]
    problems = [
        problem
        for who, weights in known
        if weights
        for problem in _problems(who, weights, clips, about.frames_at_once)
    ]
    if any(problems):
        host().session.warn("; ".join(dict.fromkeys(filter(None, problems))))


def _problems(
    who: str, weights: KnownWeights, clips: Iterable[Mapping[str, Any]], at_once: int | None
) -> Iterator[str]:
    """Warnings about clips, or windows of ``at_once`` latent frames, outside the training range."""
    trained = read_range(weights.info)
    for clip in clips:
        if trained is not None and clip["samples"].ndim == 5:
            whole = at_once is None or clip["samples"].shape[2] <= at_once
            loop = whole and bool(clip.get("loop"))  # a window of a loop has two ends
            shape = _in_pixels(weights.latent, clip, None if whole else at_once, loop)
            yield trained.problem(shape, loop=loop, fps=clip.get("fps"), who=who)


def read_range(info: Mapping[str, Any]) -> TrainedRange | None:
    """A file's training range from its metadata; None if it is missing or cannot be read."""
    found: Any = info.get(TRAINED_KEY)
    try:
        shapes, loops = (tuple(map(_shape, found[name])) for name in ("shapes", "loops"))
        return TrainedRange(shapes=shapes, loops=loops, fps=tuple(map(float, found["fps"])))
    except (KeyError, TypeError, ValueError):
        return None


def _shape(sides: Iterable[Any]) -> VideoShape:
    shape = VideoShape(*map(int, sides))
    if min(shape) < 1:
        raise ValueError(f"{tuple(shape)}: a clip has frames, height and width of at least 1")
    return shape


def _in_pixels(
    latent: LatentFormat, clip: Mapping[str, Any], frames: int | None, loop: bool
) -> VideoShape:
    """The size of a clip, or of ``frames`` of its latent frames."""
    shape = LatentShape(*clip["samples"].shape[2:])
    seen = shape if frames is None else shape._replace(frames=frames)
    return latent.compression.video_shape(seen, loop=loop)


def _within(shape: VideoShape, known: Iterable[VideoShape]) -> bool:
    """Whether trained clips at least as long lie on both sides of the area and the aspect ratio."""
    longer = [each for each in known if each.frames >= shape.frames]
    return all(
        any(measure(each) <= measure(shape) for each in longer)
        and any(measure(each) >= measure(shape) for each in longer)
        for measure in (_area, _format)
    )


def _area(shape: VideoShape) -> int:
    return shape.height * shape.width


def _format(shape: VideoShape) -> float:
    return shape.width / shape.height


def _distance(one: VideoShape, other: VideoShape) -> float:
    return sum(abs(math.log(a / b)) for a, b in zip(one, other, strict=True))


def _size(shape: VideoShape) -> str:
    frames = "1 frame" if shape.frames == 1 else f"{shape.frames} frames"
    return f"{shape.width}x{shape.height} with {frames}"


def _is_lcm(sampler: Any) -> bool:
    call = host().sampling.solver_of(sampler)
    return getattr(call.solver, "__name__", "") == sample_lcm.__name__ if call else False


def _highest(plan: GuidancePlan) -> float:
    """The guidance scale at its strongest, over all steps and frames."""
    scales = (plan.scale, plan.last_scale, plan.first_frame_scale)
    return max(scale for scale in scales if scale is not None)
