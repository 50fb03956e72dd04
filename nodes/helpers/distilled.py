"""Warnings where a model is sampled as if it had been distilled, or as if it had not."""

from typing import Any

from ...hosts import host
from ...samplers.guidance.plan import GuidancePlan
from ...samplers.solvers.consistency import sample_lcm

NOT_DISTILLED = (
    "LCM needs a few-step LoRA: this model was not distilled for few steps, so that the video is "
    "blurred and too uniform; put Load Video LoRA with such a LoRA between Load Models and "
    "Denoiser, or choose another solver, such as unipc with 20 steps"
)
GUIDED_TWICE = (
    "set guidance to 1: this model was distilled with guidance in it, and {guidance:g} on top of "
    "that burns the video"
)


def warn_of_distillation(guider: Any, sampler: Any) -> None:
    """Warn where LCM runs a model known not to be distilled, or guidance one that has its own."""
    distilled = host().sampling.about(guider).distilled
    if distilled is False and _is_lcm(sampler):
        host().session.warn(NOT_DISTILLED)
    plan = host().sampling.about(guider).plan
    if distilled and plan is not None and _highest(plan) > 1:
        host().session.warn(GUIDED_TWICE.format(guidance=_highest(plan)))


def _is_lcm(sampler: Any) -> bool:
    call = host().sampling.solver_of(sampler)
    return getattr(call.solver, "__name__", "") == sample_lcm.__name__ if call else False


def _highest(plan: GuidancePlan) -> float:
    """The scale of guidance where it is strongest, in whatever step and frame."""
    scales = (plan.scale, plan.last_scale, plan.first_frame_scale)
    return max(scale for scale in scales if scale is not None)
