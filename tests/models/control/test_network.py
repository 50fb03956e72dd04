"""Control branches beside the transformer."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from spacetime_video.models.control.config import ControlConfig
from spacetime_video.models.control.network import (
    DilatedBranch,
    ResidualBranch,
    build_control,
    initialise,
)
from spacetime_video.models.dit.config import DiTConfig
from spacetime_video.models.dit.network import VideoDiT
from spacetime_video.models.hooks import BlockHooks
from spacetime_video.models.patchify import patchify, unpatchify
from spacetime_video.samplers.control import BoundControl, HintState

BASE = DiTConfig(
    dim=24,
    heads=2,
    ffn_dim=32,
    layers=4,
    in_channels=4,
    out_channels=4,
    text_dim=16,
    text_length=6,
    freq_dim=16,
    conditions=("fps", "loop"),
)
RESIDUAL = ControlConfig(
    design="residual",
    after=(0, 2),
    base_dim=24,
    dim=24,
    heads=2,
    ffn_dim=32,
    hint_channels=5,
    latent_channels=4,
)
DILATED = ControlConfig(
    design="dilated",
    after=(0, 1, 3),
    base_dim=24,
    dim=12,
    heads=1,
    ffn_dim=16,
    hint_channels=4,
    latent_channels=4,
    text_dim=16,
    text_length=6,
    freq_dim=16,
    conditions=("fps",),
)
TOLD = replace(DILATED, conditions=(), levels="base")
BOTH = pytest.mark.parametrize(
    "config", [RESIDUAL, DILATED, TOLD], ids=["residual", "dilated", "told by the base"]
)
SIGMA = torch.tensor([0.6], dtype=torch.float64)

Run = Callable[..., Tensor]


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).double()


def randomised(module: torch.nn.Module) -> None:
    g = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in module.parameters():
            weight.copy_(torch.randn(weight.shape, generator=g) * 0.2)


@pytest.fixture(scope="module")
def base() -> VideoDiT:
    network = VideoDiT(BASE).double()
    randomised(network)
    return network.requires_grad_(False)


def branch(config: ControlConfig) -> ResidualBranch | DilatedBranch:
    network = build_control(config).double()
    randomised(network)
    return network


def bound(
    base: VideoDiT, network: ResidualBranch | DilatedBranch, hint: Tensor, text: Tensor, **options
) -> BoundControl:
    given = {"factor": 1.0, "blocks": (1.0,) * network.control.layers, **options}
    contexts = [network.prepare(text, base.embed_text)]
    return BoundControl(network, contexts, HintState(hint, given.pop("weights", None)), **given)


def steered(base: VideoDiT, control: BoundControl | None, x: Tensor, text: Tensor, **options):
    hooks = BlockHooks() if control is None else BlockHooks(branches=(control,))
    return base(x, SIGMA, [base.prepare(text)], hooks=hooks, **options)


@BOTH
@torch.no_grad()
def test_a_fresh_branch_changes_nothing(base: VideoDiT, config: ControlConfig) -> None:
    x, text, hint = noise(1, 4, 3, 4, 6), noise(1, 5, 16), noise(1, config.hint_channels, 3, 4, 6)
    network = build_control(config)
    initialise(network, torch.Generator().manual_seed(3))
    plain = steered(base, None, x, text)
    fresh = bound(base, network.double(), hint, text)
    assert torch.equal(steered(base, fresh, x, text), plain)
    random = bound(base, branch(config), hint, text)
    assert float((steered(base, random, x, text) - plain).abs().max()) > 1e-2


@BOTH
@torch.no_grad()
def test_a_hint_is_followed_where_it_is(base: VideoDiT, config: ControlConfig) -> None:
    """Another hint gives another clip, and so do another prompt and another state."""
    x, text = noise(1, 4, 2, 4, 4), noise(1, 5, 16)
    hint, other = (noise(1, config.hint_channels, 2, 4, 4, seed=seed) for seed in (1, 2))
    network = branch(config)

    def residuals(hint: Tensor, text: Tensor, x: Tensor, fps: float) -> Tensor:
        found = []
        control = bound(base, network, hint, text)

        def watch(inside):
            made = list(control(inside))
            found.extend(each for _, each in made)
            return made

        conditions = {"fps": torch.tensor([fps])}
        hooks = BlockHooks(branches=(watch,))
        base(x, SIGMA, [base.prepare(text)], hooks=hooks, conditions=conditions)
        return torch.stack(found)

    plain = residuals(hint, text, x, 16.0)
    assert plain.shape == (config.layers, 1, 8, 24)
    changed = {
        "hint": residuals(other, text, x, 16.0),
        "text": residuals(hint, noise(1, 5, 16, seed=4), x, 16.0),
        "state": residuals(hint, text, noise(1, 4, 2, 4, 4, seed=5), 16.0),
        "rate": residuals(hint, text, x, 24.0),
    }
    same = [what for what, made in changed.items() if torch.allclose(made, plain, atol=1e-4)]
    assert not same


@torch.no_grad()
def test_a_branch_that_is_told_by_the_base_knows_what_that_knows(base: VideoDiT) -> None:
    """The rate and the loop flag, which only the base embeds, of each of several packed clips."""
    x, text, hint = noise(1, 4, 2, 4, 4), noise(1, 5, 16), noise(1, 4, 2, 4, 4)
    tokens, hints = patchify([x, x]), patchify([hint, hint])

    def residuals(config: ControlConfig, **conditions: float) -> Tensor:
        control, found = bound(base, branch(config), hints.values, text), []

        def watch(inside):
            found.extend(each for _, each in control(inside))
            return ()

        told = {name: torch.tensor([[0.0, value]]) for name, value in conditions.items()}
        options = {"layout": tokens.layout, "conditions": told}
        base(
            tokens.values,
            SIGMA,
            [base.prepare(text)],
            hooks=BlockHooks(branches=(watch,)),
            **options,
        )
        return torch.stack(found)

    for name in ("fps", "loop"):
        plain, other = (residuals(TOLD, **{name: value}) for value in (0.0, 1.0))
        assert torch.equal(plain[:, :, :8], other[:, :, :8])
        assert not torch.allclose(plain[:, :, 8:], other[:, :, 8:], atol=1e-4)
    deaf = replace(DILATED, conditions=())
    assert torch.equal(residuals(deaf, loop=0.0), residuals(deaf, loop=1.0))


@BOTH
@torch.no_grad()
def test_strength_is_linear_at_first_order(base: VideoDiT, config: ControlConfig) -> None:
    x, text, hint = noise(1, 4, 3, 4, 4), noise(1, 5, 16), noise(1, config.hint_channels, 3, 4, 4)
    network, plain = branch(config), steered(base, None, x, text)

    def change(factor: float) -> Tensor:
        return steered(base, bound(base, network, hint, text, factor=factor), x, text) - plain

    small, half = change(1e-3), change(5e-4)
    assert float((small - 2 * half).norm() / small.norm()) < 1e-2
    assert float((change(2.0) - 2 * change(1.0)).norm() / change(2.0).norm()) > 1e-2


@BOTH
@torch.no_grad()
def test_weights_of_blocks_and_places(base: VideoDiT, config: ControlConfig) -> None:
    x, text, hint = noise(1, 4, 2, 4, 4), noise(1, 5, 16), noise(1, config.hint_channels, 2, 4, 4)
    network = branch(config)

    def run(**options) -> Tensor:
        return steered(base, bound(base, network, hint, text, **options), x, text)

    whole, plain = run(), steered(base, None, x, text)
    ones = torch.ones(1, 2, 4, 4).double()
    assert torch.equal(run(weights=ones), whole)
    assert torch.equal(run(weights=ones * 0), plain)
    assert torch.equal(run(weights=ones * 0.5), run(factor=0.5))
    none = (0.0,) * config.layers
    assert torch.equal(run(blocks=none), plain)
    first = run(blocks=(1.0, *none[1:]))
    assert not torch.allclose(first, whole)
    assert not torch.allclose(first, plain)
    half = ones.clone()
    half[:, 1] = 0
    only = bound(base, network, hint, text, weights=half)
    hooks = BlockHooks(branches=(only,))
    seen = []

    def watch(inside):
        made = list(only(inside))
        seen.extend(each for _, each in made)
        return made

    base(x, SIGMA, [base.prepare(text)], hooks=replace(hooks, branches=(watch,)))
    assert all(not bool(each[:, 4:].any()) and bool(each[:, :4].all()) for each in seen)


@BOTH
@torch.no_grad()
def test_packed_clips_are_steered_as_alone(base: VideoDiT, config: ControlConfig) -> None:
    sizes, text = ((2, 4, 4), (3, 2, 6)), noise(1, 5, 16)
    clips = [noise(1, 4, *size, seed=n) for n, size in enumerate(sizes)]
    hints = [noise(1, config.hint_channels, *size, seed=9 + n) for n, size in enumerate(sizes)]
    network = branch(config)
    alone = [
        steered(base, bound(base, network, hint, text), x, text)
        for x, hint in zip(clips, hints, strict=True)
    ]
    tokens = patchify(clips)
    control = bound(base, network, patchify(hints).values, text)
    values = steered(base, control, tokens.values, text, layout=tokens.layout)
    for made, wanted in zip(unpatchify(tokens.with_values(values)), alone, strict=True):
        torch.testing.assert_close(made, wanted, atol=1e-5, rtol=1e-5)


@BOTH
@torch.no_grad()
def test_a_loop_may_begin_anywhere(base: VideoDiT, config: ControlConfig) -> None:
    x, text, hint = noise(1, 4, 5, 4, 4), noise(1, 5, 16), noise(1, config.hint_channels, 5, 4, 4)
    network = branch(config)
    whole = steered(base, bound(base, network, hint, text), x, text, loop=True)
    rolled = bound(base, network, hint.roll(2, 2), text)
    made = steered(base, rolled, x.roll(2, 2), text, loop=True)
    torch.testing.assert_close(made, whole.roll(2, 2), atol=1e-4, rtol=1e-4)


@BOTH
def test_only_the_branch_gets_gradients(base: VideoDiT, config: ControlConfig) -> None:
    x, text, hint = noise(1, 4, 2, 4, 4), noise(1, 5, 16), noise(1, config.hint_channels, 2, 4, 4)
    network = branch(config)
    conditions = {"fps": torch.tensor([16.0])}
    made = steered(base, bound(base, network, hint, text), x, text, conditions=conditions)
    made.square().mean().backward()
    assert all(weight.grad is None for weight in base.parameters())
    untouched = [
        name
        for name, weight in network.named_parameters()
        if weight.grad is None or not bool(weight.grad.any())
    ]
    assert untouched == []


def test_another_base_is_refused_with_all_that_differs() -> None:
    with pytest.raises(ValueError, match=r"belongs to another model.*inputs fps.*has none"):
        DILATED.check_base(replace(BASE, conditions=()))
    other = replace(BASE, dim=48, layers=2, out_channels=16)
    with pytest.raises(
        ValueError, match=r"a width of 24 \(the model has 48\).*latent channels of 4"
    ):
        RESIDUAL.check_base(other)
    with pytest.raises(ValueError, match=r"4 blocks \(the model has 2\)"):
        DILATED.check_base(replace(BASE, layers=2))
    RESIDUAL.check_base(BASE)
    DILATED.check_base(BASE)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"after": ()}, "at least one block number"),
        ({"after": (2, 1)}, "ascending"),
        ({"design": "union"}, "residual or dilated"),
        ({"base_dim": 48}, "widths must be equal"),
        ({"levels": "none"}, "own or base"),
        ({"levels": "base"}, "for a dilated branch"),
    ],
)
def test_sizes_that_contradict_each_other_are_refused(change, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        replace(RESIDUAL, **change)
