import logging

import pytest
import torch

from spacetime_video.model_loaders.text import TextEncoder
from spacetime_video.model_loaders.tokenizer import Tokenizer, train_tokenizer
from spacetime_video.models.text.config import T5Config
from spacetime_video.models.text.t5 import T5Encoder


@pytest.fixture
def text_encoder(sentences):
    torch.manual_seed(0)
    tokenizer = Tokenizer(train_tokenizer(sentences, 100), 12)
    config = T5Config(
        vocab_size=tokenizer.vocab_size, d_model=16, d_kv=4, d_ff=24, layers=2, heads=4
    )
    return TextEncoder(T5Encoder(config), tokenizer)


def test_rows_after_the_text_are_zero(text_encoder):
    text = text_encoder.encode(["a red cube", "a small red cube moves left at night", ""])
    assert text.shape == (3, 12, 16)
    filled = text.abs().sum(dim=-1) > 0
    assert filled.sum(dim=1).tolist() == [4, 9, 1]
    assert not text.requires_grad


def test_encode_equals_the_network_run_on_all_rows(text_encoder):
    texts = ["a red cube", "a small blue cone moves up"]
    token_ids, mask = text_encoder.tokenizer.batch(texts)
    expected = text_encoder.encoder(token_ids, mask) * mask[..., None]
    torch.testing.assert_close(text_encoder.encode(texts), expected, rtol=0, atol=1e-6)


def test_one_warning_names_the_unknown_words(text_encoder, caplog):
    with caplog.at_level(logging.WARNING):
        text_encoder.encode(["a purple cube", "a red cube", "a purple dragon"])
    assert len(caplog.records) == 1
    assert "'purple', 'dragon'" in caplog.text


def test_known_words_warn_of_nothing(text_encoder, caplog):
    text_encoder.encode(["a red cube"])
    assert not caplog.records


def test_wrong_pairs_and_no_texts_are_refused(text_encoder, unigram_model):
    with pytest.raises(ValueError, match="no texts"):
        text_encoder.encode([])
    small = T5Encoder(T5Config(vocab_size=4, d_model=8, d_kv=4, d_ff=8, layers=1, heads=2))
    with pytest.raises(ValueError, match="knows 4 tokens"):
        TextEncoder(small, Tokenizer(unigram_model, 8))
