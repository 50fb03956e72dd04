"""Blocks, frames and seeds written as text."""

import pytest

from spacetime_video.nodes.helpers.number_text import (
    read_factors,
    read_keys,
    read_numbers,
    read_seeds,
)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("3", (3,)),
        ("1, 2", (1, 2)),
        ("7-9", (7, 8, 9)),
        ("9,7 - 8,, 7", (7, 8, 9)),
        ("4-4", (4,)),
        ("", ()),
        (" , ", ()),
        ("\uff11\uff0c2\u3001\uff17-\uff19", (1, 2, 7, 8, 9)),
    ],
)
def test_numbers(text, numbers):
    assert read_numbers(text) == numbers


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("x", "'x' is not a number"),
        ("1, -2", "'-2' is not a number"),
        ("1.5", "'1.5' is not a number"),
        ("1 2", "'1 2' is not a number"),
        ("9-7", "'9-7' is not a valid range: write the smaller number first"),
        ("0-99999999999", "at most 10000 numbers"),
    ],
)
def test_what_is_no_number(text, problem):
    with pytest.raises(ValueError, match=problem):
        read_numbers(text)


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("0: 5, 3-4: 17", {0: 5, 3: 17, 4: 17}),
        ("2:18446744073709551615", {2: 2**64 - 1}),
        ("1-2: 7, 2 : 7", {1: 7, 2: 7}),
        ("0\uff1a5\uff0c3\uff1a17", {0: 5, 3: 17}),
        ("", {}),
    ],
)
def test_seeds(text, seeds):
    assert read_seeds(text) == seeds


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("3", "'3' is not a frame with its seed"),
        ("3: x", "'3: x' is not a frame with its seed"),
        ("3: -1", "'3: -1' is not a frame with its seed"),
        ("x: 3", "'x' is not a number"),
        ("4-3: 1", "'4-3' is not a valid range"),
        ("1-3: 5, 2: 6", "frame 2 has two seeds, 5 and 6"),
    ],
)
def test_what_is_no_seed(text, problem):
    with pytest.raises(ValueError, match=problem):
        read_seeds(text)


def test_keys_are_times_with_numbers():
    assert read_keys("0: 1, 24: 0.3") == ((0, 1), (24, 0.3))
    assert read_keys("0:(1.0), 24:(.3),") == ((0, 1), (24, 0.3))
    assert read_keys("０：１、1.5：２") == ((0, 1), (1.5, 2))  # noqa: RUF001
    assert read_factors("1, .5,0") == (1, 0.5, 0)
    for text in ("24", "0: (1", "0: 1)", "0: 1: 2", ": 1", "0:"):
        with pytest.raises(ValueError, match=r"is not a (time with its )?number"):
            read_keys(text)
