"""The node class and its schema: the subset of `comfy_api.v0_0_2.io` that the nodes use."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .sockets import Input, Output


class Hidden(StrEnum):
    """Values that a node can request in addition to its inputs; they arrive on `cls.hidden`."""

    unique_id = "UNIQUE_ID"
    prompt = "PROMPT"
    extra_pnginfo = "EXTRA_PNGINFO"


@dataclass(frozen=True, kw_only=True)
class HiddenHolder:
    """The hidden values of one call: node id, whole prompt, and metadata for saved files."""

    unique_id: str | None = None
    prompt: Mapping[str, Any] | None = None
    extra_pnginfo: Mapping[str, Any] | None = None


@dataclass
class Schema:
    """Definition of a node."""

    node_id: str
    display_name: str | None = None
    category: str = "sd"
    inputs: list[Input] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    hidden: list[Hidden] = field(default_factory=list)
    description: str = ""
    is_input_list: bool = False
    is_output_node: bool = False
    is_deprecated: bool = False
    is_experimental: bool = False
    not_idempotent: bool = False
    search_aliases: list[str] = field(default_factory=list)

    def validate(self) -> None:
        """Raise ValueError unless the ids of all inputs and outputs are unique."""
        ids = [socket.id for socket in (*self.inputs, *self.outputs)]
        twice = [name for name, count in Counter(ids).items() if count > 1]
        if twice:
            raise ValueError(
                f"{self.node_id}: input and output ids must be unique, but {twice} are repeated"
            )

    def finalize(self) -> None:
        """Name the outputs that have no id; give output nodes the prompt and the workflow."""
        if self.is_output_node:
            always = (Hidden.prompt, Hidden.extra_pnginfo)
            self.hidden = list(dict.fromkeys([*self.hidden, *always]))
        for index, output in enumerate(self.outputs):
            output.id = output.id or f"_{index}_{output.get_io_type()}_"


class UIOutput(ABC):
    """A node's UI output; `as_dict` returns it in the form that is sent to the editor."""

    @abstractmethod
    def as_dict(self) -> dict[str, Any]:
        """Return the UI dict, with a list or tuple under every key."""


class NodeOutput:
    """Results of a node in the order of its outputs, with its UI output in `ui`."""

    def __init__(
        self,
        *args: Any,
        ui: UIOutput | dict[str, Any] | None = None,
        expand: dict[str, Any] | None = None,
        block_execution: str | None = None,
    ) -> None:
        self.args = args
        self.ui = ui
        self.expand = expand
        self.block_execution = block_execution

    @property
    def result(self) -> tuple[Any, ...] | None:
        """The results, or None if there are none."""
        return self.args or None

    def __getitem__(self, index: int) -> Any:
        return self.args[index]


class ComfyNode:
    """Base of all nodes; subclasses override `define_schema` and `execute`.

    Optional class methods: `validate_inputs(**values) -> True | str` is called before the run
    (linked inputs are None); `fingerprint_inputs(**values)` makes the node run again when its
    result changes. Inputs named in `takes_streams` get frames as they come, a tensor or a
    `FrameStream`; all others get tensors.
    """

    takes_streams: frozenset[str] = frozenset()

    hidden: HiddenHolder = HiddenHolder()

    @classmethod
    @abstractmethod
    def define_schema(cls) -> Schema:
        """Return the node's schema."""

    @classmethod
    @abstractmethod
    def execute(cls, *args: Any, **kwargs: Any) -> NodeOutput:
        """Run the node on its inputs, which arrive by name."""

    @classmethod
    def GET_SCHEMA(cls) -> Schema:  # noqa: N802 (the host's name)
        """Return the finished schema.

        Raises:
            ValueError: two sockets of the schema share an id.
        """
        schema = cls.define_schema()
        schema.finalize()
        schema.validate()
        return schema


def with_hidden(node: type[ComfyNode], hidden: HiddenHolder) -> type[ComfyNode]:
    """Return a copy of a node class for one call, so that calls do not share `cls.hidden`."""
    copy = type(node.__name__, (node,), {"hidden": hidden, "__module__": node.__module__})
    copy.__qualname__ = node.__qualname__
    return copy


def own_method(node: type[ComfyNode], name: str) -> Callable[..., Any] | None:
    """Return a class method that the node's author defined, or None."""
    classes: Iterable[type] = node.__mro__[: node.__mro__.index(ComfyNode)]
    return getattr(node, name) if any(name in vars(base) for base in classes) else None
