"""All of guidance and step caching as one value, and the denoiser that it describes."""

from dataclasses import dataclass

from ..process import NoiseProcess
from ..runs import RunDenoiser
from .cfg import Combine, Predict, Scale, Watch, affine, cfg, remember, watched
from .cfg_zero import cfg_zero, zero_init
from .nag import AttentionGuidance, NegativeAttention
from .projected import apg
from .rescale import rescale
from .scales import over_frames, over_steps, within
from .skip_layer import SkippedBlocks, skip_layers
from .step_cache import StepCache, easy_cache


@dataclass(frozen=True, kw_only=True)
class Projection:
    """The rule of ``apg``; with ``parallel`` 1 and the others off, classifier-free guidance."""

    parallel: float = 0.0
    momentum: float = 0.0
    threshold: float = 0.0


@dataclass(frozen=True, kw_only=True)
class ZeroStar:
    """The rule of ``cfg_zero``, with so many first steps that wait."""

    waiting_steps: int = 1


@dataclass(frozen=True, kw_only=True)
class SkipLayers:
    """The options of ``skip_layers``; levels as those of a flow model."""

    blocks: tuple[int, ...]
    scale: float = 1.0
    low: float = 0.2
    high: float = 0.9

    def __post_init__(self) -> None:
        _check_levels(self.low, self.high)
        if not self.blocks or min(self.blocks) < 0:
            raise ValueError(f"blocks {self.blocks}: name at least one, counting from 0")


@dataclass(frozen=True, kw_only=True)
class GuidancePlan:
    """How a model's predictions become those of a guided denoiser; by default plainly guided.

    Args:
        scale: of classifier-free guidance; 1 never evaluates the negative condition.
        last_scale: at the last step, with ``scale`` at the first and even steps between.
        first_frame_scale: in the first frame, going evenly to the scale in the last.
        both_ends: the last frame as the first, the scale in the middle.
        low, high: noise levels (as a flow model's, in [0, 1]) between which to guide.
        rule: how the two predictions are combined; None is classifier-free guidance.
        rescale: strength of ``rescale``.
        skip: skip-layer guidance.
        attention: the negative condition inside the cross-attention.
        cache: skipped evaluations.

    Raises:
        ValueError: ``low`` and ``high`` are not levels in [0, 1] in this order.
    """

    scale: float = 1.0
    last_scale: float | None = None
    first_frame_scale: float | None = None
    both_ends: bool = False
    low: float = 0.0
    high: float = 1.0
    rule: Projection | ZeroStar | None = None
    rescale: float = 0.0
    skip: SkipLayers | None = None
    attention: AttentionGuidance | None = None
    cache: StepCache | None = None

    def __post_init__(self) -> None:
        _check_levels(self.low, self.high)


def _check_levels(low: float, high: float) -> None:
    if not 0 <= low <= high <= 1:
        raise ValueError(f"noise levels from {low:g} to {high:g}: use 0 <= low <= high <= 1")


def guided(
    plan: GuidancePlan,
    predict: Predict,
    positive: object,
    negative: object,
    process: NoiseProcess,
    *,
    watch: Watch | None = None,
) -> RunDenoiser:
    """Make the denoiser of one sampling run.

    Args:
        plan: what to do.
        predict: evaluates conditions, ``SkippedBlocks`` and ``NegativeAttention`` among them.
        positive, negative: the two conditions.
        process: of the run that the denoiser serves; it may keep a memory and belongs to no other.
        watch: told of every prediction, those of the cache too.
    """
    if plan.cache is not None and plan.cache.threshold > 0:
        predict = easy_cache(predict, plan.cache)
    if plan.skip is not None or plan.rescale:
        predict = remember(predict)
    if watch is not None:
        predict = watched(predict, watch)
    if plan.attention is not None and plan.attention.acts:
        positive = NegativeAttention(positive, negative, plan.attention)
    scale, combine = _scale(plan, process), _combine(plan.rule)
    denoiser = cfg(predict, positive, negative, scale, combine=combine)
    if plan.skip is not None:
        weak = SkippedBlocks(positive, frozenset(plan.skip.blocks))
        low, high = (process.level_of(each) for each in (plan.skip.low, plan.skip.high))
        denoiser = skip_layers(denoiser, predict, weak, plan.skip.scale, low=low, high=high)
    if plan.rescale:
        denoiser = rescale(denoiser, predict, positive, plan.rescale)
    if isinstance(plan.rule, ZeroStar) and plan.rule.waiting_steps:
        denoiser = zero_init(denoiser, plan.rule.waiting_steps)
    return denoiser


def _scale(plan: GuidancePlan, process: NoiseProcess) -> Scale:
    scale: Scale = plan.scale
    if plan.last_scale is not None:
        scale = over_steps(plan.scale, plan.last_scale)
    if plan.first_frame_scale is not None:
        scale = over_frames(plan.first_frame_scale, scale, both_ends=plan.both_ends)
    if (plan.low, plan.high) != (0.0, 1.0):
        low, high = (process.level_of(each) for each in (plan.low, plan.high))
        scale = within(scale, low, high)
    return scale


def _combine(rule: Projection | ZeroStar | None) -> Combine:
    if rule == Projection(parallel=1.0):
        return affine
    if isinstance(rule, Projection):
        return apg(parallel=rule.parallel, momentum=rule.momentum, threshold=rule.threshold)
    return affine if rule is None else cfg_zero
