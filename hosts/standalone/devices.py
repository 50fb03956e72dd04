"""Which device and number format to compute in where the user does not say."""

import torch

from ..dtypes import DTYPES


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
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"no device {name!r} here ({error}): use auto, cpu or cuda") from error
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


def has_fast_bf16(device: torch.device) -> bool:
    """Whether matrix units for bf16 are there: AMX or AVX512-BF16 on a CPU, Ampere on CUDA."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        checks = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
        return any(getattr(torch.cpu, check, bool)() for check in checks)
    return False
