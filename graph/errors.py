"""Errors raised when a workflow cannot be read, fails its checks, or fails while it runs."""

from collections.abc import Mapping, Sequence

from ..media import shown
from ..media.names import some_of

LISTED = 20
"""Maximum number of problems or names that a message lists."""


class WorkflowError(ValueError):
    """The file is not a workflow, or the workflow cannot be converted to a prompt."""


class GraphError(ValueError):
    """The prompt cannot run; `problems` lists everything that is wrong with it."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        count = f"{len(problems)} problems" if len(problems) > 1 else "1 problem"
        lines = "".join(f"\n- {problem}" for problem in problems[:LISTED])
        more = f"\n- and {len(problems) - LISTED} more" if len(problems) > LISTED else ""
        super().__init__(f"the workflow has {count}; nothing was run:{lines}{more}")


class NodeFailed(RuntimeError):  # noqa: N818 (says what happened, as KeyboardInterrupt does)
    """A node raised an exception: `cause`. `inputs` describes the inputs it was called with."""

    def __init__(
        self, node_id: str, title: str, class_type: str, cause: Exception, inputs: Mapping[str, str]
    ) -> None:
        self.node_id = node_id
        self.title = title
        self.class_type = class_type
        self.cause = cause
        self.inputs = dict(inputs)
        super().__init__(f"{node_label(node_id, title, class_type)} failed: {_reason(cause)}")

    @property
    def given(self) -> str:
        """The inputs that the node was called with, one line each, for debugging."""
        lines = "".join(f"\n  {name}: {value}" for name, value in self.inputs.items())
        return f"inputs of {self.class_type}:{lines or ' none'}"


def _reason(cause: Exception) -> str:
    """An error's message, with its type in front unless it was written for users."""
    meant = isinstance(cause, ValueError | OSError | NodeFailed) and str(cause)
    return str(cause) if meant else f"{type(cause).__name__}: {cause}"


def node_label(node_id: str, title: str, class_type: str) -> str:
    """Return a node's name for messages: `"Sample" (#7, SpacetimeSample)`."""
    return f'"{shown(title)}" (#{shown(node_id)}, {shown(class_type)})'


def listed(names: Sequence[str], most: int = LISTED) -> str:
    """Join names for a message: the first `most` and the number of the rest."""
    return some_of(names, most)
