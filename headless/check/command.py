"""`spacetime check`: check workflows and the jobs of a batch without running them."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...graph.errors import WorkflowError
from ...graph.registry import Registry
from ...graph.server_nodes import server_nodes
from ...hosts.standalone.folders import Folders, use_folders
from ...hosts.standalone.host import StandaloneHost
from ...media import counted, files_below
from ..batch.comfyui_client import ComfyUIClient, read_headers
from ..batch.job import BatchJob
from ..batch.jobs.make import jobs_of
from ..batch.jobs.options import JobOptions
from ..batch.jobs.problems import BatchError
from ..batch.refused import refused_jobs, told_together
from ..batch.settings import BatchSettings
from ..engine import standalone_registry
from ..pace import duration
from ..source import STDIN, read_source
from ..streams import print_results, tell
from ..version import versions
from .estimate import Estimate, Estimator
from .needs import Needs, needs_of, offered_files


@dataclass(frozen=True, kw_only=True)
class CheckOptions:
    """Options from the command line.

    Args:
        jobs: the workflows, and what a batch would vary in them.
        models_dir: ComfyUI-style folder of weights.
        device: auto, cpu, cuda or cuda:N.
        dtype: auto, fp32, bf16 or fp16.
        server: URL of a ComfyUI server to check against instead of this host; empty for none.
        headers: sent to it, each ``Name: value``.
        estimate: whether time and memory are estimated.
        json_line: whether one machine-readable line is printed.
    """

    jobs: JobOptions
    models_dir: Path
    device: str = "auto"
    dtype: str = "auto"
    server: str = ""
    headers: tuple[str, ...] = ()
    estimate: bool = True
    json_line: bool = False


@dataclass(frozen=True)
class Place:
    """Where the jobs would run: its nodes, its weights and its versions."""

    registry: Registry
    files: frozenset[str]
    versions: Mapping[str, str]


@dataclass
class Findings:
    """What was found about each workflow, and about all jobs."""

    versions: Mapping[str, str]
    problems: list[str] = field(default_factory=list[str])
    jobs: list[BatchJob] = field(default_factory=list[BatchJob])
    needs: dict[str, Needs] = field(default_factory=dict[str, Needs])
    estimates: Mapping[str, Estimate] = field(default_factory=dict[str, Estimate])

    @property
    def counts(self) -> Mapping[str, int]:
        """Number of jobs of each workflow."""
        found = dict.fromkeys(self.needs, 0)
        for job in self.jobs:
            found[job.source] += 1
        return found

    @property
    def lines(self) -> list[str]:
        """Lines for people to read."""
        told = [
            f"{source}: {counted(count, 'job')}{self._estimate(source)}"
            for source, count in self.counts.items()
        ]
        missing = [
            f"{name} needs {line}" for name, each in self.needs.items() for line in each.missing
        ]
        return [
            *told,
            *missing,
            ", ".join(f"{key} {value}" for key, value in self.versions.items()),
        ]

    def of(self, source: str) -> list[Estimate]:
        """Return the estimates that are available for the jobs of a workflow."""
        ids = [job.id for job in self.jobs if job.source == source]
        return [self.estimates[id] for id in ids if id in self.estimates]

    def seconds(self, source: str) -> float:
        """Return the time of all jobs of a workflow; jobs without an estimate count as the mean."""
        known = [each.seconds for each in self.of(source)]
        return sum(known) / len(known) * self.counts[source] if known else 0.0

    def _estimate(self, source: str) -> str:
        known = self.of(source)
        if not known:
            return ""
        longest = max(known, key=lambda each: each.seconds)
        several = self.counts[source] > 1
        whole = f" each, {duration(self.seconds(source))} in total" if several else ""
        return f", {longest.line}{whole}"

    def as_json(self) -> str:
        """Return one line of JSON for programs."""
        counts = self.counts
        graphs = [
            {
                "source": source,
                "jobs": counts[source],
                "estimates": [each.as_json() for each in dict.fromkeys(self.of(source))],
                "seconds": round(self.seconds(source), 2),
                **each.as_json(),
            }
            for source, each in self.needs.items()
        ]
        return json.dumps(
            {
                "ok": not self.problems,
                "jobs": len(self.jobs),
                "problems": self.problems,
                "graphs": graphs,
                "versions": dict(self.versions),
            }
        )


def check_command(options: CheckOptions) -> int:
    """Print what was found, and return the exit code: 0 if all jobs can run."""
    place = _place(options)
    findings = Findings(place.versions)
    try:
        findings.jobs = jobs_of(options.jobs, place.registry)
    except BatchError as error:
        findings.problems += error.problems
    for source, workflow in _workflows(options.jobs, findings.jobs):
        with suppress(WorkflowError):  # reported among the problems
            findings.needs[source] = needs_of(workflow, place.registry, place.files)
    if not options.server:
        _rehearse(options, findings)
    printed = print_results([findings.as_json()] if options.json_line else findings.lines)
    for problem in findings.problems:
        tell(problem)
    return printed or int(bool(findings.problems))


def _rehearse(options: CheckOptions, findings: Findings) -> None:
    """Find out what would be refused, and estimate the other jobs."""
    folders = {"input_dir": options.jobs.input_dir, "output_dir": options.jobs.output_dir}
    given = {**folders, "models_dir": options.models_dir, "dtype": options.dtype}
    settings = BatchSettings.of({}, {name: str(value) for name, value in given.items()})
    refused = refused_jobs(findings.jobs, settings, wrong_too=True)
    findings.problems += told_together(findings.jobs, refused)
    if options.estimate:
        places = Folders.of(input=options.jobs.input_dir, output=options.jobs.output_dir)
        estimator = Estimator(options.models_dir, options.device, options.dtype, places)
        others = [job for job in findings.jobs if job.id not in refused]
        findings.estimates = estimator.of(others)


def _place(options: CheckOptions) -> Place:
    if options.server:
        client = ComfyUIClient(options.server, read_headers(options.headers))
        registry = server_nodes(client.object_info())
        return Place(registry, frozenset(offered_files(registry)), client.versions())
    host = StandaloneHost(models=options.models_dir, device=options.device, dtype=options.dtype)
    folders = Folders.of(input=options.jobs.input_dir, output=options.jobs.output_dir)
    with use_folders(folders):
        registry = standalone_registry(host)
        files = offered_files(registry)
    return Place(registry, frozenset(files | _weights(options.models_dir)), versions())


def _weights(root: Path) -> set[str]:
    """Return the weights below the models folder, named as in nodes, even if none offers them."""
    places = (path.relative_to(root) for path in files_below(root, ".safetensors"))
    return {str(Path(*place.parts[1:] or place.parts)) for place in places}


def _workflows(
    options: JobOptions, jobs: Sequence[BatchJob]
) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the workflows of the jobs; if there are no jobs, those that are named."""
    if jobs:
        return list({job.source: job.workflow for job in jobs}.items())
    found: list[tuple[str, Mapping[str, Any]]] = []
    for path in options.workflows:
        try:
            if path != STDIN:
                found.append((str(path), read_source(path)))
        except (WorkflowError, OSError, ValueError):  # reported among the problems
            continue
    return found
