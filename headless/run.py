"""`spacetime run`: run one saved workflow in the standalone host."""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from ..graph.errors import NodeFailed
from ..graph.executor import Event
from ..graph.graph import Graph
from ..graph.prefixes import PREFIX
from ..hosts.standalone.folders import Folders, use_folders
from ..hosts.standalone.host import StandaloneHost
from ..media import prove_writable, shown
from ..models.products import products_here
from .display import Display
from .engine import Engine, Job, saved_files
from .failure import message_of
from .source import read_source
from .streams import INTERRUPTED, print_results, tell, tell_traceback


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Options from the command line."""

    workflow: Path
    assignments: tuple[str, ...]
    output_dir: Path
    input_dir: Path
    models_dir: Path
    device: str
    dtype: str
    json_line: bool
    verbose: bool
    preview: Path | None = None
    quiet: bool = False
    dry_run: bool = False
    metadata: bool = True


@dataclass(frozen=True)
class Report:
    """The outcome that is printed at the end."""

    files: tuple[str, ...] = ()
    error: str = ""
    details: Mapping[str, Any] | None = None

    @property
    def lines(self) -> list[str]:
        """The saved files; for a dry run, its nodes and what it would save."""
        plan = self.details or {}
        nodes: list[str] = plan.get("nodes", [])
        numbered = [f"{number}/{len(nodes)} {node}" for number, node in enumerate(nodes, 1)]
        return [*self.files, *numbered, *(f"saves {path}_…" for path in plan.get("saves", []))]

    def as_json(self, seconds: float) -> str:
        """Return one line of JSON for programs."""
        result: dict[str, Any] = {
            "ok": not self.error,
            "files": list(self.files),
            "seconds": round(seconds, 3),
        }
        if self.error:
            result["error"] = self.error
        return json.dumps(result | dict(self.details or {}))


def run_command(options: RunOptions) -> int:
    """Run, print the outcome, and return the exit code."""
    start = time.monotonic()
    saved: list[str] = []
    error, details, code = "", {}, 1
    try:
        details, code = _start(options, saved.extend), 0
    except KeyboardInterrupt:
        error, code = "interrupted", INTERRUPTED
    except Exception as problem:  # any error is reported, together with the files saved so far
        error, details = message_of(problem), _place(problem)
        if options.verbose:
            tell_traceback()
            if isinstance(problem, NodeFailed):
                tell(problem.given)
    report = Report(tuple(dict.fromkeys(saved)), error, details)
    return _print(report, options.json_line, time.monotonic() - start) or code


def _place(problem: Exception) -> dict[str, Any]:
    if not isinstance(problem, NodeFailed):
        return {}
    return {
        "node": problem.node_id,
        "title": shown(problem.title),
        "class_type": problem.class_type,
    }


def _print(report: Report, json_line: bool, seconds: float) -> int:
    if report.error:
        tell(report.error)
    return print_results([report.as_json(seconds)] if json_line else report.lines)


def check_preview(file: Path) -> None:
    """Reject a preview file that cannot be written, before anything is computed.

    Raises:
        ValueError: the path exists and is not a file.
        OSError: its folder cannot be written to.
    """
    if file.exists() and not file.is_file():
        raise ValueError(f"--preview {file} is not a file, and is left alone: use another path")
    prove_writable(file.parent)


def _start(options: RunOptions, saved: Callable[[Iterable[str]], None]) -> dict[str, Any]:
    """Run the workflow, or only check it; ``saved`` receives the paths of files as they come."""
    folders = Folders.of(
        input=options.input_dir, output=options.output_dir, metadata=options.metadata
    )
    job = Job(
        workflow=read_source(options.workflow), folders=folders, assignments=options.assignments
    )
    if options.preview is not None:
        check_preview(options.preview)
    display = Display(options.preview, Console(stderr=True, quiet=options.quiet))
    host = StandaloneHost(
        models=options.models_dir,
        device=options.device,
        dtype=options.dtype,
        progress=display.step,
        preview=display.preview if display.shows_pictures else None,
    )
    with use_folders(folders):  # the choices that nodes offer are read from these
        engine = Engine(host)
    if options.verbose:
        tell(f"computing on {host.models.device}; {products_here()}")
    if options.dry_run:
        return _plan(engine.plan(job), folders)

    def follow(event: Event) -> None:
        display.event(event)
        saved(saved_files(event, folders))

    with display:
        result = engine.run(job, follow)
    return {"outputs": result.outputs, "executed": result.executed, "cached": result.cached}


def _plan(graph: Graph, folders: Folders) -> dict[str, Any]:
    """Describe what a run would do: its nodes in order, and the prefixes of its results."""
    prefixes = [graph.nodes[key].inputs.get(PREFIX) for key in graph.output_nodes]
    saves = [str(folders.output / each) for each in prefixes if isinstance(each, str)]
    return {"dry_run": True, "nodes": [node.label for node in graph.nodes.values()], "saves": saves}
