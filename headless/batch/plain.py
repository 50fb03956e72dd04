"""Jobs of plain workflow files: each once, or once for each seed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...graph.dynamic_prompts import SEEDS
from ...graph.errors import listed
from ...graph.registry import Registry
from ...graph.workflow import to_api
from ..source import read_source
from .job import BatchJob

_RANGE = re.compile(r"(\d+)(?:-(\d+))?")
MOST_SEEDS = 100_000


@dataclass(frozen=True, kw_only=True)
class JobOptions:
    """What the command line says of the jobs of a batch.

    Args:
        workflows: files.
        assignments: inputs that every job sets, each ``Node.input=value``.
        seeds: such as ``1-20`` or ``1,5,9-12``; empty for those of the workflows.
    """

    workflows: tuple[Path, ...]
    assignments: tuple[str, ...] = ()
    seeds: str = ""


def jobs_of(options: JobOptions, registry: Registry) -> list[BatchJob]:
    """The jobs that are asked for, named after their workflows.

    Args:
        options: of the command line.
        registry: of nodes, in which seeds are looked for.

    Raises:
        ValueError: no seeds, or a workflow that cannot be read or has not one seed.
    """
    seeds, jobs = parse_seeds(options.seeds), list[BatchJob]()
    stems = _distinct([path.stem for path in options.workflows])
    for path, stem in zip(options.workflows, stems, strict=True):
        workflow = read_source(path)
        ways: Sequence[tuple[str, ...]] = [()]
        if seeds:
            target = seed_input(to_api(workflow, registry), path)
            ways = [(f"{target}={seed}",) for seed in seeds]
        for number, way in enumerate(ways, 1):
            name = f"{stem}_{number}"
            jobs.append(
                BatchJob(
                    id=f"{len(jobs) + 1:05}",
                    name=name,
                    source=str(path),
                    workflow=workflow,
                    assignments=(*options.assignments, *way),
                )
            )
    return jobs


def parse_seeds(text: str) -> list[int]:
    """Seeds in the order of a text such as ``1-20`` or ``1,5,9-12``.

    Raises:
        ValueError: it is none, or names too many.
    """
    seeds: list[int] = []
    for part in text.split(",") if text else []:
        found = _RANGE.fullmatch(part.strip())
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if last < first:
            raise ValueError(f"--seeds {text}: {part.strip()!r} is no seed and no range: use 1-20")
        if len(seeds) + last - first >= MOST_SEEDS:
            raise ValueError(f"--seeds {text}: use at most {MOST_SEEDS} seeds")
        seeds += range(first, last + 1)
    return list(dict.fromkeys(seeds))


def seed_input(nodes: Mapping[str, Any], path: Path) -> str:
    """The one input of a prompt that is a seed, by its node's id.

    Raises:
        ValueError: there are none or several; with a list of them.
    """
    found = {
        f"{key}.{name}": node.get("_meta", {}).get("title", node["class_type"])
        for key, node in nodes.items()
        for name, value in node["inputs"].items()
        if name in SEEDS and isinstance(value, int)
    }
    if len(found) == 1:
        return next(iter(found))
    there = listed([f"{target} ({title})" for target, title in found.items()]) or "none"
    raise ValueError(
        f"--seeds: {path} has {len(found)} inputs that are seeds, 1 was expected; it has: {there}"
    )


def _distinct(stems: Sequence[str]) -> list[str]:
    """Names of workflows, numbered where several are alike."""
    seen: dict[str, int] = {}
    named: list[str] = []
    for stem in stems:
        seen[stem] = seen.get(stem, 0) + 1
        named.append(stem if seen[stem] == 1 else f"{stem}-{seen[stem]}")
    return named
