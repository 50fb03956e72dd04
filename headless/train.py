"""Training from the command line: the recipe's stages with a progress bar."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ..training.recipe import make_denoiser, make_vae, render_clips

STAGES = {"clips": render_clips, "vae": make_vae, "denoiser": make_denoiser}


def train(run_dir: Path, stages: Sequence[str]) -> None:
    """Run stages of the recipe in a folder; each goes on where an earlier run stopped."""
    run_dir.mkdir(parents=True, exist_ok=True)
    columns = (
        TextColumn("{task.description:16}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks = {}

        def tick(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done)

        for stage in stages:
            STAGES[stage](run_dir, tick)
