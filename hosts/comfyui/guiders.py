"""Changing and describing GUIDERs, the pack's and the host's plain one."""
# pyright: reportMissingImports=false

import copy
from collections.abc import Callable
from typing import Any

import torch
from comfy.samplers import CFGGuider

from ...samplers.clips import Clips
from ...samplers.guidance.plan import GuidancePlan
from ...samplers.noise.steps import StepNoise
from ...samplers.runs import Wrapper, placed
from ..experts import check_alone
from ..further import check_new
from ..keys import Conditioning
from ..prompt_spans import told_by
from .after import After, on_both
from .controls import told_by_controls
from .guider import HostGuider, conditions_of
from .model import HostModel
from .notes import warn
from .spans import SpannedConds, spans_of_conds

BLOCK_LISTS = ("blocks", "double_blocks", "transformer_blocks", "joint_blocks")
"""Attributes in which the host's networks keep their replaceable blocks."""


def handed_over(high: Any, low: Any, level: float) -> HostGuider:
    """Return a guider from which another takes over; see ``Sampling.handed_over``.

    Raises:
        ValueError: one of them has its own rules, or already hands over.
    """
    bound, second = _taken_over(high), _taken_over(low)
    check_alone(bound.after or second.after)
    bound.after = After(second, level)
    return bound


@on_both
def with_plan(guider: Any, change: Callable[[GuidancePlan], GuidancePlan]) -> HostGuider:
    """Return a guider with a changed plan; the host's plain guider keeps its conditions.

    Raises:
        ValueError: the guider has its own rules, or its network cannot do this.
    """
    bound = _taken_over(guider)
    bound.plan = change(bound.plan)
    bound.set_cfg(bound.plan.scale)
    _check_attention(bound)
    return bound


@on_both
def with_wrapper(guider: Any, wrapper: Wrapper, *, innermost: bool = False) -> HostGuider:
    """Return a guider with one more wrapper, outside or inside its existing ones.

    Raises:
        ValueError: the guider has its own rules.
    """
    bound = _taken_over(guider)
    bound.wrappers = placed(bound.wrappers, wrapper, innermost=innermost)
    return bound


@on_both
def with_closing(guider: Any, closing: tuple[Wrapper, ...]) -> HostGuider:
    """Return a guider with wrappers that close loops, around the denoisers of all its prompts.

    Raises:
        ValueError: the guider has its own rules.
    """
    bound = _taken_over(guider)
    bound.closing = closing
    return bound


@on_both
def with_further(
    guider: Any, name: str, positive: Conditioning, negative: Conditioning, scale: float
) -> HostGuider:
    """Return a guider with further prompts; see ``Sampling.with_further``.

    Raises:
        ValueError: the guider has its own rules, or already has prompts of this name.
    """
    bound = _taken_over(guider)
    check_new(name, bound.further)
    bound.original_conds = dict(bound.original_conds)
    bound.inner_set_conds(dict(zip(conditions_of(name), (positive, negative), strict=True)))
    bound.further = {**bound.further, name: GuidancePlan(scale=scale)}
    return bound


@on_both
def with_spans(guider: Any, clips: Clips) -> Any:
    """Return a guider that follows its prompts over time, if it has any.

    All of the prompts go into its conditions, which the host prepares once per run.

    Args:
        guider: the pack's, or the host's plain one.
        clips: of the run.

    Raises:
        ValueError: the guider has its own rules, or the clips lack the frame rate that the
            prompts need.
    """
    found = spans_of_conds(guider.original_conds)
    if not found:
        return guider
    for spans in found:
        spans.check(clips)
    bound = _taken_over(guider)
    bound.spans = SpannedConds(bound.original_conds, warn)
    bound.original_conds = {**bound.original_conds, **bound.spans.further}
    return bound


@on_both
def with_draws(guider: Any, draws: StepNoise | None) -> Any:
    """Return a guider of the pack whose wrappers draw this noise; any other as it is."""
    if not isinstance(guider, HostGuider):
        return guider
    bound = _taken_over(guider)
    bound.draws = draws
    return bound


def further_of(guider: Any) -> tuple[str, ...]:
    """Return the names of a guider's further prompts."""
    return tuple(guider.further) if isinstance(guider, HostGuider) else ()


def known_of(guider: Any) -> tuple[object, ...]:
    """Return what identifies a guider's prompts and plan, and those of one that takes over."""
    conds = guider.original_conds
    parts = [(each.get("cross_attn"), each) for name in sorted(conds) for each in conds[name]]
    ours = isinstance(guider, HostGuider)
    controls = told_by_controls(part for _, part in parts)
    further = guider.further.values() if ours else ()
    own = (*told_by(parts), *controls, plan_of(guider), *further)
    after = guider.after if ours else None
    return own if after is None else (*own, after.level, *known_of(after.guider))


def _taken_over(guider: Any) -> HostGuider:
    """Return a copy of the pack's guider, or the pack's equivalent of the host's plain one."""
    if isinstance(guider, HostGuider):
        return copy.copy(guider)
    if type(guider) is not CFGGuider:
        raise ValueError(
            f"a {type(guider).__name__} has its own guidance rules: use the guider of Denoiser or "
            "CFGGuider"
        )
    bound = HostGuider(guider.model_patcher, GuidancePlan(scale=guider.cfg))
    bound.original_conds = dict(guider.original_conds)
    bound.model_options = guider.model_options
    return bound


def _check_attention(guider: HostGuider) -> None:
    model = guider.model_patcher.model
    if guider.plan.attention is not None and not isinstance(model, HostModel):
        raise ValueError(
            f"attention guidance needs the network of Load Models, not a "
            f"{type(model).__name__}: use the negative prompt with guidance above 1"
        )


def plan_of(guider: Any) -> GuidancePlan | None:
    """Return a guider's plan; None if it has its own rules."""
    if isinstance(guider, HostGuider):
        return guider.plan
    return GuidancePlan(scale=guider.cfg) if type(guider) is CFGGuider else None


def block_count(guider: CFGGuider) -> int:
    """Return the number of skippable blocks in the guider's network."""
    network = guider.model_patcher.model.diffusion_model
    lists = (getattr(network, name, None) for name in BLOCK_LISTS)
    return next((len(each) for each in lists if isinstance(each, torch.nn.ModuleList)), 0)
