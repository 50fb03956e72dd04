"""Checks that stop at NaN and infinity where they first appear."""

import torch
from torch import Tensor, nn

DAMAGED_TEXT_ENCODER = "use fp32 or bf16, or download the text encoder's file again"
DAMAGED_VAE = "use fp32 or bf16, or download the VAE's file again"


def refuse_not_finite(values: Tensor, what: str, remedy: str) -> None:
    """Reject a tensor that holds NaN or infinity.

    Args:
        values: of any shape.
        what: name of the values in the message.
        remedy: end of the message: what to do.

    Raises:
        ValueError: the tensor holds such values.
    """
    if values.is_floating_point() and not values.isfinite().all():
        raise ValueError(f"{what} contains NaN or infinity: {remedy}")


def check_step(step: int, denoised: Tensor, network: nn.Module, file: str) -> None:
    """Stop if a sampling step's prediction is not finite; name a damaged weight, if there is one.

    Args:
        step: number of the step, from 1.
        denoised: its prediction.
        network: the network that made it.
        file: source of the network's weights, "" if unknown.

    Raises:
        ValueError: the prediction holds NaN or infinity.
    """
    if denoised.isfinite().all():
        return
    remedy = "use fp32 or bf16, and less guidance"
    damaged = _damaged_weight(network)
    if damaged is not None:
        remedy = f"{damaged} in {file or 'the model'} is damaged; download the file again"
    refuse_not_finite(denoised, f"the prediction of step {step}", remedy)


def _damaged_weight(network: nn.Module) -> str | None:
    weights = network.named_parameters()
    return next((name for name, weight in weights if not _is_finite(weight)), None)


@torch.no_grad()
def _is_finite(weight: Tensor) -> bool:
    plain = weight if weight.element_size() > 1 else weight.float()
    return bool(plain.isfinite().all())
