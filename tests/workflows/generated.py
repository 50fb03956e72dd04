"""Graphs that users could wire: drawn from the nodes' own schemas, backwards from what is saved.

Every input gets a value within its schema's range, or a link to an output of its type; what makes
that output is any node of the host. Sizes and numbers of steps are small, and nothing is tuned to
what goes together, so that some graphs run and the others have to say why not.
"""

import random
from collections.abc import Callable
from typing import Any

from spacetime_video.graph.schema import Schema
from spacetime_video.graph.sockets import Combo, Input
from spacetime_video.graph.values import are_compatible, widget_of

SHARED = frozenset({"MODEL", "CLIP", "VAE"})
"""Types that mostly come from one node, as people wire them."""

ALWAYS_LINKED, OPTIONAL_GIVEN, REUSED, LINKED_NUMBER, USUAL = 0.9, 0.25, 0.4, 0.03, 0.98
"""Chances of what an input is fed by; numbers, texts and choices mostly have their defaults."""

RICH = 4
"""Nodes that need so many others, or more, are as likely as each other, and the likeliest."""

RARE = {
    **dict.fromkeys(("SpacetimeAppendConditioning", "SpacetimePromptsPerClip"), 0.2),
    **dict.fromkeys(("SpacetimePlotControl", "SpacetimeMeasureVideo", "SpacetimeTwoExperts"), 0.5),
}
"""Weights of nodes that need partners which chance seldom gives them."""

SPINE = {"VIDEO": {"IMAGE", "LATENT"}, "IMAGE": {"LATENT"}, "LATENT": {"SIGMAS", "SAMPLER"}}
"""What the first node that makes a type has to take, so that a video is sampled."""

NUMBERS: dict[str, list[Any]] = {
    "width": [32, 32, 48],
    "height": [32, 32, 32],
    "frames": [5, 5, 9, 13],
    "length": [1, 5, 9],
    "batch_size": [1, 1, 2],
    "amount": [1, 2],
    "steps": [1, 2, 3],
    "original_steps": [8],
    "start_at_step": [0, 0, 1],
    "end_at_step": [10000, 2],
    "step": [0, 1, 2],
    "stop_after": [1, 1, 2],
    "fps": [8.0, 8.0, 8.0, 12.0],
    "new_fps": [0.0, 4.0, 12.0],
    "time": [0.0, 0.25, 0.5],
    "context": [1, 5],
    "chunk": [13, 17],
    "context_length": [5, 9, 13],
    "context_overlap": [1, 4],
    "branches": [1, 2],
    "clips": [2],
    "left": [0, 16],
    "right": [0, 16],
    "top": [0, 16],
    "bottom": [0, 16],
    "cfg": [1.0, 3.0],
    "guidance": [1.0, 3.0],
    "crf": [18.0],
    "tile": [0, 0, 256],
    "scale": [1.0],
    "denoise": [1.0, 0.5],
    "strength": [1.0, 0.5, 0.0],
}
"""Values of inputs by their ids, tiny where work goes with them; as far as the range allows."""

TEXTS = {
    "text": ["a red sphere moves left at day"],
    "levels": ["1, 0.75, 0.5, 0", "0.9, 0"],
    "seeds": ["", "1: 7"],
    "blocks": ["", "0"],
    "labels": ["", "one\ntwo"],
    "joins": ["", "4"],
    "filename_prefix": ["clip", "clips/%date:yyyy%/a"],
}


