import pytest
import torch
from torch import nn

from spacetime_video.models import text_encoder
from spacetime_video.models.text_encoder import UMT5_XXL, T5Config, T5Encoder, relative_buckets

TINY = T5Config(vocab_size=20, d_model=16, d_kv=4, d_ff=24, layers=3, heads=4)


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


def test_the_published_size():
    encoder = T5Encoder(UMT5_XXL, device="meta")
    assert sum(p.numel() for p in encoder.parameters()) == 5_680_910_336


@pytest.mark.parametrize(
    "wrong", [{"layers": 0}, {"relative_buckets": 6}, {"relative_max_distance": 8}]
)
def test_impossible_sizes_are_refused(wrong):
    with pytest.raises(ValueError, match=r"T5Config|do not fit"):
        T5Config(**{**vars(TINY), **wrong})
