"""Estimate tokens, memory and time of a batch's jobs, from a rehearsal and a measured rate."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ...graph.errors import GraphError, NodeFailed, WorkflowError
from ...hosts.standalone.folders import Folders, use_folders
from ...media import counted
from ..batch.job import BatchJob
from ..batch.kinds import jobs_by_kind
from ..engine import Engine, Job
from ..pace import duration
from .rates import rate_of
from .rehearsal import Part, RehearsalHost, rehearse

MOST_REHEARSED = 20
"""Maximum kinds of jobs in a batch that are rehearsed; others count as the mean of these."""

TIMED = frozenset({"sampling", "decoding", "encoding"})


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Estimated cost of one job.

    Args:
        tokens: tokens of the largest evaluation.
        evaluations: calls of transformers.
        flops: floating point operations of all networks.
        memory: bytes of all weights and of the call that needs most.
        seconds: time that networks compute, once they are loaded.
    """

    tokens: int
    evaluations: int
    flops: int
    memory: int
    seconds: float

    @property
    def line(self) -> str:
        """The estimate in words."""
        if not self.flops:
            return "no network runs"
        calls = f"{self.tokens} tokens in {counted(self.evaluations, 'evaluation')}, "
        time = f"about {duration(self.seconds)}" if self.seconds >= 1 else "under 1 s"
        return f"{calls if self.tokens else ''}{self.memory / 1e9:.2f} GB, {time}"

    def as_json(self) -> dict[str, Any]:
        """Return the estimate for JSON."""
        return {
            "tokens": self.tokens,
            "evaluations": self.evaluations,
            "flops": self.flops,
            "memory_bytes": self.memory,
            "seconds": round(self.seconds, 2),
        }


@dataclass
class Estimator:
    """Rehearses jobs; a network's rate is measured once.

    Args:
        models: folder of weights.
        device: auto, cpu, cuda or cuda:N.
        dtype: auto, fp32, bf16 or fp16.
        folders: their input folder is read.
    """

    models: Path
    device: str
    dtype: str
    folders: Folders

    def of(self, jobs: Sequence[BatchJob]) -> dict[str, Estimate]:
        """Return estimates by job id; jobs of one kind share an estimate.

        Kinds beyond `MOST_REHEARSED` have none, and neither have jobs that fail on the made-up
        values of a rehearsal.
        """
        host = RehearsalHost(models=self.models, device=self.device, dtype=self.dtype)
        with use_folders(self.folders):
            engine = Engine(host)
        rates: dict[object, float] = {}
        found: dict[str, Estimate] = {}
        for alike in jobs_by_kind(jobs)[:MOST_REHEARSED]:
            with suppress(GraphError, WorkflowError, NodeFailed):
                estimate = self._estimated(alike[0], engine, host, rates)
                found.update({job.id: estimate for job in alike})
        return found

    def _estimated(
        self, job: BatchJob, engine: Engine, host: RehearsalHost, rates: dict[object, float]
    ) -> Estimate:
        given = Job(workflow=job.workflow, folders=self.folders, assignments=job.assignments)
        with use_folders(given.places):
            nodes = engine.prompt(given).nodes
        parts = rehearse(nodes, engine.registry, host, given.places)
        return estimate_of(parts, host.rehearsed.real_device, rates)


def estimate_of(
    parts: Sequence[Part], device: torch.device, rates: dict[object, float]
) -> Estimate:
    """Add up the work of networks.

    Args:
        parts: parts of a rehearsal.
        device: the device that would compute.
        rates: rates of networks measured so far; newly measured ones are added.
    """
    weights = sum(part.work.weights for part in parts)
    sampling = [part for part in parts if part.work.name == "sampling"]
    return Estimate(
        tokens=max((part.tokens for part in sampling), default=0),
        evaluations=sum(sum(part.work.calls.values()) for part in sampling),
        flops=sum(part.work.flops for part in parts),
        memory=weights + max((part.work.peak for part in parts), default=0),
        seconds=_seconds(parts, device, rates),
    )


def _seconds(parts: Sequence[Part], device: torch.device, rates: dict[object, float]) -> float:
    """Return the time of all networks; branches compute at the rate of their transformers."""
    taken = dict.fromkeys(TIMED, 0.0)
    for part in parts:
        if part.work.name in TIMED and part.work.calls:
            key = (part.work.name, repr(part.weights.config), part.dtype)
            if key not in rates:
                rates[key] = rate_of(part, device)
            taken[part.work.name] += part.work.flops / rates[key]
    beside, sampling = _flops(parts, "control"), _flops(parts, "sampling")
    return sum(taken.values()) + (taken["sampling"] * beside / sampling if beside else 0.0)


def _flops(parts: Sequence[Part], name: str) -> int:
    return sum(part.work.flops for part in parts if part.work.name == name)