class Drawing:
    """Draws graphs in API format.

    Args:
        schemas: of the host's nodes, by their ids.
        dice: chooses everything.
        fixed: values of choices by the ids of inputs, such as the files of weights to use.
        most: nodes of a graph, from which on the shortest ways are taken.
        samples: whether what is saved comes from a sampler, however else it is made.
    """

    def __init__(
        self,
        schemas: dict[str, Schema],
        dice: random.Random,
        fixed: dict[str, str],
        *,
        most: int,
        samples: bool,
    ) -> None:
        self._spine = dict(SPINE) if samples else {}
        self._schemas, self._dice, self._fixed, self._most = schemas, dice, fixed, most
        self._costs = shortest_ways(schemas)
        self.nodes: dict[str, dict[str, Any]] = {}

    def add(self, kind: str) -> str:
        """Add a node of a kind with all that it needs; its id."""
        inputs: dict[str, Any] = {}
        for spec in self._schemas[kind].inputs:
            value = self._input(spec)
            if value is not None:
                inputs[spec.id] = value
        key = str(len(self.nodes) + 1)
        self.nodes[key] = {"class_type": kind, "inputs": inputs}
        return key

    def _input(self, spec: Input) -> Any:
        is_shared = spec.get_io_type() in SHARED
        given = not spec.optional or is_shared or self._dice.random() < OPTIONAL_GIVEN
        if not given or (spec.optional and self._is_long() and not is_shared):
            return None
        widget = widget_of(spec)
        if widget is None:
            return self._link(spec.get_io_type(), spec.id)
        kind = spec.get_io_type()
        there = self._outputs(kind) if kind in ("INT", "FLOAT") else []
        if there and self._dice.random() < LINKED_NUMBER:
            return list(self._dice.choice(there))
        return self._value(spec.id, widget)

    def _value(self, name: str, widget: Any) -> Any:
        if isinstance(widget, Combo.Input) and name in self._fixed:
            return self._fixed[name]
        kind, default = widget.get_io_type(), widget.default
        varied = name in NUMBERS or "seed" in name or kind == "STRING"
        if default is not None and not varied and self._dice.random() < USUAL:
            return default
        if isinstance(widget, Combo.Input):
            return self._dice.choice(widget.options)
        if kind == "BOOLEAN":
            return self._dice.random() < 0.5
        if kind == "STRING":
            return default or self._dice.choice(TEXTS.get(name, [""]))
        least = widget.min if widget.min is not None else 0
        most = widget.max if widget.max is not None else least + 4
        if name in NUMBERS:
            value = self._dice.choice(NUMBERS[name])
        elif "seed" in name:
            value = self._dice.randrange(1000)
        else:
            value = self._dice.choice([least, least + 1])
        value = min(max(value, least), most)
        if kind == "FLOAT":
            return float(value)
        return least + (int(value) - least) // (widget.step or 1) * (widget.step or 1)

    def _link(self, kind: str, name: str) -> list[Any]:
        """An output of a type, of a node that is there or of a new one."""
        if kind == "STRING":  # of texts for which there is a socket alone, the kind is the name
            return self._text(name)
        through = self._spine.pop(kind, None)
        there = [] if through else self._outputs(kind)
        chance = ALWAYS_LINKED if kind in SHARED else REUSED
        if there and (self._is_long() or self._dice.random() < chance):
            return list(self._dice.choice(there))
        makers = [name for name in self._costs if gives(self._schemas[name], kind)]
        if through:
            makers = [name for name in makers if takes(self._schemas[name], through)]
        elif self._is_long():
            least = min(self._costs[name] for name in makers)
            makers = [name for name in makers if self._costs[name] == least]
        weights = [RARE.get(each, min(self._costs[each], RICH)) for each in makers]
        (maker,) = self._dice.choices(makers, weights)
        return self._made(maker, lambda output: are_compatible(output.get_io_type(), kind))

    def _text(self, name: str) -> list[Any]:
        """A text that is called as the input is, such as tracks."""
        makers = [
            each
            for each in self._costs
            if any(output.display_name == name for output in self._schemas[each].outputs)
        ]
        least = min(self._costs[each] for each in makers)
        short = [each for each in makers if self._costs[each] == least]
        maker = self._dice.choice(short if self._is_long() else makers)
        return self._made(maker, lambda output: output.display_name == name)

    def _made(self, maker: str, fits: Callable[[Any], bool]) -> list[Any]:
        key = self.add(maker)
        outputs = enumerate(self._schemas[maker].outputs)
        return [key, self._dice.choice([slot for slot, output in outputs if fits(output)])]

    def _outputs(self, kind: str) -> list[tuple[str, int]]:
        return [
            (key, slot)
            for key, node in self.nodes.items()
            for slot, output in enumerate(self._schemas[node["class_type"]].outputs)
            if are_compatible(output.get_io_type(), kind)
        ]

    def _is_long(self) -> bool:
        return len(self.nodes) >= self._most


def gives(schema: Schema, kind: str) -> bool:
    """Whether a node has an output of a type."""
    return any(are_compatible(output.get_io_type(), kind) for output in schema.outputs)


def takes(schema: Schema, kinds: set[str]) -> bool:
    """Whether a node has an input of one of some types that it cannot do without."""
    return any(spec.get_io_type() in kinds for spec in schema.inputs if not spec.optional)


def shortest_ways(schemas: dict[str, Schema]) -> dict[str, int]:
    """The fewest nodes with which a node can be fed, itself among them, of those that can."""
    costs: dict[str, int] = {}
    while True:
        found = {name: _cost(schema, schemas, costs) for name, schema in schemas.items()}
        found = {name: cost for name, cost in found.items() if cost}
        if found == costs:
            return costs
        costs = found


def _cost(schema: Schema, schemas: dict[str, Schema], costs: dict[str, int]) -> int:
    """Of a node by what is known of others; 0 where nothing can feed it, or it has no choice."""
    total = 1
    for spec in schema.inputs:
        widget = widget_of(spec)
        if spec.optional:
            continue
        if isinstance(widget, Combo.Input) and not widget.options:
            return 0
        if widget is None:
            makers = [costs[name] for name in costs if gives(schemas[name], spec.get_io_type())]
            if not makers:
                return 0
            total += min(makers)
    return total
