"""Run contestants in turn, each run in its own process, and print one line of JSON.

A benchmark names its contestants and calls ``contest``. The others are compared with the first::

    def main() -> None:
        parser = argparse.ArgumentParser(description=__doc__)
        parser.add_argument("--size", type=int, default=256)
        contest(parser, lambda options: {
            "spacetime": Contestant(ours),
            "diffusers": Contestant(theirs),
            "comfyui": Contestant(comfyuis, in_comfyui=True),
        })

``ours(options)`` loads what it needs and returns the work, a function without arguments. The
work's results, tensors or nothing, are compared as well. A benchmark imports nothing heavy at
module level, so that the process that starts the others stays small.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from meter import Usage, machine, measure, software
from pack import comfyui_folder, comfyui_python

HIDDEN = {"alone", "output"}
"""Internal options, for the process of a single run."""


@dataclass(frozen=True)
class Contestant:
    """One implementation of the work.

    Args:
        prepare: takes the options, loads, and returns the work to be measured.
        in_comfyui: whether it runs in ComfyUI's interpreter; it then takes part only if
            ``COMFYUI_DIR`` is set.
    """

    prepare: Callable[[argparse.Namespace], Callable[[], Any]]
    in_comfyui: bool = False


LineUp = Callable[[argparse.Namespace], Mapping[str, Contestant]]


def contest(parser: argparse.ArgumentParser, line_up: LineUp) -> None:
    """Measure all contestants in turn and print the line; in a child process, run one of them once.

    Args:
        parser: with the benchmark's own options.
        line_up: returns the contestants for given options, by name.
    """
    _add_options(parser)
    options = parser.parse_args()
    contestants = line_up(options)
    if options.alone:
        _run_alone(options, contestants[options.alone])
        return
    names = _chosen(options.peer, contestants)
    before = machine()
    with tempfile.TemporaryDirectory() as folder:
        runs: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
        for number in range(options.rounds):
            for name in names:
                output = Path(folder) / f"{name}.pt" if number == 0 else None
                runs[name].append(_run(options, name, contestants[name], output))
        differences = _differences(Path(folder), names)
    report = {
        "benchmark": Path(sys.argv[0]).stem,
        "asked": {name: value for name, value in vars(options).items() if name not in HIDDEN},
        "machine": before,
        "contestants": {name: _summary(each) for name, each in runs.items()},
    }
    report["ratio"] = _ratios(report["contestants"], names)
    print(json.dumps(report | {"difference": differences}, default=str))  # noqa: T201


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--peer", nargs="+", help="contestants besides the first one")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each; medians are reported")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument(
        "--warm-up", type=int, help="runs before the measured one; 1 on a GPU, else 0"
    )
    parser.add_argument("--alone", help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path, help=argparse.SUPPRESS)


def _chosen(peers: list[str] | None, contestants: Mapping[str, Contestant]) -> list[str]:
    first, *others = contestants
    unknown = set(peers or ()) - set(others)
    if unknown:
        raise SystemExit(f"no contestant {sorted(unknown)}: choose from {others}")
    there = [
        name for name in others if not contestants[name].in_comfyui or "COMFYUI_DIR" in os.environ
    ]
    names = [first, *(there if peers is None else peers)]
    if any(contestants[name].in_comfyui for name in names):
        comfyui_folder()
    return names


def _run(
    options: argparse.Namespace, name: str, contestant: Contestant, output: Path | None
) -> dict[str, Any]:
    """Run a contestant once in its own process."""
    python = comfyui_python() if contestant.in_comfyui else sys.executable
    command = [python, *sys.argv, "--alone", name]
    command += [] if output is None else ["--output", str(output)]
    threads = {"OMP_NUM_THREADS": str(options.threads), "OMP_WAIT_POLICY": "PASSIVE"}
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **threads}
    )
    return json.loads(done.stdout.splitlines()[-1])


def _run_alone(options: argparse.Namespace, contestant: Contestant) -> None:
    """Prepare, do the work, and print its usage as the last line."""
    with _to_stderr():
        work = contestant.prepare(options)
        on_gpu = options.device.startswith("cuda")
        for _ in range(int(on_gpu) if options.warm_up is None else options.warm_up):
            work()
        result, usage = measure(work, options.device)
        if options.output is not None and result is not None:
            import torch

            torch.save(result.detach().float().cpu(), options.output)
    print(json.dumps({"usage": asdict(usage), "software": software(options.device)}))  # noqa: T201


@contextmanager
def _to_stderr() -> Iterator[None]:
    """Redirect output to standard error, including that of child processes."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def _summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return medians of all runs, memory beyond loading, each CPU time, and the software."""
    usages = [Usage(**run["usage"]) for run in runs]
    return {
        **{name: median(getattr(usage, name) for usage in usages) for name in asdict(usages[0])},
        "beyond_mb": median(usage.peak_mb - usage.loaded_mb for usage in usages),
        "cpu_s_of_each": [usage.cpu_s for usage in usages],
        "software": runs[0]["software"],
    }


def _ratios(summaries: Mapping[str, dict[str, Any]], names: list[str]) -> dict[str, Any]:
    """Return the cost of the others as multiples of the first one's."""
    first, *others = names
    kinds = ("cpu_s", "wall_s", "peak_mb", "beyond_mb")
    return {
        name: {
            kind: summaries[name][kind] / summaries[first][kind]
            for kind in kinds
            if summaries[first][kind] > 0
        }
        for name in others
    }


def _differences(folder: Path, names: list[str]) -> dict[str, Any]:
    """Compare the others' results with the first one's.

    Returns the root mean square of the difference relative to the first result's, and the largest
    difference.
    """
    first, *others = names
    if not (folder / f"{first}.pt").exists():
        return {}
    import torch

    ours = torch.load(folder / f"{first}.pt", weights_only=True).double()
    found: dict[str, Any] = {}
    for name in others:
        theirs = torch.load(folder / f"{name}.pt", weights_only=True).double()
        if theirs.shape != ours.shape:
            found[name] = f"{tuple(theirs.shape)} is not {tuple(ours.shape)}"
            continue
        apart = theirs - ours
        share = (apart.square().mean().sqrt() / ours.square().mean().sqrt()).item()
        found[name] = {"rms": share, "max": apart.abs().max().item()}
    return found
