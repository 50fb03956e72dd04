"""A warning where a model that was not distilled is sampled as if it had been."""

from typing import Any

from ..hosts import host
from ..samplers.consistency import sample_lcm

MESSAGE = (
    "this model was not distilled for few steps, so consistency sampling (LCM) makes blurred and "
    "too uniform videos: put Load Video LoRA with a few-step LoRA between Load Models and "
    "Denoiser, or choose another solver, such as unipc with 20 steps"
)


def warn_if_not_distilled(guider: Any, sampler: Any) -> None:
    """Warn where the sampler is LCM and the model is known not to be distilled."""
    call = host().solver_of(sampler)
    name = getattr(call.solver, "__name__", "") if call else ""
    if name == sample_lcm.__name__ and host().is_distilled(guider) is False:
        host().warn(MESSAGE)
