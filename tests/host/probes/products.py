"""When ComfyUI's layers and its attention give way to the pack's on a CPU, and when they do not."""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from setting import report, seeded  # isort: skip

import comfy.ops
import torch
from comfy.cli_args import args
from comfy.ldm.modules import attention as theirs

from spacetime_video.hosts.comfyui import network
from spacetime_video.hosts.comfyui.layers import with_fast_products
from spacetime_video.models import products

products.FAST_TYPES = frozenset({torch.float32})
X = torch.randn(3, 16, generator=seeded(0))
counted = []


def count(function):
    def called(*arguments, **options):
        counted.append(function.__name__)
        return function(*arguments, **options)

    return called


def asked(function, *arguments):
    """The result, and how often the pack's product or attention was asked for it."""
    counted.clear()
    return function(*arguments), len(counted)


def layer_of(operations):
    layer = with_fast_products(operations).Linear(16, 8, dtype=torch.float32)
    with torch.no_grad():
        layer.weight.copy_(torch.randn(8, 16, generator=seeded(1)))
        layer.bias.copy_(torch.randn(8, generator=seeded(2)))
    return layer


def layers(operations):
    """What a layer of ComfyUI's namespace gives in the pack's, in the states it can be in."""
    layer = layer_of(operations)
    expected = torch.nn.functional.linear(X, layer.weight, layer.bias)
    (plain, ours), (half, of_half) = asked(layer, X), asked(layer.bfloat16(), X.bfloat16())
    layer = layer_of(operations)
    layer.weight_function = [lambda weight: 2 * weight]
    (patched, of_patched), (gelu, of_gelu) = asked(layer, X), asked(products.linear_gelu, layer, X)
    doubled = torch.nn.functional.linear(X, 2 * layer.weight, layer.bias)
    return {
        "asked": [ours, of_half, of_patched, of_gelu],
        "apart": [
            float((got - wanted).abs().max())
            for got, wanted in (
                (plain, expected),
                (half.float(), expected),
                (patched, doubled),
                (gelu, torch.nn.functional.gelu(doubled, approximate="tanh")),
            )
        ],
    }


def attentions():
    """How often the pack's attention is asked where a user or a node has chosen one, or nobody."""
    q, k, v = (torch.randn(1, 2, 300, 32, generator=seeded(number)) for number in range(3))
    attend = network.HostAttention()
    expected = theirs.attention_pytorch(q, k, v, 2, skip_reshape=True, skip_output_reshape=True)
    found = {"default": asked(attend, q, k, v), "small": asked(attend, q[:, :, :9], k, v)}
    args.use_quad_cross_attention = True
    found["told"] = asked(attend, q, k, v)
    args.use_quad_cross_attention = False
    network.optimized_attention = theirs.attention_split
    found["another"] = asked(attend, q, k, v)
    network.optimized_attention = theirs.attention_sub_quad
    with attend.with_options({"optimized_attention_override": lambda f, *a, **o: f(*a, **o)}):
        found["overridden"] = asked(attend, q, k, v)
    return {
        name: [times, float((result - expected[:, :, : result.shape[2]]).abs().max())]
        for name, (result, times) in found.items()
    }


products.product = count(products.product)
network.attend_in_chunks = count(network.attend_in_chunks)
with torch.inference_mode():
    made = {
        name: layers(getattr(comfy.ops, name)) for name in ("disable_weight_init", "manual_cast")
    }
    report(
        layers=made,
        others=with_fast_products(comfy.ops.fp8_ops) is comfy.ops.fp8_ops,
        attentions=attentions(),
    )
