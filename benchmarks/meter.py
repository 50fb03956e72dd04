"""Measure the time and memory of a piece of work, and describe the machine."""

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
"""Bytes per unit of ``ru_maxrss``."""

PACKAGES = ("torch", "diffusers", "transformers", "av")
STATUS, FORGET_PEAK = Path("/proc/self/status"), Path("/proc/self/clear_refs")

Result = TypeVar("Result")


@dataclass(frozen=True)
class Usage:
    """Time and memory that one piece of work used.

    Args:
        cpu_s: CPU seconds of all threads of this process and of the processes that it waited for.
        wall_s: elapsed seconds.
        loaded_mb: memory in use when the work began; the GPU's if it ran on one.
        peak_mb: peak memory during the work, of this process or of one that it waited for.
    """

    cpu_s: float
    wall_s: float
    loaded_mb: float
    peak_mb: float


def measure(work: Callable[[], Result], device: str = "cpu") -> tuple[Result, Usage]:
    """Do a piece of work once, on a GPU until it has finished; return its result and usage."""
    memory = GpuMemory() if device.startswith("cuda") else Memory()
    loaded = memory.begin()
    cpu, wall = cpu_seconds(), time.perf_counter()
    result = work()
    memory.settle()
    wall, cpu = time.perf_counter() - wall, cpu_seconds() - cpu
    return result, Usage(cpu, wall, loaded, memory.peak())


def cpu_seconds() -> float:
    """Return the CPU time of this process and of the ended processes that it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


class Memory:
    """Main memory of this process, in MB."""

    def begin(self) -> float:
        """Return the current usage; where the system supports it, the peak counts from here."""
        if not STATUS.exists():
            return _max_rss(resource.RUSAGE_SELF)
        FORGET_PEAK.write_text("5")
        return _status("VmRSS")

    def settle(self) -> None:
        """Do nothing: there is nothing to wait for."""

    def peak(self) -> float:
        """Return the peak usage of this process, or of one that it waited for."""
        own = _status("VmHWM") if STATUS.exists() else _max_rss(resource.RUSAGE_SELF)
        return max(own, _max_rss(resource.RUSAGE_CHILDREN))


class GpuMemory:
    """GPU memory of this process, in MB."""

    def __init__(self) -> None:
        import torch

        self._cuda = torch.cuda

    def begin(self) -> float:
        """Return the current usage; the peak counts from here."""
        self._cuda.synchronize()
        self._cuda.reset_peak_memory_stats()
        return self._cuda.memory_allocated() / MEGA

    def settle(self) -> None:
        """Wait until the GPU has finished."""
        self._cuda.synchronize()

    def peak(self) -> float:
        """Return the peak usage."""
        return self._cuda.max_memory_allocated() / MEGA


def _max_rss(who: int) -> float:
    return resource.getrusage(who).ru_maxrss * RSS_UNIT / MEGA


def _status(name: str) -> float:
    """Return an entry of this process's ``/proc`` status file, in MB."""
    lines = STATUS.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024 / MEGA


def machine() -> dict[str, Any]:
    """Return the processor, the number of cores, the load, and the system."""
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
    """Return the versions of this interpreter's packages, and how it sees the device."""
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
