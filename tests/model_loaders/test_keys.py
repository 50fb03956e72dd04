import pytest
import torch

from spacetime_video.model_loaders.keys import (
    UnsupportedCheckpointError,
    count_blocks,
    rename,
    strip_prefixes,
)


def tensors(*keys):
    return {key: torch.tensor(index) for index, key in enumerate(keys)}


def test_the_first_rule_that_matches_the_whole_key_wins():
    table = [(r"a\.(\d+)", r"first.\1"), (r"a\..*", "second"), (r"skip", None)]
    renamed = rename(tensors("a.12", "a.x", "skip"), table)
    assert {key: int(value) for key, value in renamed.items()} == {"first.12": 0, "second": 1}


def test_keys_without_a_rule_are_listed_up_to_five():
    with pytest.raises(UnsupportedCheckpointError, match=r"'k0'.*'k4' and 2 more"):
        rename(tensors("ab", *(f"k{i}" for i in range(7))), [(r"ab", "ab")])


def test_half_a_match_is_none():
    with pytest.raises(UnsupportedCheckpointError, match="'abc'"):
        rename(tensors("abc"), [(r"ab", "ab")])


def test_two_keys_with_one_new_name_are_refused():
    with pytest.raises(UnsupportedCheckpointError, match="both become 'x', the second is 'b'"):
        rename(tensors("a", "b"), [(r"[ab]", "x")])


def test_strip_prefixes_takes_the_first_prefix_present():
    state_dict = tensors("model.net.a", "model.b", "vae.c")
    assert set(strip_prefixes(state_dict, ["other.", "model.net.", "model."])) == {"a"}
    assert set(strip_prefixes(state_dict, ["model."])) == {"net.a", "b"}
    assert strip_prefixes(state_dict, ["none."]) == state_dict


def test_count_blocks():
    keys = ["blocks.0.a", "blocks.1.b", "blocks.2.c", "other.40.blocks.50."]
    assert count_blocks(keys, r"blocks\.(\d+)\.") == 3
    assert count_blocks(keys, r"layers\.(\d+)\.") == 0


@pytest.mark.parametrize("number", [2, 10**9, 10**200])
def test_blocks_with_gaps_are_refused(number):
    keys = ["blocks.0.a", f"blocks.{number}.b"]
    with pytest.raises(UnsupportedCheckpointError, match="but no block 1"):
        count_blocks(keys, r"blocks\.(\d+)\.")
