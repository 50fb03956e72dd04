"""A plan that holds all guidance and step-cache options, and the denoiser built from it."""

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
    """Options of ``apg``; with ``parallel`` 1 and the others 0 it is classifier-free guidance."""

    parallel: float = 0.0
    momentum: float = 0.0
    threshold: float = 0.0


@dataclass(frozen=True, kw_only=True)
class ZeroStar:
    """Options of ``cfg_zero``, with zero velocity in the first ``waiting_steps`` steps."""

    waiting_steps: int = 1


@dataclass(frozen=True, kw_only=True)
class SkipLayers:
    """Options of ``skip_layers``; ``low`` and ``high`` are flow noise levels."""

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
    """How a denoiser is guided; by default, plain classifier-free guidance.

    Args:
        scale: scale of classifier-free guidance; at 1 the negative condition is not evaluated.
        last_scale: scale at the last step, interpolated linearly from ``scale`` at the first.
        first_frame_scale: scale in the first frame, going linearly to the usual one in the last.
        both_ends: use ``first_frame_scale`` in the last frame too, the usual one in the middle.
        low, high: range of noise levels (a flow model's, in [0, 1]) in which to guide.
        rule: how to combine the two predictions; None is classifier-free guidance.
        rescale: strength of ``rescale``.
        skip: options of skip-layer guidance.
        attention: guidance by the negative condition inside the cross-attention.
        cache: options of the step cache.

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
    """Build the guided denoiser of one sampling run.

    Args:
        plan: the guidance plan.
        predict: evaluates conditions, including ``SkippedBlocks`` and ``NegativeAttention``.
        positive, negative: the two conditions.
        process: noise process of the run. The denoiser may keep state and serves this run only.
        watch: called with every prediction, cached ones included.
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
