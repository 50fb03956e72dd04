import pytest
import sentencepiece
import torch

from spacetime_video.model_loaders.tokenizer import (
    EOS,
    PAD,
    Tokenizer,
    clean_text,
    tokenizer_from_tensor,
    tokenizer_to_tensor,
    train_tokenizer,
)


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("  a\tred \n\n cube ", "a red cube"),
        ("salt &amp;amp; pepper &lt;b&gt;", "salt & pepper <b>"),
        ("don\u2019t say \u201cstop\u201d", 'don\'t say "stop"'),
        ("cafe\u0301", "caf\u00e9"),
        ("a\u00a0cube\u3000moves", "a cube moves"),
        ("", ""),
    ],
)
def test_clean_text(raw, clean):
    assert clean_text(raw) == clean


def test_ids_are_those_of_sentencepiece_and_the_end(unigram_model, sentences):
    plain = sentencepiece.SentencePieceProcessor(model_proto=unigram_model)
    tokenizer = Tokenizer(unigram_model, 64)
    for sentence in sentences:
        assert tokenizer.encode(sentence) == [*plain.encode(sentence), EOS]


def test_a_long_text_is_cut_and_keeps_the_end(unigram_model):
    whole = Tokenizer(unigram_model, 64).encode("a small red cube moves left")
    for length in (1, 2, len(whole) - 1, len(whole), len(whole) + 1):
        ids = Tokenizer(unigram_model, length).encode("a small red cube moves left")
        assert ids == [*whole[: min(length, len(whole)) - 1], EOS]


def test_batch_pads_and_masks(unigram_model):
    tokenizer = Tokenizer(unigram_model, 12)
    texts = ["a red cube", "", "a large blue sphere moves down at dawn, slowly. " * 3]
    token_ids, mask = tokenizer.batch(texts)
    assert token_ids.shape == mask.shape == (3, 12)
    assert (token_ids.dtype, mask.dtype) == (torch.int64, torch.bool)
    assert mask.sum(dim=1).tolist() == [len(tokenizer.encode(text)) for text in texts]
    assert (token_ids[~mask] == PAD).all()
    for row, valid, text in zip(token_ids, mask, texts, strict=True):
        assert row[valid].tolist() == tokenizer.encode(text)


def test_unknown_words_are_listed_once_and_in_order(unigram_model):
    tokenizer = Tokenizer(unigram_model, 64)
    assert tokenizer.unknown_words("a red cube moves left") == []
    assert tokenizer.unknown_words("a \u4e2d cube, \u00fcber \u4e2d") == ["\u4e2d", "\u00fcber"]


def test_the_tensor_brings_the_same_tokenizer_back(unigram_model):
    tensor = tokenizer_to_tensor(unigram_model)
    assert tensor.dtype == torch.uint8
    tokenizer = tokenizer_from_tensor(tensor, 32)
    assert (tokenizer.model_bytes, tokenizer.max_length) == (unigram_model, 32)


def test_wrong_tokenizers_are_refused(unigram_model):
    with pytest.raises(ValueError, match=r"spiece\.model"):
        Tokenizer(b"not a model", 8)
    with pytest.raises(ValueError, match="at least the end-of-text"):
        Tokenizer(unigram_model, 0)
    with pytest.raises(ValueError, match="uint8"):
        tokenizer_from_tensor(torch.zeros(4), 8)


def test_a_model_with_other_special_ids_is_refused(unigram_model, monkeypatch):
    monkeypatch.setattr(sentencepiece.SentencePieceProcessor, "pad_id", lambda _: -1)
    with pytest.raises(ValueError, match=r"\(-1, 1, 2\), expected \(0, 1, 2\)"):
        Tokenizer(unigram_model, 8)


def test_trained_tokenizer_has_a_piece_per_word(sentences):
    tokenizer = Tokenizer(train_tokenizer(sentences, 100), 32)
    words = {word for sentence in sentences for word in sentence.rstrip(".").split()}
    assert tokenizer.vocab_size == 3 + len({word.rstrip(",") for word in words})
    assert len(tokenizer.encode("a small red cube")) == 5
    assert tokenizer.encode("A Small RED, cube!") == tokenizer.encode("a small red cube")
    assert tokenizer.unknown_words("a purple cube") == ["purple"]


def test_trained_tokenizer_is_the_same_every_time(sentences):
    assert train_tokenizer(sentences, 100) == train_tokenizer(sentences, 100)


def test_trained_tokenizer_keeps_the_most_frequent_words(sentences):
    tokenizer = Tokenizer(train_tokenizer(sentences, 6), 32)
    assert tokenizer.vocab_size == 6
    assert tokenizer.unknown_words("moves at night, slowly") == ["night,"]
