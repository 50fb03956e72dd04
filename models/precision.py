"""Dtypes: their names, and which of them are fast on a device."""

import platform
from pathlib import Path

import torch

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
"""Dtypes by the names that the nodes and the command line offer."""


def has_fast_bf16(device: torch.device) -> bool:
    """Whether a device has bf16 matrix units: AMX or AVX512-BF16 on a CPU, Ampere on CUDA."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        checks = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
        return any(getattr(torch.cpu, check, bool)() for check in checks)
    return False


def float64_place(device: torch.device) -> torch.device:
    """The device to compute float64 on: the device itself, or the CPU if it has none (mps)."""
    return torch.device("cpu") if device.type == "mps" else device


def has_slow_fp32() -> bool:
    """Whether torch multiplies float32 on this CPU with a library that leaves half of it unused.

    On AMD processors, MKL computes with AVX2 even where AVX-512 is available.
    """
    capability = torch.backends.cpu.get_cpu_capability()
    return capability == "AVX512" and torch.backends.mkl.is_available() and _is_amd()


def _is_amd() -> bool:
    cpus = Path("/proc/cpuinfo")
    return "AuthenticAMD" in (cpus.read_text() if cpus.exists() else platform.processor())
