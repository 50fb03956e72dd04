import pytest
import torch

from spacetime_video.model_loaders.families import umt5
from spacetime_video.model_loaders.keys import UnsupportedCheckpointError
from spacetime_video.models.text.config import T5Config
from spacetime_video.models.text.t5 import T5Encoder

TINY = T5Config(vocab_size=20, d_model=16, d_kv=4, d_ff=24, layers=3, heads=4)


def huggingface(config=TINY, device=None):
    torch.manual_seed(0)
    weights = T5Encoder(config, device=device).state_dict()
    return {**weights, "encoder.embed_tokens.weight": weights["shared.weight"]}


def test_the_published_shapes_give_the_published_sizes():
    published = T5Config(vocab_size=256384, d_model=4096, d_kv=64, d_ff=10240, layers=24, heads=64)
    weights = umt5.to_pack_keys(huggingface(published, device="meta"))
    assert umt5.derive_config(weights) == published
    assert sum(weight.numel() for weight in weights.values()) == 5_680_910_336


@pytest.mark.parametrize("bias_per_layer", [True, False])
def test_the_kind_of_bias_is_read_off_the_keys(bias_per_layer):
    config = T5Config(**{**vars(TINY), "bias_per_layer": bias_per_layer})
    assert umt5.derive_config(umt5.to_pack_keys(huggingface(config))) == config


@pytest.mark.parametrize("more", [{"qk_norm": True}, {"positions": 9}])
def test_norms_and_places_are_read_off_the_keys(more):
    config = T5Config(**{**vars(TINY), **more})
    assert umt5.derive_config(umt5.to_pack_keys(huggingface(config))) == config


@pytest.mark.parametrize("prefix", ["", "text_encoders.umt5xxl.transformer."])
def test_detect(prefix):
    assert umt5.detect([prefix + key for key in huggingface()])
    assert umt5.detect(["token_embedding.weight", "blocks.0.ffn.gate.0.weight"])
    assert not umt5.detect(["blocks.0.self_attn.q.weight", "blocks.0.ffn.0.weight"])


def test_an_embedding_under_its_other_name_is_found():
    weights = huggingface()
    shared = weights.pop("shared.weight")
    assert umt5.to_pack_keys(weights)["shared.weight"] is shared


def test_a_repack_with_tokenizer_and_float8():
    weights = huggingface()
    key = "encoder.block.1.layer.1.DenseReluDense.wo.weight"
    weights[key] = weights[key].to(torch.float8_e4m3fn)
    spiece = torch.arange(5, dtype=torch.uint8)
    repack = {
        **weights,
        key.replace(".weight", ".scale_weight"): torch.tensor(0.25),
        "scaled_fp8": torch.zeros(0).to(torch.float8_e4m3fn),
        "spiece_model": spiece,
    }
    prefixed = {f"text_encoders.umt5xxl.transformer.{name}": t for name, t in repack.items()}
    for state_dict in (repack, {**prefixed, "vae.conv1.weight": torch.zeros(1)}):
        plain = umt5.to_pack_keys(state_dict, dtype=torch.float32)
        assert set(plain) == set(T5Encoder(TINY).state_dict())
        assert torch.equal(plain[key], weights[key].float() * 0.25)
        assert umt5.tokenizer_tensor(state_dict) is spiece


def test_a_file_without_tokenizer_has_none():
    assert umt5.tokenizer_tensor(huggingface()) is None


def test_an_unknown_tensor_is_named():
    with pytest.raises(UnsupportedCheckpointError, match=r"'lora\.weight'"):
        umt5.to_pack_keys({**huggingface(), "lora.weight": torch.zeros(1)})


def test_an_incomplete_file_is_refused():
    weights = umt5.to_pack_keys(huggingface())
    del weights["shared.weight"]
    with pytest.raises(UnsupportedCheckpointError, match=r"lacks shared\.weight"):
        umt5.derive_config(weights)
