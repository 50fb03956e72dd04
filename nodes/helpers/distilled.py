"""A warning where a model that was not distilled is sampled as if it had been."""

from typing import Any

from ...hosts import host
from ...samplers.solvers.consistency import sample_lcm

MESSAGE = (
    "LCM needs a few-step LoRA: this model was not distilled for few steps, so that the video is "
    "blurred and too uniform; put Load Video LoRA with such a LoRA between Load Models and "
    "Denoiser, or choose another solver, such as unipc with 20 steps"
)


def warn_if_not_distilled(guider: Any, sampler: Any) -> None:
    """Warn where the sampler is LCM and the model is known not to be distilled."""
    call = host().solver_of(sampler)
    name = getattr(call.solver, "__name__", "") if call else ""
    if name == sample_lcm.__name__ and host().is_distilled(guider) is False:
        host().warn(MESSAGE)
