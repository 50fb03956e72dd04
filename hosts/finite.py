"""Numbers that are none (NaN) or infinite are told where they appear, and not carried on."""

import torch
from torch import Tensor, nn

DAMAGED_TEXT_ENCODER = "use fp32 or bf16, or download the file of the text encoder again"
DAMAGED_VAE = "use fp32 or bf16, or download the file of the VAE again"


def refuse_not_finite(values: Tensor, what: str, remedy: str) -> None:
    """Refuse a tensor that holds NaN or infinity.

    Args:
        values: of any shape.
        what: how the message names them.
        remedy: what to do, the rest of the sentence.

    Raises:
        ValueError: it holds such values.
    """
    if values.is_floating_point() and not values.isfinite().all():
        raise ValueError(f"{what} holds numbers that are not finite (NaN or infinity): {remedy}")


def check_step(step: int, denoised: Tensor, network: nn.Module, file: str) -> None:
    """Stop where a step of sampling gave no numbers, and say whether the weights are to blame.

    Args:
        step: from 1.
        denoised: what was predicted in it.
        network: that predicted it.
        file: that its weights came from, "" for unknown.

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
