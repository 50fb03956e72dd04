"""Linear layers by oneDNN equal torch's own, in every layout, and each row by itself."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from spacetime_video.models import precision, products
from spacetime_video.models.layers import Unfilled
from spacetime_video.models.lora import LowRank, WeightDelta, patched
from spacetime_video.models.products import FeedForward, Linear, linear, linear_gelu, product

pytestmark = pytest.mark.skipif(
    not hasattr(torch.ops.mkldnn, "_linear_pointwise"), reason="torch was built without oneDNN"
)
SHARE = {torch.float32: 1e-6, torch.bfloat16: 3e-3}
"""How far a result may be from the exact one: its deviation as a share of its own."""


@pytest.fixture(autouse=True)
def every_type_is_fast(monkeypatch):
    """The fast path everywhere, whatever processor the tests run on."""
    monkeypatch.setattr(products, "FAST_TYPES", frozenset(SHARE))


def drawn(*shape, dtype=torch.float32):
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape))).to(dtype)


def error(result, exact):
    return float((result.double() - exact).norm() / exact.norm())


LAYOUTS = {
    "as they are": lambda x, w: (x, w),
    "a part of the rows": lambda x, w: (x[:, ::3], w),
    "transposed": lambda x, w: (x.mT.contiguous().mT, w.mT.contiguous().mT),
    "a part of the columns": lambda x, w: (x[..., :24], w[:, ::2][:, :24]),
    "one row": lambda x, w: (x[:1, :1], w),
    "no row": lambda x, w: (x[:, :0], w),
    "one vector": lambda x, w: (x[0, 0], w),
}


@pytest.mark.parametrize("dtype", SHARE)
@pytest.mark.parametrize("layout", LAYOUTS)
@torch.no_grad()
def test_product_equals_torch(layout, dtype):
    x, weight = LAYOUTS[layout](drawn(2, 30, 48, dtype=dtype), drawn(20, 48, dtype=dtype))
    bias = drawn(20, dtype=dtype)
    exact = functional.linear(x.double(), weight.double(), bias.double())
    expected = functional.linear(x, weight, bias)
    got = linear(x, weight, bias)
    assert (got.shape, got.dtype) == (expected.shape, dtype)
    if got.numel():
        assert error(got, exact) < SHARE[dtype]
        assert error(linear(x, weight), exact - bias.double()) < SHARE[dtype]
        fused = product(x, weight, bias, gelu=True)
        assert error(fused, functional.gelu(exact, approximate="tanh")) < SHARE[dtype]


@pytest.mark.parametrize("dtype", SHARE)
@pytest.mark.parametrize(("inputs", "outputs"), [(16, 256), (256, 1024), (1024, 16), (1536, 640)])
@torch.no_grad()
def test_a_row_does_not_depend_on_the_others(inputs, outputs, dtype):
    x, weight = drawn(1, 700, inputs, dtype=dtype), drawn(outputs, inputs, dtype=dtype)
    bias = drawn(outputs, dtype=dtype)
    whole = linear(x, weight, bias)
    for part in (slice(0, 2), slice(5, 25), slice(80, 160), slice(13, 333), slice(1, 700)):
        assert torch.equal(linear(x[:, part], weight, bias), whole[:, part])
        both = linear(x[:, part].expand(2, -1, -1), weight, bias)
        assert torch.equal(both, whole[:, part].expand(2, -1, -1))


def test_gradients_are_those_of_torch():
    layer = Linear(12, 8)
    plain = nn.Linear(12, 8)
    plain.load_state_dict(layer.state_dict())
    x = drawn(3, 5, 12)
    found = [_gradients(lambda x: linear_gelu(layer, x), layer, x)]
    found.append(_gradients(lambda x: functional.gelu(plain(x), approximate="tanh"), plain, x))
    for ours, theirs in zip(*found, strict=True):
        assert torch.equal(ours, theirs)


def _gradients(function, layer, x):
    x = x.clone().requires_grad_()
    function(x).square().sum().backward()
    return x.grad, layer.weight.grad, layer.bias.grad


@torch.no_grad()
def test_autocast_still_chooses_the_type():
    layer = Linear(16, 8)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(drawn(3, 16)).dtype == torch.bfloat16
        assert linear_gelu(layer, drawn(3, 16)).dtype == torch.bfloat16


@pytest.mark.parametrize("live", [False, True])
@torch.inference_mode()
def test_changed_weights_are_multiplied(live):
    network = FeedForward(Linear(16, 32), nn.GELU(approximate="tanh"), Linear(32, 8))
    change = LowRank(drawn(4, 16), drawn(32, 4), 0.5)
    changed = patched(network, {"0.weight": WeightDelta(low_rank=change)}, live=live)
    x = drawn(2, 5, 16)
    weight = network[0].weight.double() + 0.5 * change.up.double() @ change.down.double()
    hidden = functional.linear(x.double(), weight, network[0].bias.double())
    hidden = functional.gelu(hidden, approximate="tanh")
    exact = functional.linear(hidden, network[2].weight.double(), network[2].bias.double())
    assert error(changed(x), exact) < SHARE[torch.float32]
    assert error(network(x), exact) > 0.01


def test_networks_for_loaded_weights_have_the_fast_layers():
    assert issubclass(Unfilled.Linear, Linear)


def test_people_are_told_what_multiplies(monkeypatch):
    assert "bfloat16 and float32" in products.products_here()
    monkeypatch.setattr(products, "FAST_TYPES", frozenset())
    assert "torch chooses" in products.products_here()


PROCESSORS = {
    "amd": ("AuthenticAMD", "AVX512", True, True),
    "without avx-512": ("AuthenticAMD", "AVX2", True, False),
    "intel": ("GenuineIntel", "AVX512", True, False),
    "another blas": ("AuthenticAMD", "AVX512", False, False),
}


@pytest.mark.parametrize("which", PROCESSORS)
def test_the_processor_decides(which, monkeypatch):
    vendor, capability, mkl, slow = PROCESSORS[which]
    monkeypatch.setattr(precision, "_is_amd", lambda: vendor == "AuthenticAMD")
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: mkl)
    assert precision.has_slow_fp32() == slow
