"""`spacetime run`: one saved workflow in the standalone host."""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import hosts
from ..graph.assign import set_input
from ..graph.dynamic_prompts import resolve_prompts
from ..graph.errors import NodeFailed
from ..graph.executor import Event, Executor, NodeFinished
from ..graph.registry import Registry
from ..graph.workflow import is_ui_format, read_workflow, to_api
from ..graph.write_back import write_back
from ..hosts.standalone.folders import Folders, use_folders
from ..hosts.standalone.host import StandaloneHost
from ..media import prove_writable, shown
from .display import Display
from .failure import message_of
from .streams import INTERRUPTED, print_results, tell, tell_traceback


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What the command line said."""

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


@dataclass(frozen=True)
class Report:
    """What is printed at the end."""

    files: tuple[str, ...] = ()
    error: str = ""
    details: Mapping[str, Any] | None = None

    def as_json(self, seconds: float) -> str:
        """One line for a program to read."""
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
        details, code = _run(options, saved.extend), 0
    except KeyboardInterrupt:
        error, code = "interrupted", INTERRUPTED
    except Exception as problem:  # whatever it is, what was saved is named and programs are told
        error, details = message_of(problem), _place(problem)
        if options.verbose:
            tell_traceback()
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
    return print_results([report.as_json(seconds)] if json_line else report.files)


def check_preview(file: Path) -> None:
    """Refuse a file for previews that cannot be written, before anything is computed.

    Raises:
        ValueError: something else is in its place.
        OSError: its folder cannot be written to.
    """
    if file.exists() and not file.is_file():
        raise ValueError(f"--preview {file} is not a picture file, and is left alone: use another")
    prove_writable(file.parent)


def standalone_registry(host: StandaloneHost) -> Registry:
    """Choose the host and collect the pack's and the stock nodes."""
    hosts.use(host)
    from ..hosts.standalone.stock import stock_nodes
    from ..nodes import all_nodes

    return Registry.from_nodes([*all_nodes(), *stock_nodes()])


def _run(options: RunOptions, saved: Callable[[Iterable[str]], None]) -> dict[str, Any]:
    """Run the workflow; ``saved`` is told the paths of files as soon as they are there."""
    workflow = read_workflow(options.workflow)
    folders = Folders.of(input=options.input_dir, output=options.output_dir)
    if options.preview is not None:
        check_preview(options.preview)
    display = Display(options.preview)
    host = StandaloneHost(
        models=options.models_dir,
        device=options.device,
        dtype=options.dtype,
        progress=display.step,
        preview=display.preview if display.shows_pictures else None,
    )

    def follow(event: Event) -> None:
        display.event(event)
        if isinstance(event, NodeFinished):
            saved(saved_files(event.ui, folders))

    with use_folders(folders):
        registry = standalone_registry(host)
        prompt = to_api(workflow, registry)
        for assignment in options.assignments:
            prompt = set_input(prompt, assignment, registry)
        drawn = None
        if is_ui_format(workflow):
            drawn = write_back(workflow, prompt, registry)
            prompt = resolve_prompts(prompt, registry)
        extra = {"workflow": drawn} if drawn else {}
        with display:
            result = Executor(registry).run(prompt, extra_pnginfo=extra, on_event=follow)
    return {"outputs": result.outputs, "executed": result.executed, "cached": result.cached}


def saved_files(shown: Mapping[str, list[Any]], folders: Folders) -> list[str]:
    """Paths of the files that a node shows."""
    roots = {"output": folders.output, "temp": folders.temp, "input": folders.input}
    return [
        str(roots[str(item["type"])] / item["subfolder"] / item["filename"])
        for items in shown.values()
        for item in items
        if isinstance(item, dict) and "filename" in item
    ]
