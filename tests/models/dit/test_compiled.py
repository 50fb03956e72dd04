"""The network compiles as one graph, which gives what the plain network gives."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._dynamo.utils import counters

from spacetime_video.models.attention import attend
from spacetime_video.models.control.config import ControlConfig
from spacetime_video.models.control.network import build_control
from spacetime_video.models.dit.conditioning import frame_levels, gather_levels
from spacetime_video.models.dit.config import DiTConfig
from spacetime_video.models.dit.network import VideoDiT
from spacetime_video.models.hooks import BlockHooks
from spacetime_video.models.patchify import grid_layout, patchify
from spacetime_video.models.shapes import LatentShape
from spacetime_video.samplers.control import BoundControl, HintState
from spacetime_video.samplers.guidance.nag import AttentionGuidance, cross_attend_against

SIZES: dict[str, Any] = {"dim": 24, "ffn_dim": 48, "text_dim": 16, "text_length": 12}
SIZES |= {"freq_dim": 16, "heads": 2}


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def random_weights(network: torch.nn.Module) -> Any:
    for number, weight in enumerate(network.parameters()):
        weight.requires_grad_(False).copy_(0.2 * noise(*weight.shape, seed=number))
    return network.eval()


@pytest.fixture(scope="module")
def network() -> VideoDiT:
    config = DiTConfig(in_channels=4, out_channels=4, layers=2, conditions=("fps",), **SIZES)
    return random_weights(VideoDiT(config))


@pytest.fixture
def compiled(network: VideoDiT) -> Iterator[Callable[..., Any]]:
    torch._dynamo.reset()
    counters.clear()
    yield torch.compile(network, backend="eager", fullgraph=True)
    torch._dynamo.reset()


def text(network: VideoDiT, seed: int = 0) -> Any:
    return network.prepare(noise(1, 5, 16, seed=seed))


def latent(network: VideoDiT) -> tuple[tuple[Any, ...], dict[str, Any]]:
    given = {"loop": True, "conditions": {"fps": torch.tensor([8.0])}}
    return (noise(1, 4, 3, 8, 6), torch.tensor([0.5]), [text(network)]), given


def level_per_place(network: VideoDiT) -> tuple[tuple[Any, ...], dict[str, Any]]:
    levels = torch.tensor([0.0, 0.5, 0.7])[None, :, None, None].expand(1, 3, 8, 6)
    return (noise(1, 4, 3, 8, 6), levels, [text(network)]), {}


def level_per_frame(network: VideoDiT) -> tuple[tuple[Any, ...], dict[str, Any]]:
    arguments, given = level_per_place(network)
    return (arguments[0], frame_levels(arguments[1]), arguments[2]), given


def packed(network: VideoDiT) -> tuple[tuple[Any, ...], dict[str, Any]]:
    tokens = patchify([noise(1, 4, 3, 4, 6), noise(1, 4, 1, 8, 8)])
    given = {"layout": tokens.layout, "conditions": {"fps": torch.tensor([[8.0, 24.0]])}}
    return (tokens.values, torch.tensor([0.5]), [text(network), text(network, 1)]), given


def hooks(network: VideoDiT) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Everything that may be changed at the blocks."""
    shape = noise(1, 4, 3, 8, 6)
    changes = BlockHooks(
        residuals={1: noise(1, 36, 24), 0: noise(1, 36, 24, seed=1)},
        branches=tuple(_branch(network, design) for design in ("dilated", "residual")),
        around=lambda number, x, block: x if number == 7 else 1.5 * block(x),
        cross_attend=cross_attend_against([text(network, 2)], AttentionGuidance(), attend),
    )
    return (shape, torch.tensor([0.5]), [text(network)]), {"hooks": changes}


def _branch(network: VideoDiT, design: str) -> BoundControl:
    sizes = SIZES if design == "residual" else {**SIZES, "dim": 12, "ffn_dim": 24}
    config = ControlConfig(
        design=design, after=(0, 1), base_dim=24, latent_channels=4, hint_channels=4, **sizes
    )
    branch = random_weights(build_control(config))
    prompt = branch.prepare(noise(1, 5, 16), network.embed_text)
    hint = HintState(noise(1, 4, 3, 8, 6, seed=3), noise(1, 3, 8, 6, seed=4).abs())
    return BoundControl(branch, (prompt,), hint, 0.5, (1.0, 0.7))


@pytest.mark.parametrize("call", [latent, level_per_place, level_per_frame, packed, hooks])
def test_one_graph(
    network: VideoDiT,
    compiled: Callable[..., Any],
    call: Callable[[VideoDiT], tuple[tuple[Any, ...], dict[str, Any]]],
) -> None:
    arguments, given = call(network)
    with torch.inference_mode():
        torch.testing.assert_close(compiled(*arguments, **given), network(*arguments, **given))
    assert counters["stats"]["unique_graphs"] == 1


def test_only_shapes_are_compiled_again(network: VideoDiT, compiled: Callable[..., Any]) -> None:
    def graphs(level: float, frames: int) -> int:
        x, sigma = noise(1, 4, frames, 4, 4), torch.tensor([level])
        with torch.inference_mode():
            torch.testing.assert_close(
                compiled(x, sigma, [text(network)]), network(x, sigma, [text(network)])
            )
        return counters["stats"]["unique_graphs"]

    assert [graphs(0.5, 3), graphs(0.7, 3)] == [1, 1]
    assert [graphs(0.5, 5), graphs(0.7, 7), graphs(0.5, 3)] == [2, 2, 2]


def test_a_graph_embeds_a_level_once_for_each_frame() -> None:
    layout = grid_layout(LatentShape(3, 4, 3))
    levels = torch.tensor([[[0.0], [0.5], [0.5]]])
    gathered = torch.compile(gather_levels, backend="eager", fullgraph=True)(levels, layout, {}, 1)
    assert gathered.sigma.tolist() == [0.0, 0.5, 0.5]
    assert torch.equal(gathered.sigma[gathered.index], levels[:, :, 0].repeat_interleave(12, 1))


def test_gradients_and_a_compilers_own_tracing(network: VideoDiT) -> None:
    """What follows a graph's making, down to its kernels, needs the same."""
    torch._dynamo.reset()
    compiled = torch.compile(network, backend="aot_eager", fullgraph=True)
    arguments, given = level_per_place(network)
    made = []
    for run in (network, compiled):
        x = arguments[0].clone().requires_grad_()
        run(x, *arguments[1:], **given).square().sum().backward()
        made.append(x.grad)
    torch.testing.assert_close(made[1], made[0], rtol=1e-4, atol=1e-4)
    torch._dynamo.reset()
