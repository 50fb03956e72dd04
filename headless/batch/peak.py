"""Measure the peak memory of a job."""

from contextlib import suppress
from pathlib import Path

import torch

_PROCESS = Path("/proc/self")
_RESET_PEAK = "5"
_PEAK, _KILO = "VmHWM:", 1024


class PeakMemory:
    """Peak memory from now on: of an accelerator, else of this process.

    Args:
        device: the device that computes.
        before: measurement of jobs that started earlier and may still be running.
    """

    def __init__(self, device: torch.device, before: "PeakMemory | None" = None) -> None:
        if before is not None:
            before._seen = before.bytes or 0
        self._device, self._seen = device, 0
        self._is_known = device.type == "cuda" or self._reset()
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)

    @property
    def bytes(self) -> int | None:
        """Peak so far; None if the system does not report it."""
        if not self._is_known:
            return None
        if self._device.type == "cuda":
            return max(self._seen, torch.cuda.max_memory_allocated(self._device))
        with suppress(OSError, StopIteration, ValueError):
            lines = (_PROCESS / "status").read_text().splitlines()
            now = int(next(line.split()[1] for line in lines if line.startswith(_PEAK))) * _KILO
            return max(self._seen, now)
        return None

    @staticmethod
    def _reset() -> bool:
        try:
            (_PROCESS / "clear_refs").write_text(_RESET_PEAK)
        except OSError:  # not Linux, or not allowed
            return False
        return True
