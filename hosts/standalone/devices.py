"""The device and the dtype to compute in, with defaults for "auto"."""

import torch

from ...models.precision import DTYPES, has_fast_bf16

LONGEST_REASON = 200
"""Maximum length of torch's message, in characters: it can list all its kernels."""


def choose_device(name: str) -> torch.device:
    """Return the named device, or for "auto" the first available accelerator, else the CPU.

    Raises:
        ValueError: the device is not available.
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
        raise ValueError(
            f"no device {name!r} on this machine ({reason}): use auto, cpu or cuda"
        ) from error
    return device


def choose_dtype(name: str, device: torch.device) -> torch.dtype:
    """Return the named dtype, or for "auto" bf16 on hardware that multiplies it fast, else fp32.

    Raises:
        ValueError: the name is unknown.
    """
    if name == "auto":
        return torch.bfloat16 if has_fast_bf16(device) else torch.float32
    if name not in DTYPES:
        raise ValueError(f"unknown dtype {name!r}: use auto, {', '.join(DTYPES)}")
    return DTYPES[name]
