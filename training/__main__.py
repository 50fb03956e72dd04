"""``python -m spacetime_video.training``: train within a time limit, without the command line tool.

Runs the whole recipe, or with ``--hint`` trains a control branch for a denoiser.
"""

import argparse
import sys
import time
from pathlib import Path

from ..weights import bundled
from .checkpoint import Length
from .control_whole import WholeControl, train_control_within
from .hints import HINTS
from .recipe import DIT_FILE, VAE_FILE, control_file
from .results import joined
from .whole import RESULTS, WholePlan, check_device, train_within, usual_makers


def main() -> None:
    """Parse the arguments and train, printing progress lines."""
    parser = argparse.ArgumentParser(prog="spacetime_video.training", description=__doc__)
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--minutes", type=float, help="train for at most this many minutes")
    task.add_argument("--join", type=Path, help="folder of weights in pieces, to be joined")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--run-dir", type=Path, default=Path("runs/tiny"), help="folder of the run")
    parser.add_argument("--results", type=Path, help="folder for weights in pieces below 16 MiB")
    parser.add_argument("--makers", type=int, help="number of processes that render and encode")
    parser.add_argument(
        "--init-from",
        type=Path,
        help="folder of weights, or file of a branch, to start from",
    )
    parser.add_argument("--hint", choices=list(HINTS), help="train a branch for this hint")
    parser.add_argument("--base", type=Path, help="folder of the denoiser for the branch")
    parser.add_argument("--compile", action="store_true", help="compile the network")
    asked = parser.parse_args()
    if asked.join is not None:
        names = RESULTS if asked.hint is None else (control_file(asked.hint),)
        for name in names:
            joined(asked.join, asked.run_dir / "weights" / name)
        return
    check_device(asked.device)
    crew = usual_makers(asked.device) if asked.makers is None else asked.makers
    shared = {"device": asked.device, "makers": crew, "init_from": asked.init_from}
    if asked.hint is None:
        plan = WholePlan(minutes=asked.minutes, compiled=asked.compile, **shared)
        train_within(asked.run_dir, plan, _Lines(), asked.results)
    else:
        base = asked.base or bundled("diffusion_models")[DIT_FILE].parent
        control = WholeControl(
            hint=asked.hint,
            length=Length(seconds=60 * asked.minutes),
            base=base,
            vae_file=bundled("vae")[VAE_FILE],
            **shared,
        )
        train_control_within(asked.run_dir, control, _Lines(), asked.results)


class _Lines:
    """Prints the progress of a stage, at most once every ``every`` seconds."""

    every = 5.0

    def __init__(self) -> None:
        self.last = 0.0

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self.last >= self.every or done >= total:
            self.last = now
            sys.stderr.write(f"{what}: {done} of {total}\n")


if __name__ == "__main__":
    main()
