"""`spacetime reproduce`: regenerate a result from its embedded graph and compare the two."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console

from ..graph.errors import WorkflowError
from ..graph.executor import Event
from ..hosts.standalone.folders import Folders, own_temp, use_folders
from ..hosts.standalone.host import StandaloneHost
from .batch.batches import find_result
from .batch.ingredients import Ingredients
from .batch.manifest import JobRecord
from .batch.settings import BatchSettings
from .display import Display
from .distance import LEVELS, Distance, distance
from .engine import Engine, Job, saved_files
from .failure import message_of
from .prompt import Prompt
from .source import PICTURES, STATES, VIDEOS, read_graphs
from .streams import INTERRUPTED, print_results, tell, tell_traceback
from .version import versions


@dataclass(frozen=True, kw_only=True)
class ReproduceOptions:
    """Options from the command line.

    Args:
        file: an image, a video or a sampling state with its graph embedded.
        settings: settings by the names of `BatchSettings`; None where not set.
        json_line, quiet, verbose: what is printed.
    """

    file: Path
    settings: Mapping[str, Any]
    json_line: bool = False
    quiet: bool = False
    verbose: bool = False


@dataclass(frozen=True)
class Finding:
    """Outcome of a reproduction.

    Args:
        distance: between the original and the new file.
        changes: what has changed since the original was made; None if that is not recorded.
    """

    distance: Distance
    changes: tuple[str, ...] | None

    @property
    def lines(self) -> list[str]:
        """Lines for people to read."""
        lines = [_in_words(self.distance)]
        if self.changes is None:
            return [*lines, "the versions and models of the original are not recorded"]
        same = ("versions, models and inputs are unchanged",)
        return [*lines, *(self.changes or same)]

    def as_json(self, file: Path) -> str:
        """Return one line of JSON for programs."""
        far = self.distance
        return json.dumps(
            {
                "ok": far.is_equal,
                "file": str(file),
                "bytes": far.same_bytes,
                "form": far.form,
                "max": far.largest,
                "psnr": far.psnr if far.largest else None,
                "sound": not far.sound,
                "changes": None if self.changes is None else list(self.changes),
            }
        )


def reproduce_command(options: ReproduceOptions) -> int:
    """Regenerate the file, print the comparison, and return the exit code: 0 if it is equal."""
    try:
        finding = _reproduce(options)
    except KeyboardInterrupt:
        return _print_error(options, "interrupted") or INTERRUPTED
    except Exception as problem:  # any error is reported, to programs as well
        if options.verbose:
            tell_traceback()
        return _print_error(options, message_of(problem)) or 1
    lines = [finding.as_json(options.file)] if options.json_line else finding.lines
    return print_results(lines) or (0 if finding.distance.is_equal else 1)


def _print_error(options: ReproduceOptions, error: str) -> int:
    tell(error)
    line = json.dumps({"ok": False, "file": str(options.file), "error": error})
    return print_results([line] if options.json_line else [])


def _reproduce(options: ReproduceOptions) -> Finding:
    file = options.file
    if file.suffix.lower() not in PICTURES | VIDEOS | STATES:
        kinds = ", ".join(sorted(PICTURES | VIDEOS | STATES))
        raise ValueError(f"{file} cannot carry a graph: use a file of type {kinds}")
    known = find_result(file)
    graphs = _graphs(file, is_known=known is not None)
    settings = BatchSettings.of(known[0].header["settings"] if known else {}, options.settings)
    display = Display(console=Console(stderr=True, quiet=options.quiet))
    host = StandaloneHost(
        models=Path(settings.models_dir),
        device=settings.device,
        dtype=settings.dtype,
        progress=display.step,
    )
    with TemporaryDirectory(dir=own_temp(), prefix="reproduce-") as temp:
        before = Folders.of(input=settings.input_dir, output=settings.output_dir)
        folders = replace(before, output=Path(temp), results=before.output, metadata=bool(graphs))
        recorded = _job(known[1], folders) if known else None
        folders = recorded.places if recorded else folders
        with use_folders(folders):
            engine = Engine(host)
            prompt = _prompt(engine, graphs, recorded, folders)
        made: list[str] = []

        def follow(event: Event) -> None:
            display.event(event)
            made.extend(saved_files(event, folders))

        with display:
            engine.run_prompt(prompt, folders, follow)
        nearest = _nearest(file, [Path(each) for each in made])
    ingredients = Ingredients(Path(settings.models_dir), folders.input).of(prompt.nodes)
    changes = None if known is None else tuple(_changes(known[1], ingredients))
    return Finding(nearest, changes)


def _graphs(file: Path, *, is_known: bool) -> Mapping[str, Any]:
    """Return the graphs in a file; empty if it has none but a batch has recorded it."""
    try:
        return read_graphs(file)
    except WorkflowError:
        if not is_known:
            raise
    return {}


def _prompt(
    engine: Engine, graphs: Mapping[str, Any], recorded: Job | None, folders: Folders
) -> Prompt:
    """Return the file's graph as it was run, else its editor workflow, else the recorded job."""
    if "prompt" in graphs:
        nodes = {key: _with_places(node, folders) for key, node in graphs["prompt"].items()}
        return Prompt(nodes, graphs.get("workflow"))
    if graphs or recorded is None:
        return engine.prompt(Job(workflow=graphs["workflow"], folders=folders))
    return engine.prompt(recorded)


def _with_places(node: Any, folders: Folders) -> Any:
    """Restore the full paths of files that the job was given; results record only their names."""
    inputs = node.get("inputs") if isinstance(node, dict) else None
    if not isinstance(inputs, dict):
        return node
    elsewhere = {
        path.name: str(path) for path in folders.also if not (folders.input / path.name).is_file()
    }
    placed = {
        name: elsewhere.get(value, value) if isinstance(value, str) else value
        for name, value in inputs.items()
    }
    return {**node, "inputs": placed}


def _job(record: JobRecord, folders: Folders) -> Job:
    """Return the job of a batch, which may load the files named in its assignments."""
    job = record.job
    return Job(workflow=job.workflow, folders=folders, assignments=job.assignments)


def _nearest(file: Path, made: list[Path]) -> Distance:
    """Return the distance to the closest of the new files.

    Raises:
        ValueError: none has the file's suffix.
    """
    alike = [path for path in made if path.suffix.lower() == file.suffix.lower()]
    if not alike:
        raise ValueError(f"the graph in {file} saves no {file.suffix} file to compare it with")
    return min(map(partial(distance, file), alike), key=lambda each: each.order)


def _changes(record: JobRecord, ingredients: Mapping[str, Any]) -> Iterator[str]:
    """Yield what has changed since a result was made."""
    now = versions()
    for name, then in record.versions.items():
        if now.get(name) != then:
            yield f"{name}: {then} when it was made, {now.get(name, 'none')} now"
    for kind in ("models", "inputs"):
        there = ingredients[kind]
        for name, sha256 in record.details.get(kind, {}).items():
            if there.get(name) != sha256:
                what = "has changed since it was made" if name in there else "no longer exists"
                yield f"{name} ({kind}): {what}"


def _in_words(far: Distance) -> str:
    if far.same_bytes:
        return "equal, byte for byte"
    if far.form:
        return f"different in form: {far.form}"
    sound = ", and the sound differs" if far.sound else ""
    if not far.largest:
        return f"equal in every value, but not byte for byte{sound}"
    largest = f"by at most {far.largest:.3g} ({far.largest * LEVELS:.1f} of {LEVELS} levels)"
    return f"different {largest}, PSNR {far.psnr:.1f} dB{sound}"
