"""The text encoder against transformers' UMT5 and T5, every parameter randomised."""

import re
import warnings

import pytest
import torch

from spacetime_video.model_loaders.families import umt5
from spacetime_video.models.text.t5 import T5Encoder

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from transformers import T5Config, T5EncoderModel, UMT5Config, UMT5EncoderModel

SIZES = {"vocab_size": 40, "d_model": 24, "d_kv": 6, "d_ff": 40, "num_layers": 3, "num_heads": 5}
REFERENCES = {"umt5": (UMT5Config, UMT5EncoderModel), "t5": (T5Config, T5EncoderModel)}
WAN_NAMES = {
    r"shared": "token_embedding",
    r"encoder\.block\.(\d+)\.layer\.0\.layer_norm": r"blocks.\1.norm1",
    r"encoder\.block\.(\d+)\.layer\.0\.SelfAttention\.([qkvo])": r"blocks.\1.attn.\2",
    r"encoder\.block\.(\d+)\.layer\.0\.SelfAttention\.relative_attention_bias": (
        r"blocks.\1.pos_embedding.embedding"
    ),
    r"encoder\.block\.(\d+)\.layer\.1\.layer_norm": r"blocks.\1.norm2",
    r"encoder\.block\.(\d+)\.layer\.1\.DenseReluDense\.wi_0": r"blocks.\1.ffn.gate.0",
    r"encoder\.block\.(\d+)\.layer\.1\.DenseReluDense\.wi_1": r"blocks.\1.ffn.fc1",
    r"encoder\.block\.(\d+)\.layer\.1\.DenseReluDense\.wo": r"blocks.\1.ffn.fc2",
    r"encoder\.final_layer_norm": "norm",
}


def make_reference(kind):
    torch.manual_seed(0)
    config, model = REFERENCES[kind]
    reference = model(config(**SIZES, feed_forward_proj="gated-gelu")).eval()
    with torch.no_grad():
        for parameter in reference.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.3)
    return reference


def to_wan_layout(state_dict):
    renamed = {}
    for key, tensor in state_dict.items():
        for pattern, name in WAN_NAMES.items():
            if re.fullmatch(pattern + r"\.weight", key):
                renamed[re.sub(pattern, name, key)] = tensor
    return renamed


def build(state_dict):
    weights = umt5.to_pack_keys(state_dict)
    encoder = T5Encoder(umt5.derive_config(weights))
    encoder.load_state_dict(weights, strict=True)
    return encoder


def make_batch(length):
    token_ids = torch.randint(0, 40, (3, length), generator=torch.Generator().manual_seed(1))
    valid = torch.tensor([[length], [(length + 1) // 2], [1]])
    return token_ids, torch.arange(length) < valid


@pytest.mark.parametrize("length", [1, 7, 300])
@pytest.mark.parametrize(
    ("kind", "layout"),
    [("umt5", dict), ("t5", dict), ("umt5", to_wan_layout)],
    ids=["umt5-huggingface", "t5-huggingface", "umt5-wan"],
)
def test_encoder_equals_transformers(kind, layout, length):
    reference = make_reference(kind)
    encoder = build(layout(reference.state_dict()))
    token_ids, mask = make_batch(length)
    with torch.no_grad():
        expected = reference(input_ids=token_ids, attention_mask=mask.long()).last_hidden_state
        got = encoder(token_ids, mask)
    torch.testing.assert_close(got[mask], expected[mask], rtol=0, atol=1e-5)


def test_the_wan_layout_of_the_test_covers_every_weight():
    state_dict = make_reference("umt5").state_dict()
    assert len(to_wan_layout(state_dict)) == len(state_dict) - 1  # the embedding is there twice
