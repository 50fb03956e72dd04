"""The reasons why a workflow cannot be read, checked or run to its end."""

from collections.abc import Mapping, Sequence

from ..media import shown
from ..media.names import some_of

LISTED = 20
"""Of many problems or names, those that a message spells out."""


class WorkflowError(ValueError):
    """A file that holds no workflow, or a workflow that cannot be turned into a prompt."""


class GraphError(ValueError):
    """A prompt that cannot run; `problems` lists everything that is wrong with it."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        count = f"{len(problems)} problems" if len(problems) > 1 else "1 problem"
        lines = "".join(f"\n- {problem}" for problem in problems[:LISTED])
        more = f"\n- and {len(problems) - LISTED} more" if len(problems) > LISTED else ""
        super().__init__(f"the workflow has {count}; nothing was run:{lines}{more}")


class NodeFailed(RuntimeError):  # noqa: N818 (says what happened, as KeyboardInterrupt does)
    """A node that raised; `cause` is its exception, `inputs` describes what it was given."""

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
        """What the node was given, a line for each input; for those who look for the cause."""
        lines = "".join(f"\n  {name}: {value}" for name, value in self.inputs.items())
        return f"inputs of {self.class_type}:{lines or ' none'}"


def _reason(cause: Exception) -> str:
    """What an error says; of one that was not meant for people, its kind as well."""
    meant = isinstance(cause, ValueError | OSError | NodeFailed) and str(cause)
    return str(cause) if meant else f"{type(cause).__name__}: {cause}"


def node_label(node_id: str, title: str, class_type: str) -> str:
    """Return how messages name a node: `"Sample" (#7, SpacetimeSample)`."""
    return f'"{shown(title)}" (#{shown(node_id)}, {shown(class_type)})'


def listed(names: Sequence[str], most: int = LISTED) -> str:
    """Return names for a message, a few of them and the number of the rest."""
    return some_of(names, most)
