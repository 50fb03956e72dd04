"""``python -m spacetime_video.training``: the whole recipe within a time, without the command."""

import argparse
import sys
import time
from pathlib import Path

from .results import joined
from .whole import RESULTS, WholePlan, check_device, train_within, usual_makers


def main() -> None:
    """Parse the arguments and train, with a line of progress now and then."""
    parser = argparse.ArgumentParser(prog="spacetime_video.training", description=__doc__)
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--minutes", type=float, help="train, and how long it may take")
    task.add_argument("--join", type=Path, help="put pieces in a folder together in the run folder")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--run-dir", type=Path, default=Path("runs/tiny"), help="folder of the run")
    parser.add_argument("--results", type=Path, help="folder for weights in pieces below 16 MiB")
    parser.add_argument("--makers", type=int, help="processes that render and encode clips")
    parser.add_argument("--init-from", type=Path, help="folder of weights to begin with")
    parser.add_argument("--compile", action="store_true", help="compile the network")
    asked = parser.parse_args()
    if asked.join is not None:
        for name in RESULTS:
            joined(asked.join, asked.run_dir / "weights" / name)
        return
    check_device(asked.device)
    plan = WholePlan(
        minutes=asked.minutes,
        device=asked.device,
        makers=usual_makers(asked.device) if asked.makers is None else asked.makers,
        init_from=asked.init_from,
        compiled=asked.compile,
    )
    train_within(asked.run_dir, plan, _Lines(), asked.results)


class _Lines:
    """Prints how far a stage is, at most every few seconds."""

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
