"""Small nodes of every kind, and a bench that counts what they do."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import torch

from spacetime_video.graph.registry import Registry
from spacetime_video.hosts.standalone import io, ui


@dataclass
class Bench:
    """A registry of small nodes; `calls` holds (class, inputs) of every execution."""

    registry: Registry = field(default_factory=Registry)
    calls: list[tuple[str, dict]] = field(default_factory=list)

    def names(self) -> list[str]:
        return [name for name, _ in self.calls]


def _number(bench):
    class Number(io.ComfyNode):
        @classmethod
        def define_schema(cls):
            return io.Schema(
                node_id="Number",
                display_name="A Number",
                inputs=[
                    io.Int.Input("value", default=1, min=0, max=100),
                    io.Int.Input("seed", default=0, control_after_generate=True),
                    io.Combo.Input("unit", ["metre", "second"], default="metre"),
                ],
                outputs=[io.Int.Output(display_name="value"), io.String.Output()],
            )

        @classmethod
        def execute(cls, value, seed, unit):
            bench.calls.append(("Number", {"value": value}))
            return io.NodeOutput(value, unit)

    return Number


def _add(bench):
    class Add(io.ComfyNode):
        @classmethod
        def define_schema(cls):
            return io.Schema(
                node_id="Add",
                inputs=[
                    io.Int.Input("a", force_input=True),
                    io.Int.Input("b", force_input=True, optional=True),
                    io.Float.Input("scale", default=1.0, min=-10.0, max=10.0),
                ],
                outputs=[io.Int.Output()],
            )

        @classmethod
        def execute(cls, a, scale, b=0):
            bench.calls.append(("Add", {"a": a, "b": b, "scale": scale}))
            return (a + b + int(scale) - 1,)

    return Add


def _numbers(bench):
    class Numbers(io.ComfyNode):
        @classmethod
        def define_schema(cls):
            return io.Schema(
                node_id="Numbers",
                inputs=[io.Int.Input("count", default=3, min=0)],
                outputs=[io.Int.Output(is_output_list=True)],
            )

        @classmethod
        def execute(cls, count):
            bench.calls.append(("Numbers", {"count": count}))
            return io.NodeOutput(list(range(count)))

    return Numbers


def _total(bench):
    class Total(io.ComfyNode):
        @classmethod
        def define_schema(cls):
            return io.Schema(
                node_id="Total",
                is_input_list=True,
                inputs=[io.AnyType.Input("values"), io.Int.Input("start", default=0)],
                outputs=[io.Int.Output()],
            )

        @classmethod
        def execute(cls, values, start):
            bench.calls.append(("Total", {"values": values, "start": start}))
            return io.NodeOutput(sum(values) + start[0])

    return Total


def _show(bench):
    class Show(io.ComfyNode):
        @classmethod
        def define_schema(cls):
            return io.Schema(
                node_id="Show",
                display_name="Show Value",
                is_output_node=True,
                hidden=[io.Hidden.unique_id],
                inputs=[
                    io.AnyType.Input("value"),
                    io.String.Input("note", default="", multiline=True),
                    io.Boolean.Input("loud", default=False),
                ],
                outputs=[],
            )

        @classmethod
        def execute(cls, value, note, loud):
            hidden = cls.hidden
            bench.calls.append(("Show", {"value": value, "note": note, "hidden": hidden}))
            return io.NodeOutput(ui=ui.PreviewText(f"{note}{value}"))

    return Show


def _picture(bench):
    class Picture(io.ComfyNode):
        @classmethod
        def define_schema(cls):
            return io.Schema(
                node_id="Picture",
                inputs=[
                    io.Image.Input("image", optional=True),
                    io.Custom("OWN").Input("own", optional=True),
                    io.MultiType.Input("either", [io.Image, io.Mask], optional=True),
                ],
                outputs=[io.Image.Output(), io.Custom("OWN").Output(), io.Mask.Output()],
            )

        @classmethod
        def execute(cls, image=None, own=None, either=None):
            bench.calls.append(("Picture", {"image": image, "own": own}))
            return io.NodeOutput(torch.zeros(1, 2, 2, 3), "own", torch.zeros(1, 2, 2))

    return Picture


def _fail(bench):
    class Fail(io.ComfyNode):
        @classmethod
        def define_schema(cls):
            return io.Schema(
                node_id="Fail",
                display_name="Fail Always",
                inputs=[io.AnyType.Input("value")],
                outputs=[io.Int.Output()],
            )

        @classmethod
        def execute(cls, value):
            bench.calls.append(("Fail", {}))
            raise RuntimeError("sizes do not fit")

    return Fail


def _even(bench):
    class Even(io.ComfyNode):
        @classmethod
        def define_schema(cls):
            return io.Schema(
                node_id="Even",
                inputs=[io.Int.Input("value", max=4), io.Int.Input("other", optional=True)],
                outputs=[io.Int.Output()],
            )

        @classmethod
        def validate_inputs(cls, value):
            return value is None or value % 2 == 0 or f"{value} is odd"

        @classmethod
        def execute(cls, value, other=0):
            bench.calls.append(("Even", {"value": value}))
            return io.NodeOutput(value)

    return Even


MAKERS: list[Callable[[Bench], type]] = [
    _number,
    _add,
    _numbers,
    _total,
    _show,
    _picture,
    _fail,
    _even,
]


def new_bench() -> Bench:
    bench = Bench()
    bench.registry = Registry.from_nodes(make(bench) for make in MAKERS)
    return bench


@pytest.fixture
def bench() -> Bench:
    return new_bench()


@pytest.fixture(scope="session")
def make_bench() -> Callable[[], Bench]:
    """For tests that need a fresh bench per example."""
    return new_bench
