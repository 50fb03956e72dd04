from dataclasses import replace

import pytest
import torch
from torch import nn

from spacetime_video.models.text import t5 as text_encoder
from spacetime_video.models.text.config import T5Config
from spacetime_video.models.text.t5 import T5Encoder, initialise, relative_buckets

TINY = T5Config(vocab_size=20, d_model=16, d_kv=4, d_ff=24, layers=3, heads=4)
NORMED = replace(TINY, qk_norm=True, positions=12)


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return T5Encoder(TINY).eval()


def test_padding_does_not_reach_the_valid_rows(encoder):
    token_ids = torch.tensor([[3, 4, 5, 1, 0, 0], [3, 4, 5, 1, 7, 9]])
    mask = torch.tensor([[True] * 4 + [False] * 2] * 2)
    padded = encoder(token_ids, mask)
    alone = encoder(token_ids[:1, :4], mask[:1, :4])
    assert torch.equal(padded[0, :4], padded[1, :4])
    torch.testing.assert_close(padded[:1, :4], alone, rtol=0, atol=1e-6)


def test_bfloat16_stays_near_float32(encoder):
    token_ids, mask = torch.arange(1, 9)[None], torch.ones(1, 8, dtype=torch.bool)
    exact = encoder(token_ids, mask)
    rough = encoder.to(torch.bfloat16)(token_ids, mask)
    assert rough.dtype == torch.bfloat16
    assert (rough.float() - exact).norm() < 2e-2 * exact.norm()


def test_a_row_without_any_valid_token_is_finite(encoder):
    out = encoder(torch.zeros(1, 4, dtype=torch.long), torch.zeros(1, 4, dtype=torch.bool))
    assert out.isfinite().all()


def test_buckets_by_hand():
    buckets = relative_buckets(300, buckets=32, max_distance=128)
    assert buckets[0, :9].tolist() == [0, 17, 18, 19, 20, 21, 22, 23, 24]
    assert buckets[:9, 0].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert buckets[200, 0] == 15
    assert buckets[0, 299] == 31
    assert torch.equal(buckets[5:, 5:], buckets[:-5, :-5])


@pytest.mark.parametrize(("bias_per_layer", "tables"), [(True, 3), (False, 1)])
def test_only_layers_with_a_table_have_one(bias_per_layer, tables):
    config = T5Config(**{**vars(TINY), "bias_per_layer": bias_per_layer})
    names = T5Encoder(config).state_dict()
    assert sum("relative_attention_bias" in name for name in names) == tables


def test_buckets_are_computed_once_per_call(encoder, monkeypatch):
    calls = []

    def count(*args, **kwargs):
        calls.append(args)
        return relative_buckets(*args, **kwargs)

    monkeypatch.setattr(text_encoder, "relative_buckets", count)
    encoder(torch.ones(2, 5, dtype=torch.long), torch.ones(2, 5, dtype=torch.bool))
    assert len(calls) == 1


def test_layers_come_from_the_given_namespace():
    made = []

    class Ops:
        class Linear(nn.Linear):
            def __init__(self, *args, **kwargs):
                made.append("linear")
                super().__init__(*args, **kwargs)

        class Embedding(nn.Embedding):
            def __init__(self, *args, **kwargs):
                made.append("embedding")
                super().__init__(*args, **kwargs)

    T5Encoder(TINY, ops=Ops, device="meta", dtype=torch.float16)
    assert made.count("linear") == 7 * TINY.layers
    assert made.count("embedding") == 1 + TINY.layers


@pytest.mark.parametrize(
    "wrong", [{"layers": 0}, {"relative_buckets": 6}, {"relative_max_distance": 8}]
)
def test_impossible_sizes_are_refused(wrong):
    with pytest.raises(ValueError, match=r"T5Config|do not fit"):
        T5Config(**{**vars(TINY), **wrong})


def test_normed_queries_and_keys_cannot_saturate():
    """However large its weights are, a head's logits stay within d_kv^1/2 of each other's mean."""
    torch.manual_seed(0)
    encoder = T5Encoder(NORMED).eval()
    token_ids, mask = torch.arange(1, 9)[None], torch.ones(1, 8, dtype=torch.bool)
    with torch.no_grad():
        before = encoder(token_ids, mask)
        for block in encoder.encoder.block:
            for layer in (block.layer[0].SelfAttention.q, block.layer[0].SelfAttention.k):
                layer.weight.mul_(1000.0)
        after = encoder(token_ids, mask)
    torch.testing.assert_close(before, after, rtol=1e-3, atol=1e-4)


def test_places_are_told_apart():
    torch.manual_seed(0)
    same = torch.full((1, 6), 5)
    mask = torch.ones_like(same, dtype=torch.bool)
    bias_free = replace(NORMED, positions=0)
    for config, differ in ((NORMED, True), (bias_free, False)):
        encoder = T5Encoder(config).eval()
        for block in encoder.encoder.block:
            nn.init.zeros_(block.layer[0].SelfAttention.relative_attention_bias.weight)
        rows = encoder(same, mask)[0]
        assert torch.allclose(rows[0], rows[3], atol=1e-5) is not differ


def test_a_text_beyond_the_places_is_rejected():
    ids = torch.ones(1, 13, dtype=torch.long)
    with pytest.raises(ValueError, match="13 tokens for an encoder of 12 positions"):
        T5Encoder(NORMED)(ids, torch.ones_like(ids, dtype=torch.bool))


def test_fresh_weights_begin_at_neighbouring_words_and_do_not_saturate():
    config = T5Config(vocab_size=96, d_model=96, d_kv=32, d_ff=192, layers=2, heads=3)
    encoder = T5Encoder(config)
    initialise(encoder, torch.Generator().manual_seed(0))
    for number, sharpness in enumerate((1.0, 0.5)):
        attention = encoder.encoder.block[number].layer[0].SelfAttention
        x = torch.randn(1, 9, 96, generator=torch.Generator().manual_seed(1))
        with torch.no_grad():
            q, k = (layer(x).unflatten(-1, (3, 32)) for layer in (attention.q, attention.k))
            logits = q.transpose(1, 2) @ k.transpose(1, 2).mT
        assert float(logits.std()) == pytest.approx(1.0, rel=0.3)
        table = attention.relative_attention_bias.weight.detach()
        buckets = relative_buckets(9, buckets=32, max_distance=128)
        for head, look in enumerate((-1, 1, 0)):
            row = table[buckets[4], head]
            assert int(row.argmax()) == 4 + look
            away = (torch.arange(9) - 4 - look).abs()
            torch.testing.assert_close(row, (-sharpness * away).clamp(min=-6.0))
