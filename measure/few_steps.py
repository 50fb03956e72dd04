"""A few-step LoRA against the model it was distilled from: quality, variety, evaluations, time.

All ways of sampling see the same held-out prompts and noise. B batch, F frames, H rows, W columns.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from statistics import median

from torch import Tensor

from ..media.plot import PlotStyle, Series, line_plot
from .figures import Figure, Mean, Number, Table
from .jobs import text_jobs
from .readers import Readers
from .report import progress_bars
from .studio import ClipMaker, Settings
from .ways import Way, against, evaluations, judged, value_of

GROUP, AGAINST = "few steps", "few steps against the teacher"
FEW, FEWER_BY_TEACHER = (1, 2, 4, 8), (4, 8, 15)
PROMPTS_FOR_VARIETY, SEEDS, ROUNDS = 16, 6, 7


def ways_of(teacher: Settings) -> list[Way]:
    """Ways to compare: the teacher, the student ``teacher.lora``, the teacher with too few steps.

    Raises:
        ValueError: there is no LoRA.
    """
    if teacher.lora is None:
        raise ValueError("no few-step LoRA ships with these weights: name one with --lora")
    student = replace(teacher, guidance=1.0, solver="lcm")
    teacher = replace(teacher, lora=None)
    hasty = replace(student, lora=None, steps=4)
    return [
        Way("teacher", teacher),
        *(Way("few-step LoRA", replace(student, steps=steps)) for steps in FEW),
        *(Way("teacher", replace(teacher, steps=steps)) for steps in FEWER_BY_TEACHER),
        Way("undistilled, sampled like the LoRA", hasty),
    ]


def measure_few_steps(ways: Sequence[Way], readers: Readers, count: int) -> list[Table]:
    """Make two tables with a row for every way: its figures, and its share of the first way's."""
    studios = [(way, ClipMaker(way.settings)) for way in ways]
    job = text_jobs(count)[0]
    rows: dict[str, dict[str, Figure]] = {way.name: {} for way in ways}
    start = time.perf_counter()
    with progress_bars() as bars:
        bar = bars.add_task("ways to sample", total=len(ways))
        for way, studio in studios:
            rows[way.name] |= judged(job, studio, readers)
            rows[way.name]["variety"] = _variety(studio)
            rows[way.name]["evaluations"] = Number(evaluations(studio, job.cases[:1]))
            bars.advance(bar)
    for way, seconds in zip(ways, _times([studio for _, studio in studios]), strict=True):
        rows[way.name]["sampling"] = Number(round(1000 * seconds, 1), "ms")
    seconds = time.perf_counter() - start
    figures = Table(GROUP, "figures", rows, seconds=seconds)
    return [figures, Table(AGAINST, "shares", against(rows, ways[0].name))]


def _variety(studio: ClipMaker) -> Mean:
    """Root mean square difference between clips of one prompt with two seeds, in % of the range."""
    distances = []
    for case in text_jobs(PROMPTS_FOR_VARIETY)[0].cases:
        clips = studio.make([replace(case, seed=seed) for seed in range(SEEDS)])
        pairs = combinations(clips, 2)
        away = [float((one - other).square().mean().sqrt()) for one, other in pairs]
        distances.append(100 * sum(away) / len(away))
    return Mean.of(distances, "%")


def _times(studios: Sequence[ClipMaker]) -> list[float]:
    """Median seconds to sample one clip's latent; ways take turns, the first round is dropped."""
    seconds: list[list[float]] = [[] for _ in studios]
    for case in text_jobs(1 + ROUNDS)[0].cases:
        for taken, studio in zip(seconds, studios, strict=True):
            start = time.perf_counter()
            studio.sample([case])
            taken.append(time.perf_counter() - start)
    return [median(taken[1:]) for taken in seconds]


def quality_plot(ways: Sequence[Way], table: Table) -> Tensor:
    """Plot the share of clips in which everything is right against steps: an image (H, W, 3)."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for way in ways:
        share = value_of(table.rows[way.name]["all"])
        lines.setdefault(way.kind, []).append((way.settings.steps, 100 * share))
    style = PlotStyle(
        title="clips that show the colour, setting, motion and shape of the prompt, %",
        x_label="steps", log_x=True, dots=True, low_legend=True,
    )  # fmt: skip
    series = {}
    for kind, points in lines.items():
        steps, percents = zip(*sorted(points), strict=True)
        series[kind] = Series(steps, percents)
    return line_plot(series, style)
