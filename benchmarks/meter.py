"""What a piece of work takes of the machine, and what machine that is."""

import importlib
import os
import platform
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

MEGA = 1e6
RSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes that ``ru_maxrss`` counts in."""

PACKAGES = ("torch", "diffusers", "transformers", "av")
STATUS, FORGET_PEAK = Path("/proc/self/status"), Path("/proc/self/clear_refs")

Result = TypeVar("Result")


@dataclass(frozen=True)
class Usage:
    """Of one piece of work.

    Args:
        cpu_s: seconds of all threads of this process and of the processes that it waited for.
        wall_s: seconds that went by.
        loaded_mb: memory that was taken when the work began, a GPU's where it ran on one.
        peak_mb: the most that was taken until it was done, by this process or by one of those
            that it waited for.
    """

    cpu_s: float
    wall_s: float
    loaded_mb: float
    peak_mb: float


def measure(work: Callable[[], Result], device: str = "cpu") -> tuple[Result, Usage]:
    """Do a piece of work once; on a GPU until it has finished there."""
    memory = GpuMemory() if device.startswith("cuda") else Memory()
    loaded = memory.begin()
    cpu, wall = cpu_seconds(), time.perf_counter()
    result = work()
    memory.settle()
    wall, cpu = time.perf_counter() - wall, cpu_seconds() - cpu
    return result, Usage(cpu, wall, loaded, memory.peak())


def cpu_seconds() -> float:
    """CPU time of this process and of the ended processes that it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


class Memory:
    """What this process takes of the main memory, in MB."""

    def begin(self) -> float:
        """What is taken now. The peak is counted from here where the system can do that."""
        if not STATUS.exists():
            return _max_rss(resource.RUSAGE_SELF)
        FORGET_PEAK.write_text("5")
        return _status("VmRSS")

    def settle(self) -> None:
        """Nothing to wait for."""

    def peak(self) -> float:
        """The most that this process, or one that it waited for, has taken."""
        own = _status("VmHWM") if STATUS.exists() else _max_rss(resource.RUSAGE_SELF)
        return max(own, _max_rss(resource.RUSAGE_CHILDREN))


class GpuMemory:
    """What this process takes of a GPU's memory, in MB."""

    def __init__(self) -> None:
        import torch

        self._cuda = torch.cuda

    def begin(self) -> float:
        """What is taken now, from where the peak is counted."""
        self._cuda.synchronize()
        self._cuda.reset_peak_memory_stats()
        return self._cuda.memory_allocated() / MEGA

    def settle(self) -> None:
        """Wait until the GPU has finished."""
        self._cuda.synchronize()

    def peak(self) -> float:
        """The most that was taken."""
        return self._cuda.max_memory_allocated() / MEGA


def _max_rss(who: int) -> float:
    return resource.getrusage(who).ru_maxrss * RSS_UNIT / MEGA


def _status(name: str) -> float:
    """An entry of Linux's account of this process, in MB."""
    lines = STATUS.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024 / MEGA


def machine() -> dict[str, Any]:
    """The processor, how many there are, how busy they are, and the system."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "system": platform.platform(terse=True),
    }


def _processor() -> str:
    cpus = Path("/proc/cpuinfo")
    lines = cpus.read_text().splitlines() if cpus.exists() else []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def software(device: str = "cpu") -> dict[str, str]:
    """Versions of what this interpreter computes with, and how it sees the device."""
    found = {"python": platform.python_version(), "interpreter": sys.executable}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    if "comfy" in sys.modules:
        found["comfyui"] = importlib.import_module("comfyui_version").__version__
    torch = sys.modules.get("torch")
    if torch is not None:
        on_gpu = device.startswith("cuda")
        found["threads"] = str(torch.get_num_threads())
        found["computes on"] = (
            torch.cuda.get_device_name() if on_gpu else torch.backends.cpu.get_cpu_capability()
        )
    return found
