"""The host's memory, dtype, attention and compile settings are honoured."""

import pytest


@pytest.fixture(scope="module")
def measured(probe):
    return probe("limits", "sdpa")


def test_short_memory_is_answered_with_tiles_that_keep_the_clip_whole(measured):
    encoded, decoded = measured["short_memory"]["seen"]
    assert encoded == [[17, 288, 272], *[[17, h, w] for h in (256, 96) for w in (256, 80)]]
    assert decoded == [[5, 36, 34], *[[5, h, w] for h in (32, 12) for w in (32, 10)]]


def test_tiles_give_what_a_whole_pass_gives(measured):
    assert 0 < measured["short_memory"]["encoded"] < 0.002
    assert measured["short_memory"]["decoded"] > 60
    whole, tiled = measured["short_memory"]["quality"]
    assert tiled > whole - 0.1


def test_tiles_that_are_asked_for_do_not_cut_time(measured):
    assert max(measured["short_memory"]["asked"]) < 1e-5


@pytest.mark.parametrize("what", ["encode 192", "encode 256", "decode 192", "decode 256"])
def test_memory_estimates_are_near_what_is_used(measured, what):
    """They are those of the network: the process also holds the host's copies of the pictures."""
    assert 0.5 < measured["estimates"][what] < 1.3


@pytest.mark.parametrize(
    ("option", "dtype", "apart"),
    [
        ("bf16_unet", "torch.bfloat16", 0.01),
        ("fp16_unet", "torch.float16", 0.002),
        ("fp8_e4m3fn_unet", "torch.float8_e4m3fn", 0.1),
    ],
)
def test_the_dtype_that_the_host_was_started_with(measured, option, dtype, apart):
    found, difference = measured["dtypes"][option]
    assert found == dtype
    assert 0 < difference < apart


def test_an_attention_that_a_node_puts_in_is_used(measured):
    layers, kinds, steps = 3, 2, 4
    assert measured["attention"] == [layers * kinds * steps, 0.0]


@pytest.mark.parametrize("part", ["compiled", "compiled_blocks"])
def test_a_compiled_network_gives_the_same(measured, part):
    """Within rounding: outside of a graph, a CPU multiplies and attends in ways of its own."""
    assert measured[part] < 1e-4


def test_a_lora_is_found_by_its_name(measured):
    assert measured["lora"] > 1e-3
    assert measured["lora_at_zero"] == 0.0


def test_a_mask_per_frame_keeps_and_makes_its_own_places(measured):
    *kept, upper, made = measured["masked"]
    assert max(kept) < 1e-5
    assert min(upper, made) > 0.1


def test_a_mask_per_video_frame_keeps_the_first_frame_alone(measured):
    first, *others = measured["masked_per_video_frame"]
    assert first < 1e-5
    assert min(others) > 0.1
