"""The standalone host and its nodes, running one saved workflow after another.

Models and results of a job stay in memory for the next job as far as it can use them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .. import hosts
from ..graph.errors import NodeFailed
from ..graph.executor import Event, Executor, NodeFinished, RunResult
from ..graph.graph import Graph
from ..graph.registry import Registry
from ..graph.validate import validate
from ..hosts.standalone.elsewhere import EQUIVALENTS
from ..hosts.standalone.folders import Folders, use_folders
from ..hosts.standalone.host import StandaloneHost
from ..media import is_whole_path, plain_path
from .check.refusals import refusal_of
from .prompt import Prompt, prompt_of

MEETING = frozenset({"MODEL", "CLIP", "GUIDER"})
"""Socket types whose nodes call networks; jobs that run together share these calls."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One workflow to run.

    Args:
        workflow: as saved, in UI or API format.
        folders: where its nodes load and save files.
        assignments: inputs to set, each ``Node.input=value``.
    """

    workflow: Mapping[str, Any]
    folders: Folders
    assignments: tuple[str, ...] = ()

    @property
    def places(self) -> Folders:
        """The folders, plus the files elsewhere that assignments name by full path."""
        return replace(self.folders, also=named_files(map(_text, self.assignments)))


class Engine:
    """Runs jobs in this process.

    Args:
        host: all jobs share its models and settings.
    """

    def __init__(self, host: StandaloneHost) -> None:
        self.registry, self._models = standalone_registry(host), host.files.models
        self._executor = Executor(self.registry, MEETING)

    def plan(self, job: Job) -> Graph:
        """Check a job without running it.

        Raises:
            GraphError, WorkflowError: it cannot be run.
            NodeFailed: a node would refuse its inputs, whatever the networks compute.
        """
        return self._checked(job)[1]

    def run(self, job: Job, on_event: Callable[[Event], None] = lambda event: None) -> RunResult:
        """Run a job.

        Inputs that a node would refuse whatever the networks compute are refused before anything
        runs.

        Args:
            job: the job to run.
            on_event: called for every node, in this thread.

        Raises:
            GraphError, WorkflowError: it cannot be run; nothing ran.
            NodeFailed: a node raised; files that earlier nodes saved stay.
        """
        prompt, graph = self._checked(job)
        return self.run_prompt(prompt, job.places, on_event, checked=graph)

    def _checked(self, job: Job) -> tuple[Prompt, Graph]:
        """Return the prompt and the graph of a job after checking that no node refuses it."""
        with use_folders(job.places):
            prompt = self.prompt(job)
            graph = validate(prompt.nodes, self.registry)
        refused = self.refusal_of(prompt, graph, job.places)
        if refused is not None:
            raise refused
        return prompt, graph

    def refusal_of(self, prompt: Prompt, checked: Graph, folders: Folders) -> NodeFailed | None:
        """Return what a node will refuse whatever the networks compute; None if nothing is known.

        Args:
            prompt: the prompt to run.
            checked: the graph that `validate` returned for it.
            folders: where its nodes load files.
        """
        return refusal_of(checked, prompt.nodes, folders, models=self._models)

    def run_prompt(
        self,
        prompt: Prompt,
        folders: Folders,
        on_event: Callable[[Event], None] = lambda event: None,
        *,
        lean: bool = False,
        checked: Graph | None = None,
    ) -> RunResult:
        """Run what `prompt` returned; every output node saves, even if an earlier run did.

        Args:
            prompt: the prompt to run.
            folders: where its nodes load and save files.
            on_event: called for every node, in this thread.
            lean: release everything as soon as this run no longer needs it, to save memory.
            checked: the graph that `validate` returned for the prompt, if it was called.

        Raises:
            GraphError: it cannot be run; nothing ran.
            NodeFailed: a node raised; files that earlier nodes saved stay.
        """
        with use_folders(folders):
            return self._executor.run(
                prompt.nodes,
                extra_pnginfo=prompt.extra_pnginfo,
                on_event=on_event,
                save_again=True,
                lean=lean,
                checked=checked,
            )

    def forget(self) -> None:
        """Release models and results."""
        self._executor.forget()

    def prompt(self, job: Job) -> Prompt:
        """Return a workflow as it will run: inputs set, prompts drawn, file names filled in."""
        return prompt_of(job.workflow, job.assignments, self.registry)


def named_files(texts: Iterable[str]) -> frozenset[Path]:
    """Return the existing files that texts name by full path."""
    return frozenset(plain_path(text) for text in texts if is_whole_path(text))


def _text(assignment: str) -> str:
    return assignment.partition("=")[2]


def standalone_registry(host: StandaloneHost) -> Registry:
    """Make the host the one in use and collect the pack's nodes and the stock nodes."""
    hosts.use(host)
    from ..hosts.standalone.stock import stock_nodes
    from ..nodes import all_nodes

    return Registry.from_nodes([*all_nodes(), *stock_nodes()], elsewhere=EQUIVALENTS)


def saved_files(event: Event, folders: Folders) -> list[str]:
    """Return the paths of the files that a node has saved."""
    if not isinstance(event, NodeFinished):
        return []
    roots: dict[str, Path] = {
        "output": folders.output, "temp": folders.temp, "input": folders.input
    }  # fmt: skip
    return [
        str(roots[str(item["type"])] / item["subfolder"] / item["filename"])
        for items in event.ui.values()
        for item in items
        if isinstance(item, dict) and "filename" in item
    ]
