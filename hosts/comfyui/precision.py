"""Fast dtypes on a CPU, where the host always computes in fp32."""
# pyright: reportMissingImports=false

import torch
from comfy.cli_args import args

from ...models.precision import has_fast_bf16


def cpu_bf16(device: torch.device) -> bool:
    """Whether a CPU has fast matrix units for bf16; the host assumes that no CPU has.

    False if the host was started with the option to compute in fp32.
    """
    return device.type == "cpu" and not args.force_fp32 and has_fast_bf16(device)


def fastest(chosen: torch.dtype, device: torch.device, *, told: bool) -> torch.dtype:
    """Return the host's choice, or bf16 if it chose fp32 for a CPU that is fast in bf16.

    Args:
        chosen: the host's choice.
        device: to compute on.
        told: whether the user requested fp32 from the host.
    """
    spared = chosen == torch.float32 and not told and cpu_bf16(device)
    return torch.bfloat16 if spared else chosen
