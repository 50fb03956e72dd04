"""Number formats that are fast on a CPU, where the host always computes in fp32."""
# pyright: reportMissingImports=false

import torch
from comfy.cli_args import args

from ...models.precision import has_fast_bf16


def cpu_bf16(device: torch.device) -> bool:
    """Whether a CPU has matrix units for bf16, which the host takes to be slow on all of them.

    Not where the host was told to compute in fp32.
    """
    return device.type == "cpu" and not args.force_fp32 and has_fast_bf16(device)


def fastest(chosen: torch.dtype, device: torch.device, *, told: bool) -> torch.dtype:
    """What the host has chosen, or bf16 where it chose fp32 for such a CPU.

    Args:
        chosen: by the host.
        device: to compute on.
        told: whether the user told the host to choose fp32.
    """
    spared = chosen == torch.float32 and not told and cpu_bf16(device)
    return torch.bfloat16 if spared else chosen
