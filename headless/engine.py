"""The standalone host with its nodes, which runs one saved workflow after another.

Models and results of a job stay for the next one, as far as that has a use for them.
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
"""Types of sockets through which nodes ask networks for what jobs that run together share."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One workflow to run.

    Args:
        workflow: as it was saved, in the editor's format or the API's.
        folders: of what its nodes load and save.
        assignments: inputs that are set, each ``Node.input=value``.
    """

    workflow: Mapping[str, Any]
    folders: Folders
    assignments: tuple[str, ...] = ()

    @property
    def places(self) -> Folders:
        """The folders, and the files of other places that are set by name."""
        return replace(self.folders, also=named_files(map(_text, self.assignments)))


class Engine:
    """Runs jobs in this process.

    Args:
        host: whose models and settings every job shares.
    """

    def __init__(self, host: StandaloneHost) -> None:
        self.registry, self._models = standalone_registry(host), host.files.models
        self._executor = Executor(self.registry, MEETING)

    def plan(self, job: Job) -> Graph:
        """Check a job, and run nothing.

        Raises:
            GraphError, WorkflowError: it cannot be run.
            NodeFailed: a node would refuse it, whatever networks compute.
        """
        return self._checked(job)[1]

    def run(self, job: Job, on_event: Callable[[Event], None] = lambda event: None) -> RunResult:
        """Run a job.

        Args:
            job: to run.
            on_event: told of every node, in this thread.

        What its nodes refuse whatever networks compute they refuse before anything runs.

        Raises:
            GraphError, WorkflowError: it cannot be run; nothing was.
            NodeFailed: a node raised; what the nodes before it saved stays.
        """
        prompt, graph = self._checked(job)
        return self.run_prompt(prompt, job.places, on_event, checked=graph)

    def _checked(self, job: Job) -> tuple[Prompt, Graph]:
        """What is run of a job that nothing is wrong with, and that no node refuses."""
        with use_folders(job.places):
            prompt = self.prompt(job)
            graph = validate(prompt.nodes, self.registry)
        refused = self.refusal_of(prompt, graph, job.places)
        if refused is not None:
            raise refused
        return prompt, graph

    def refusal_of(self, prompt: Prompt, checked: Graph, folders: Folders) -> NodeFailed | None:
        """What a node will refuse whatever networks compute; None where nothing is known.

        Args:
            prompt: to run.
            checked: the graph that `validate` has given for it.
            folders: of what its nodes load.
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
        """Run what `prompt` gives; every output node of it saves, whatever ran before.

        Args:
            prompt: to run.
            folders: of what its nodes load and save.
            on_event: told of every node, in this thread.
            lean: hold nothing longer than this run needs it, for less memory.
            checked: the graph that `validate` has given for the prompt, where it was asked.

        Raises:
            GraphError: it cannot be run; nothing was.
            NodeFailed: a node raised; what the nodes before it saved stays.
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
        """Let go of models and results."""
        self._executor.forget()

    def prompt(self, job: Job) -> Prompt:
        """What of a workflow is run: inputs set, prompts drawn, names of files filled in."""
        return prompt_of(job.workflow, job.assignments, self.registry)


def named_files(texts: Iterable[str]) -> frozenset[Path]:
    """The files among texts that someone has set: whole paths of what is there."""
    return frozenset(plain_path(text) for text in texts if is_whole_path(text))


def _text(assignment: str) -> str:
    return assignment.partition("=")[2]


def standalone_registry(host: StandaloneHost) -> Registry:
    """Choose the host and collect the pack's and the stock nodes."""
    hosts.use(host)
    from ..hosts.standalone.stock import stock_nodes
    from ..nodes import all_nodes

    return Registry.from_nodes([*all_nodes(), *stock_nodes()], elsewhere=EQUIVALENTS)


def saved_files(event: Event, folders: Folders) -> list[str]:
    """Paths of the files that a node has saved."""
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
