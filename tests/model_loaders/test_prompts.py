"""Prompts with weights are read by ComfyUI's rules, and what will not be followed is told."""

import pytest
import torch

from spacetime_video.model_loaders.prompts import read_prompt, weighted_segments
from spacetime_video.model_loaders.text import TextEncoder
from spacetime_video.model_loaders.tokenizer import EOS, PAD, Tokenizer, train_tokenizer
from spacetime_video.models.text.t5 import T5Config, T5Encoder

LENGTH = 12


@pytest.fixture(scope="module")
def tokenizer(sentences):
    return Tokenizer(train_tokenizer(sentences, 100), LENGTH)


@pytest.fixture(scope="module")
def text_encoder(tokenizer):
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=tokenizer.vocab_size, d_model=16, d_kv=4, d_ff=24, layers=2, heads=4
    )
    return TextEncoder(T5Encoder(config), tokenizer)


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("a red cube", [("a red cube", 1.0)]),
        ("a (red) cube", [("a ", 1.0), ("red", 1.1), (" cube", 1.0)]),
        ("(red:1.5)", [("red", 1.5)]),
        ("(red:-0.5) cube", [("red", -0.5), (" cube", 1.0)]),
        ("((red))", [("red", 1.1 * 1.1)]),
        ("(a (red:1.5) cube:0.5)", [("a ", 0.5), ("red", 1.5), (" cube", 0.5)]),
        ("(at 10:30)", [("at 10", 30.0)]),
        ("(red:more)", [("red:more", 1.1)]),
        ("(:1.5)", [(":1.5", 1.1)]),
        (r"a \(red\) cube", [("a (red) cube", 1.0)]),
        (r"(red \(dark\):1.2)", [("red (dark)", 1.2)]),
        ("a (red cube", [("a ", 1.0), ("(red cube", 1.0)]),
        ("a red) (cube:2)", [("a red) (cube:2)", 1.0)]),
        ("()", []),
        ("", []),
    ],
)
def test_weights_of_the_parts(text, segments):
    assert weighted_segments(text) == segments


def test_deep_nesting_is_read():
    depth = 3000
    ((word, weight),) = weighted_segments("(" * depth + "red:2" + ")" * depth)
    assert (word, weight) == ("red", 2.0)


@pytest.mark.parametrize("number", ["nan", "inf", "1e999"])
def test_a_weight_that_is_not_finite_is_refused(number):
    with pytest.raises(ValueError, match=f"weight of .red:{number}. .*not a finite number"):
        weighted_segments(f"a (red:{number}) cube")


def test_tokens_carry_their_weights_up_to_the_end_of_text(tokenizer):
    prompt = read_prompt(tokenizer, "a (red cube:1.5) moves")
    ids = [*tokenizer.pieces("a red cube moves"), EOS]
    weights = [1.0, 1.5, 1.5, 1.0]
    pairs = zip(ids, [*weights, 1.0], strict=True)
    assert prompt.tokens == (*pairs, *[(PAD, 1.0)] * (LENGTH - 5))
    assert prompt.problems == ()


def test_without_parentheses_the_bits_are_those_of_the_text(text_encoder):
    for text in ("a red cube moves left", "", "a small red cube moves left at night slowly a a a"):
        made = text_encoder.encode_prompt(read_prompt(text_encoder.tokenizer, text))
        assert torch.equal(made, text_encoder.encode([text]))


def test_a_weight_moves_its_tokens_away_from_the_empty_prompt(text_encoder):
    plain, empty = text_encoder.encode(["a red cube", ""])
    prompt = read_prompt(text_encoder.tokenizer, "a (red cube:1.5)")
    expected = plain.clone()
    expected[1:3] = empty[1:3] + 1.5 * (plain[1:3] - empty[1:3])
    torch.testing.assert_close(text_encoder.encode_prompt(prompt)[0], expected)
    first = text_encoder.encode_prompt(read_prompt(text_encoder.tokenizer, "(a:0) red cube"))
    torch.testing.assert_close(first[0, 0], empty[0])
    torch.testing.assert_close(first[0, 1:], plain[1:])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a (purple:1.5) cube", "does not know the words 'purple': they will not be followed"),
        ("a (red:1.5 cube", "an unmatched parenthesis"),
        ("a red) cube (left:2)", "an unmatched parenthesis"),
        ("a red cube " * 5, "shorten the prompt: it has 15 tokens, and only the first 11 are read"),
    ],
)
def test_what_will_not_be_followed_is_told(tokenizer, text, problem):
    assert any(problem in each for each in read_prompt(tokenizer, text).problems)


@pytest.mark.parametrize(("text", "weights"), [("a (red:1.5) cube", True), ("a red cube", False)])
def test_of_a_good_prompt_nothing_is_told(tokenizer, text, weights):
    assert read_prompt(tokenizer, text, weights=weights).problems == ()
