"""Changed weights: merged and live agree, and the network they came from stays as it was."""

import pytest
import torch
from torch import Tensor, nn

from spacetime_video.models.lora import LiveLinear, LowRank, WeightDelta, patched


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(6, 8)
        self.blocks = nn.ModuleList([nn.Linear(8, 8), nn.LayerNorm(8)])
        self.conv = nn.Conv3d(8, 4, (1, 2, 2))

    def forward(self, x: Tensor) -> Tensor:
        h = self.blocks[1](self.blocks[0](self.first(x)))  # (B, 8)
        return self.conv(h[:, :, None, None, None].expand(-1, -1, 1, 2, 2)).flatten(1)


@pytest.fixture
def net() -> Net:
    torch.manual_seed(0)
    return Net().double().requires_grad_(False)


PATCHES = {
    "first.weight": WeightDelta(low_rank=LowRank(normal(2, 6), normal(8, 2, seed=1), 0.5)),
    "first.bias": WeightDelta(full=normal(8, seed=2)),
    "blocks.0.weight": WeightDelta(low_rank=LowRank(normal(3, 8, seed=3), normal(8, 3, seed=4))),
    "blocks.1.weight": WeightDelta(full=normal(8, seed=5)),
    "conv.weight": WeightDelta(
        low_rank=LowRank(normal(2, 8, 1, 2, 2, seed=6), normal(4, 2, 1, 1, 1, seed=7))
    ),
}
X = normal(5, 6, seed=9)


def by_hand(net: Net, strength: float) -> dict[str, Tensor]:
    state = {name: value.clone() for name, value in net.state_dict().items()}
    state["first.weight"] += strength * 0.5 * normal(8, 2, seed=1) @ normal(2, 6)
    state["first.bias"] += strength * normal(8, seed=2)
    state["blocks.0.weight"] += strength * normal(8, 3, seed=4) @ normal(3, 8, seed=3)
    state["blocks.1.weight"] += strength * normal(8, seed=5)
    kernel = torch.einsum("or,rithw->oithw", normal(4, 2, seed=7), normal(2, 8, 1, 2, 2, seed=6))
    state["conv.weight"] += strength * kernel.reshape(4, 8, 1, 2, 2)
    return state


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("strength", [1.0, -0.7, 2.5])
def test_changes_are_those_by_hand(net: Net, strength: float, live: bool) -> None:
    other = Net().double()
    other.load_state_dict(by_hand(net, strength))
    found = patched(net, PATCHES, strength, live=live)(X)
    torch.testing.assert_close(found, other(X), rtol=1e-5, atol=1e-5)
    assert not torch.allclose(found, net(X))


def test_the_original_stays_and_shares_what_is_unchanged(net: Net) -> None:
    before, result = {k: v.clone() for k, v in net.state_dict().items()}, net(X)
    twin = patched(net, PATCHES, 1.0)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert torch.equal(net(X), result)
    assert twin.conv.bias is net.conv.bias
    assert twin.blocks[0].bias is net.blocks[0].bias
    assert twin.first.weight is not net.first.weight


def test_strength_zero_is_the_network_itself(net: Net) -> None:
    assert patched(net, PATCHES, 0.0) is net
    assert patched(net, {}, 1.0) is net


def test_live_layers_copy_no_weight(net: Net) -> None:
    twin = patched(net, PATCHES, 1.0, live=True)
    layer = twin.blocks[0]
    assert isinstance(layer, LiveLinear)
    assert layer.weight is net.blocks[0].weight


@pytest.mark.parametrize("live", [False, True])
def test_several_loras_add_up(net: Net, live: bool) -> None:
    low_rank = {k: p for k, p in PATCHES.items() if p.low_rank is not None}
    twice = patched(patched(net, low_rank, 0.4, live=live), low_rank, 0.6, live=live)
    torch.testing.assert_close(twice(X), patched(net, low_rank, 1.0)(X), rtol=1e-5, atol=1e-5)


def test_a_merge_reaches_the_weight_under_a_live_layer(net: Net) -> None:
    low_rank = {"blocks.0.weight": PATCHES["blocks.0.weight"]}
    full = {"blocks.0.weight": WeightDelta(full=normal(8, 8, seed=11))}
    mixed = patched(patched(net, low_rank, 1.0, live=True), full, 1.0)
    plain = patched(patched(net, full, 1.0), low_rank, 1.0)
    torch.testing.assert_close(mixed(X), plain(X), rtol=1e-5, atol=1e-5)
    assert torch.equal(net.blocks[0].weight, Net.state_dict(net)["blocks.0.weight"])


@pytest.mark.parametrize("shape", [(8, 1), (1, 6)])
def test_magnitudes_set_the_lengths_of_rows_or_columns(net: Net, shape: tuple[int, int]) -> None:
    length = normal(*shape, seed=12).abs() + 0.5
    low_rank = LowRank(normal(2, 6), normal(8, 2, seed=1), 1.0, length)
    twin = patched(net, {"first.weight": WeightDelta(low_rank=low_rank)}, 1.0, live=True)
    axis = 1 if shape[1] == 1 else 0
    norms = twin.first.weight.norm(dim=axis, keepdim=True)
    torch.testing.assert_close(norms, length, rtol=1e-5, atol=1e-5)
    direction = net.first.weight + normal(8, 2, seed=1) @ normal(2, 6)
    expected = direction / direction.norm(dim=axis, keepdim=True) * length
    torch.testing.assert_close(twin.first.weight, expected, rtol=1e-5, atol=1e-5)


def test_a_row_of_zeros_stays_zeros_whatever_its_magnitude() -> None:
    weight = normal(3, 6).float()
    weight[1] = 0
    low_rank = LowRank(torch.zeros(2, 6), torch.zeros(3, 2), 1.0, torch.ones(3, 1))
    assert torch.equal((weight + low_rank.change(weight))[1], torch.zeros(6))


def test_a_value_takes_the_place_of_the_weight(net: Net) -> None:
    value = normal(8, 6, seed=13)
    twin = patched(net, {"first.weight": WeightDelta(value=value)}, 0.3)
    torch.testing.assert_close(twin.first.weight, value, rtol=1e-6, atol=1e-6)


def test_half_precision_stays_half_precision(net: Net) -> None:
    half = net.bfloat16()
    for live in (False, True):
        twin = patched(half, PATCHES, 1.0, live=live)
        assert twin(X.bfloat16()).dtype == torch.bfloat16
        assert {p.dtype for p in twin.parameters()} == {torch.bfloat16}
