"""Many short jobs: computed together, one by one in one process, or each in its own process.

    python benchmarks/batch.py --dtype bf16 --graph few_step_text_to_video

The graph is an example workflow, run once for each combination of prompt and seed. ``together`` is
plain `spacetime batch`, and ``one by one`` adds ``--pack 1``; ``worker`` and ``worker one by one``
are the same two with ``--workers 1``. ``processes`` is a separate `spacetime run` for each job. All
of them include start-up time.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from contest import Contestant, contest
from pack import DTYPES, ROOT

EXAMPLES = ROOT / "example_workflows"
COMMAND = [sys.executable, str(Path(__file__).with_name("pack.py"))]
WORKER = ("--workers", "1")
PROMPTS = (
    "a red sphere moves left at day",
    "a blue cube bounces at night",
    "a green cone spins in the snow",
    "a yellow cylinder comes closer at sunset",
)


def batch(options: argparse.Namespace, *more: str) -> Callable[[], None]:
    """Run all jobs with `spacetime batch`."""

    def run(folder: Path) -> None:
        prompts = folder / "prompts.txt"
        prompts.write_text("\n".join(PROMPTS[: options.prompts]), encoding="utf-8")
        jobs = ["--prompts", str(prompts), "--seeds", f"1-{options.seeds}"]
        _do(["batch", _graph(options), *jobs, *more], options, folder)

    return partial(_in_new_folder, run, options)


def processes(options: argparse.Namespace) -> Callable[[], None]:
    """Run each job with its own `spacetime run`."""

    def run(folder: Path) -> None:
        for text, seed in product(PROMPTS[: options.prompts], range(1, options.seeds + 1)):
            given = ["--set", f"Prompt.text={text}", "--set", f"Noise.seed={seed}"]
            _do(["run", _graph(options), *given], options, folder)

    return partial(_in_new_folder, run, options)


def _graph(options: argparse.Namespace) -> str:
    return str(EXAMPLES / f"{options.graph}.json")


def _in_new_folder(run: Callable[[Path], None], options: argparse.Namespace) -> None:
    """Run jobs, and check that each of them has written its file."""
    with TemporaryDirectory() as name:
        run(Path(name))
        made = len(list(_results(Path(name))))
    if made != options.prompts * options.seeds:
        raise SystemExit(f"got {made} videos from {options.prompts * options.seeds} jobs")


def _results(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*.mp4") if not path.name.startswith("."))


def _do(words: list[str], options: argparse.Namespace, folder: Path) -> None:
    shared = ["--output-dir", str(folder), "--dtype", options.dtype, "--device", options.device]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}  # as installed packages are
    command = [*COMMAND, *words, *shared, "--quiet"]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)


def main() -> None:
    """Compare the batch with the others."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    graphs = ("text_to_video", "few_step_text_to_video")
    parser.add_argument("--graph", default=graphs[0], choices=graphs)
    parser.add_argument("--prompts", type=int, default=len(PROMPTS), help="number of prompts")
    parser.add_argument("--seeds", type=int, default=6, help="seeds per prompt")
    parser.add_argument("--dtype", default="bf16", choices=DTYPES)
    parser.set_defaults(warm_up=0)
    contest(
        parser,
        lambda options: {
            "together": Contestant(batch),
            "one by one": Contestant(lambda options: batch(options, "--pack", "1")),
            "worker": Contestant(lambda options: batch(options, *WORKER)),
            "worker one by one": Contestant(lambda options: batch(options, *WORKER, "--pack", "1")),
            "processes": Contestant(processes),
        },
    )


if __name__ == "__main__":
    main()
