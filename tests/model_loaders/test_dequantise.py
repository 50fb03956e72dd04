import json

import pytest
import torch

from spacetime_video.model_loaders.dequantise import dequantise
from spacetime_video.model_loaders.keys import UnsupportedCheckpointError

FLOAT8 = torch.float8_e4m3fn


def stored(seed=0):
    noise = torch.randn(6, 4, generator=torch.Generator().manual_seed(seed))
    return noise.to(FLOAT8)


def marker(**entry):
    return torch.frombuffer(bytearray(json.dumps(entry).encode()), dtype=torch.uint8)


@pytest.mark.parametrize(
    ("scale_name", "extra"),
    [
        (
            "a.scale_weight",
            {"scaled_fp8": torch.zeros(2).to(FLOAT8), "a.scale_input": torch.ones(())},
        ),
        ("a.weight_scale", {"a.comfy_quant": marker(format="float8_e4m3fn")}),
    ],
    ids=["scaled_fp8", "comfy_quant"],
)
def test_scaled_weights_are_restored(scale_name, extra):
    weight, bias = stored(), torch.ones(6, dtype=torch.float16)
    state_dict = {"a.weight": weight, "a.bias": bias, scale_name: torch.tensor(0.5), **extra}
    plain = dequantise(state_dict, dtype=torch.float32)
    assert set(plain) == {"a.weight", "a.bias"}
    assert torch.equal(plain["a.weight"], weight.float() * 0.5)
    assert plain["a.bias"] is bias


def test_float8_without_a_scale_is_cast():
    plain = dequantise({"a.weight": stored()}, dtype=torch.bfloat16)
    assert torch.equal(plain["a.weight"], stored().to(torch.bfloat16))


@pytest.mark.parametrize("name", ["nvfp4", "int8_convrot", "mxfp8"])
def test_other_formats_are_refused(name):
    state_dict = {
        "a.weight": torch.zeros(4, dtype=torch.uint8),
        "a.comfy_quant": marker(format=name),
    }
    with pytest.raises(UnsupportedCheckpointError, match=f"'a' is quantised as '{name}'"):
        dequantise(state_dict, dtype=torch.float32)


def test_formats_named_in_the_header_are_refused():
    header = {"_quantization_metadata": json.dumps({"layers": {"a": {"format": "nvfp4"}}})}
    with pytest.raises(UnsupportedCheckpointError, match="nvfp4"):
        dequantise({"a.weight": torch.zeros(4)}, dtype=torch.float32, metadata=header)


def test_one_scale_per_row_is_refused():
    state_dict = {"a.weight": stored(), "a.weight_scale": torch.ones(6)}
    with pytest.raises(UnsupportedCheckpointError, match=r"shape \(6,\)"):
        dequantise(state_dict, dtype=torch.float32)
