"""A saved workflow as it will run: inputs set, prompts drawn, file names filled in."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..graph.assign import set_input
from ..graph.dynamic_prompts import resolve_prompts
from ..graph.moved_files import with_own_names
from ..graph.prefixes import fill_prefixes
from ..graph.schema import ComfyNode
from ..graph.workflow import is_ui_format, to_api
from ..graph.write_back import write_back


@dataclass(frozen=True)
class Prompt:
    """A workflow as it will run.

    Args:
        nodes: the nodes in API format.
        drawn: the editor's workflow with the inputs set; None if the workflow came in API format.
    """

    nodes: Mapping[str, Any]
    drawn: Mapping[str, Any] | None

    @property
    def extra_pnginfo(self) -> dict[str, Any]:
        """Metadata that saved files carry besides the nodes."""
        return {"workflow": self.drawn} if self.drawn else {}


def prompt_of(
    workflow: Mapping[str, Any],
    assignments: Sequence[str],
    registry: Mapping[str, type[ComfyNode]],
) -> Prompt:
    """Return a workflow as it will run.

    Args:
        workflow: as saved, in UI or API format.
        assignments: inputs to set, each ``Node.input=value``.
        registry: nodes of the host that will run it, node id -> class.

    Raises:
        WorkflowError: it is not a workflow, or an assignment does not fit it.
    """
    nodes, drawn = to_api(workflow, registry), None
    for assignment in assignments:
        nodes = set_input(nodes, assignment, registry)
    nodes = with_own_names(nodes, registry, logging.getLogger(__name__).warning)
    if is_ui_format(workflow):
        drawn = write_back(workflow, nodes, registry)
        nodes = resolve_prompts(nodes, registry)
    return Prompt(fill_prefixes(nodes, datetime.now()), drawn)
