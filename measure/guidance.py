"""Guidance settings side by side: their cost, how often they are right, and spurious objects.

All settings see the same held-out prompts and noise, so that small differences show.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..samplers.guidance.plan import GuidancePlan, Projection, ZeroStar
from .figures import Figure, Number, Table
from .jobs import Job, scene_jobs, text_jobs
from .readers import Readers
from .report import progress_bars
from .studio import ClipMaker, Settings
from .ways import evaluations, judged

GROUP = "guidance"
_MIDDLE = GuidancePlan(low=0.2, high=0.9)

GUIDES: Mapping[str, tuple[float, GuidancePlan]] = {
    **{f"{scale:g}": (scale, GuidancePlan()) for scale in (1.0, 1.5, 2.0, 3.0, 5.0)},
    "3 in levels 0.2 to 0.9": (3.0, _MIDDLE),
    "3 below 0.9": (3.0, replace(_MIDDLE, low=0.0)),
    "3 above 0.2": (3.0, replace(_MIDDLE, high=1.0)),
    "5 in levels 0.2 to 0.9": (5.0, _MIDDLE),
    "3 falling to 1": (3.0, GuidancePlan(last_scale=1.0)),
    "5 falling to 1": (5.0, GuidancePlan(last_scale=1.0)),
    "3 projected": (3.0, GuidancePlan(rule=Projection())),
    "5 projected": (5.0, GuidancePlan(rule=Projection())),
    "3 by CFG-Zero*": (3.0, GuidancePlan(rule=ZeroStar())),
    "3 rescaled by 0.7": (3.0, GuidancePlan(rescale=0.7)),
}
"""Scale and plan of each guidance setting."""


def ways_to_guide(base: Settings, names: Sequence[str] = ()) -> dict[str, Settings]:
    """Settings of each named way to guide, or of all if none is named.

    Raises:
        ValueError: there is no way of that name.
    """
    unknown = [name for name in names if name not in GUIDES]
    if unknown:
        raise ValueError(f"no way to guide named {unknown[0]!r}: use {', '.join(GUIDES)}")
    chosen = {name: GUIDES[name] for name in names or GUIDES}
    return {
        name: replace(base, guidance=scale, plan=plan) for name, (scale, plan) in chosen.items()
    }


def measure_guidance(ways: Mapping[str, Settings], readers: Readers, count: int) -> list[Table]:
    """Make a table for clips of one object and one for clips of two, with a row for every way."""
    jobs = {"one object": text_jobs(count)[0], "two objects": scene_jobs(count)[0]}
    studios = {name: ClipMaker(settings) for name, settings in ways.items()}
    with progress_bars() as bars:
        bar = bars.add_task("ways to guide", total=len(studios) * len(jobs))
        tables = []
        for title, job in jobs.items():
            start = time.perf_counter()
            rows = {}
            for name, studio in studios.items():
                rows[name] = _row(job, studio, readers)
                bars.advance(bar)
            tables.append(
                Table(f"{GROUP}, {title}", "figures", rows, seconds=time.perf_counter() - start)
            )
    return tables


def _row(job: Job, studio: ClipMaker, readers: Readers) -> dict[str, Figure]:
    made = judged(job, studio, readers)
    return {**made, "evaluations": Number(evaluations(studio, job.cases[:1]))}
