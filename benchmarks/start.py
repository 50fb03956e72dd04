"""CPU time of a short run of the command, also on a busy machine, compared with importing PyTorch.

    python benchmarks/start.py

The graph is ``example_workflows/text_to_video.json``. ``busy`` is the same run alongside four
processes that compute all the time; ``torch`` only imports PyTorch.
"""

import argparse
import atexit
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from contest import Contestant, contest
from pack import ROOT

GRAPH = ROOT / "example_workflows" / "text_to_video.json"
COMMAND = [sys.executable, str(Path(__file__).with_name("pack.py"))]
BUSY = [sys.executable, "-c", "while True: pass"]
NEIGHBOURS = 4


def run_command(options: argparse.Namespace, neighbours: int) -> Callable[[], None]:
    """Run the command alongside a number of busy processes."""
    output = tempfile.TemporaryDirectory()
    atexit.register(output.cleanup)
    command = [*COMMAND, "run", str(options.workflow), "--output-dir", output.name, "--quiet"]
    command += ["--device", options.device]
    for process in [subprocess.Popen(BUSY) for _ in range(neighbours)]:
        atexit.register(process.wait)  # their CPU time counts once they have been waited for
        atexit.register(process.kill)
    return partial(_do, command)


def import_torch(_: argparse.Namespace) -> Callable[[], None]:
    """Run a process that imports PyTorch and exits."""
    return partial(_do, [sys.executable, "-c", "import torch"])


def _do(command: list[str]) -> None:
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}  # as installed packages are
    subprocess.run(command, check=True, env=environment)


def main() -> None:
    """Compare the run with the others."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--workflow", type=Path, default=GRAPH)
    parser.set_defaults(warm_up=1)
    contest(
        parser,
        lambda options: {
            "quiet": Contestant(partial(run_command, neighbours=0)),
            "busy": Contestant(partial(run_command, neighbours=NEIGHBOURS)),
            "torch": Contestant(import_torch),
        },
    )


if __name__ == "__main__":
    main()
