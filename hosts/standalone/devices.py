"""Which device and number format to compute in where the user does not say."""

import torch

from ...models.precision import DTYPES, has_fast_bf16

LONGEST_REASON = 200
"""Characters of what torch says; it can list all its kernels."""


def choose_device(name: str) -> torch.device:
    """The named device, or for "auto" the first accelerator there is.

    Raises:
        ValueError: the device is not there.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device).tolist()
    except (RuntimeError, AssertionError, ValueError) as error:
        reason = str(error).partition("\n")[0][:LONGEST_REASON]
        raise ValueError(f"no device {name!r} here ({reason}): use auto, cpu or cuda") from error
    return device


def choose_dtype(name: str, device: torch.device) -> torch.dtype:
    """The named format, or for "auto" bf16 where the hardware multiplies it fast, else fp32.

    Raises:
        ValueError: an unknown name.
    """
    if name == "auto":
        return torch.bfloat16 if has_fast_bf16(device) else torch.float32
    if name not in DTYPES:
        raise ValueError(f"unknown dtype {name!r}: use auto, {', '.join(DTYPES)}")
    return DTYPES[name]
